"""Whose a credential is: Pleo is asked when a connection is set up, and not by every export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.config import Config, load
from counterfoil.runner.once import run_once
from counterfoil.runner.setting_up import with_company
from counterfoil.sandbox import Company, State
from counterfoil.sandbox.app import create_app
from counterfoil.testing.charts import chart_of
from counterfoil.testing.kind import memory_kind
from counterfoil.testing.memory import MemoryLedger
from tests.pleo.serving import served

CONFIGURATION = """\
[pleo]
base_url = "{url}"
api_key = "env:KEY"

[[connection]]
name = "acme"
company_id = "{company_id}"
system = "memory"

[connection.accounts]
wallet = "1800"
"""


@pytest.fixture
def company() -> Company:
    return State().add_company()


@pytest.fixture
def config(company: Company, tmp_path: Path) -> Iterator[Config]:
    ledger = MemoryLedger(chart_of("1800", "6100"))
    path = tmp_path / "counterfoil.toml"
    with served(create_app(company.state)) as url:
        path.write_text(CONFIGURATION.format(url=url, company_id=company.id))
        yield load(path, {"KEY": company.api_key}, {"memory": memory_kind(ledger)})


async def test_an_export_whose_company_is_configured_asks_for_no_more_than_it_needs(
    company: Company, config: Config
) -> None:
    company.add_item()
    company.state.queue_job(company.id)
    (report,) = await run_once(config)
    assert (report.error, [job.outcome for job in report.jobs]) == (None, ["completed"])
    with config.open_register() as register:
        assert not register.installations.all()


async def test_what_pleo_told_at_the_set_up_must_agree(company: Company, config: Config) -> None:
    (connection,) = config.connections
    with config.open_register() as register:
        unnamed = replace(connection, company_id="")
        assert (await with_company(unnamed, register)).company_id == company.id
    other = replace(connection, company_id="99abc3d4-e567-890e-1234-abc56e78fabc")
    (report,) = await run_once(replace(config, connections=(other,)))
    assert company.id in str(report.error)
    assert other.company_id in str(report.error)


async def test_the_rules_are_told_whose_expenses_are_booked(config: Config) -> None:
    (connection,) = config.connections
    settings = connection.settings_for(connection.open_books())
    assert settings.company_id == connection.company_id

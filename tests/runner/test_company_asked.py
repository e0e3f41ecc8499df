"""Before a job is claimed Pleo is asked whose the credential is; only its word stops an export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.config import Config, load
from counterfoil.runner.once import run_once
from counterfoil.sandbox import Company, State
from counterfoil.sandbox.app import create_app
from counterfoil.sandbox.faults import Fault
from counterfoil.sandbox.kinds import Kind
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


async def test_a_lost_answer_stops_no_export_and_the_next_run_asks_again(
    company: Company, config: Config
) -> None:
    company.state.faults.append(Fault(Kind.DROP_AFTER, "create_installation", times=1))
    company.add_item()
    company.state.queue_job(company.id)
    (report,) = await run_once(config)
    assert (report.error, [job.outcome for job in report.jobs]) == (None, ["completed"])
    with config.open_register() as register:
        assert not register.installations.all()
    await run_once(config)
    with config.open_register() as register:
        assert register.installations.all()["acme"].company_id == company.id


async def test_the_rules_are_told_whose_expenses_are_booked(config: Config) -> None:
    (connection,) = config.connections
    settings = connection.settings_for(connection.open_books())
    assert settings.company_id == connection.company_id

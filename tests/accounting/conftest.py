"""The demo company's year, exported by the real run into a real ledger, once for all stories."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from counterfoil.config import load
from counterfoil.runner.once import run_once
from counterfoil.sandbox import SandboxServer, State
from counterfoil.sandbox.books import demo_config_toml, write_demo_books
from counterfoil.sandbox.company import seed_company
from tests.accounting.exported import Exported

ITEMS = 200


@pytest.fixture(scope="session", params=[False, True], ids=["journal", "accounts payable"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Export a year of expenses, without and with vendor based bookkeeping."""
    folder = tmp_path_factory.mktemp("year")
    company = seed_company(State(), items=ITEMS)
    job = company.state.queue_job(company.id, vendor_based=request.param)
    ledger = write_demo_books(folder / "books")
    configuration = folder / "counterfoil.toml"
    with SandboxServer(company.state) as server:
        served = _items(server.url, company.api_key, job)
        configuration.write_text(demo_config_toml(server.url, company_id=company.id), "utf-8")
        config = load(configuration, {"PLEO_API_KEY": company.api_key})
        reports = asyncio.run(run_once(config))
    return Exported(ledger, configuration, _keep(folder, served), reports)


def _items(url: str, key: str, job: str) -> str:
    """Read the items as Pleo serves them, in one page."""
    asked = {"job_id": job, "limit": str(ITEMS)}
    answer = httpx.get(f"{url}/v3/export-items", params=asked, auth=(key, ""))
    answer.raise_for_status()
    assert answer.json()["pagination"]["hasNextPage"] is False
    return answer.text


def _keep(folder: Path, served: str) -> Path:
    path = folder / "items.json"
    path.write_text(served, "utf-8")
    return path

"""What the stories about the bridge share: a local Pleo, a register, and an old program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson

from counterfoil.bridge.app import create_app
from counterfoil.bridge.server import working
from counterfoil.bridge.work import Work
from counterfoil.config import Connection, load
from counterfoil.register import open_register
from counterfoil.sandbox import Company, SandboxServer, State
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.testing.world import AT_ONCE, WorldClock

TOKEN = "old-token"
CONFIGURATION = """\
[pleo]
base_url = "{url}"
api_key = "env:PLEO_API_KEY"

[register]
url = "sqlite:///counterfoil.db"

[[connection]]
name = "acme"
company_id = "{company_id}"
system = "expenses-bridge"

[connection.bridge]
token = "env:OLD_PLEO_TOKEN"
"""


@dataclass
class OldProgram:
    """An old program's way to ask: paths and JSON, no more."""

    http: httpx.AsyncClient
    work: Work

    async def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401 -- any query, any JSON
        answer = await self.ask("GET", path, params=query or None)
        assert answer.status_code == 200, answer.text
        return simplejson.loads(answer.content, use_decimal=True)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 -- httpx's own
        return await self.http.request(method, path, **more)

    async def queued(self) -> list[str]:
        return await self.ids(status="QUEUED")

    async def ids(self, **query: Any) -> list[str]:  # noqa: ANN401 -- any query
        return [each["id"] for each in (await self.get("/v1/expenses", **query))["expenses"]]

    async def mark(self, status: str, *ids: str) -> httpx.Response:
        body = {"ids": list(ids), "status": status}
        return await self.ask("PUT", "/v1/expenses", json=body)

    async def exported(self, *ids: str) -> None:
        answer = await self.mark("EXPORTED", *ids)
        assert answer.status_code == 200, answer.text


@dataclass
class Acme:
    """A company in a local Pleo that an old program exports, and the register beside it."""

    company: Company
    connection: Connection
    register_url: str
    clock: WorldClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = WorldClock(self.state)

    @property
    def state(self) -> State:
        return self.company.state

    def item(self, **fields: Any) -> str:  # noqa: ANN401 -- add_item's own
        return self.company.add_item(**fields)

    def items(self, count: int) -> list[str]:
        return [self.item(value=1000 + number) for number in range(count)]

    def export(self, *ids: str) -> str:
        """Click Export in Pleo, for these or all that wait; returns the job's id."""
        return self.state.queue_job(self.company.id, list(ids) or None)

    def fault(self, kind: Kind, endpoint: str, **options: Any) -> None:  # noqa: ANN401 -- Fault's own
        self.state.faults.append(Fault(kind, endpoint, **options))

    def pass_time(self, **time: float) -> None:
        self.state.clock.advance(timedelta(**time))

    def job(self, job_id: str) -> str:
        return str(self.state.job(job_id).status)

    def outcomes(self, job_id: str) -> dict[str, str]:
        """Say what Pleo holds of each item of a job."""
        return {item.id: item.status for item in self.state.job(job_id).items.values()}

    def reason(self, job_id: str, entry_id: str) -> str:
        return self.state.job(job_id).items[entry_id].failure_reason or ""

    @asynccontextmanager
    async def bridge(self, token: str = TOKEN) -> AsyncIterator[OldProgram]:
        """Start the bridge as a process would, and point an old program at it."""
        with open_register(self.register_url) as register:
            async with working(
                self.connection, register, retries=AT_ONCE, clock=self.clock
            ) as work:
                await work.resume()
                transport = httpx.ASGITransport(create_app(work, TOKEN))
                headers = {"Authorization": f"Bearer {token}"}
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://bridge", headers=headers
                ) as http:
                    yield OldProgram(http, work)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Acme]:
    """Serve a company without expenses yet."""
    state = State(seed=1)
    company = state.add_company(name="Acme")
    with SandboxServer(state) as server:
        path = tmp_path / "counterfoil.toml"
        path.write_text(CONFIGURATION.format(url=server.url, company_id=company.id))
        config = load(path, {"PLEO_API_KEY": company.api_key, "OLD_PLEO_TOKEN": TOKEN})
        yield Acme(company, config.connections[0], f"sqlite:///{tmp_path / 'register.db'}")


@pytest.fixture
async def old(acme: Acme) -> AsyncIterator[OldProgram]:
    """Point an old program at a running bridge."""
    async with acme.bridge() as program:
        yield program


def amount(value: str, currency: str = "GBP") -> Mapping[str, Any]:
    """Write an amount as the old API does."""
    return {"value": Decimal(value), "currency": currency}

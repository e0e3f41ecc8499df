"""A small world to test an export in: a sandbox Pleo on real HTTP, books in memory, a register.

Three lines book an expense::

    async with World() as world:
        entry_id = world.company.add_item(value=1200, account="6100")
        (result,) = await world.export()

Time is the sandbox's: waiting moves its clock instead of passing. ``world.ledger`` is scripted and
asked as in ``counterfoil.testing.memory``, ``world.state.faults`` as in ``counterfoil.sandbox``.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from counterfoil.bookkeeping.settings import Accounts, Settings
from counterfoil.export.policies import OnChange, ReceiptPolicy
from counterfoil.export.ports import Export
from counterfoil.export.run import JobResult
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.retry import Retries
from counterfoil.receipts.store import Limits, ReceiptStore
from counterfoil.register import Register, open_register
from counterfoil.runner.drain import drain
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import State
from counterfoil.systems.contract import AccountingSystem
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger

__all__ = ["World", "WorldClock"]

AT_ONCE = Retries(attempts=3, wait_initial=0.001, wait_max=0.001, jitter=0.0, retry_after_max=0.001)
QUICK = Limits(seconds=5, attempts=2, wait_initial=0.001, wait_max=0.001, jitter=0.0)
SETTINGS = Settings(
    accounts=Accounts(wallet="1800", out_of_pocket="2900", contra="1899", payable="2000")
)


class WorldClock:
    """The sandbox's time; waiting moves it."""

    def __init__(self, state: State) -> None:
        """Share the sandbox's clock."""
        self._state = state
        self.off = timedelta()
        """How far it is off the sandbox's; set it for a machine with a wrong clock."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._state.clock.now().astimezone(UTC) + self.off

    async def sleep(self, seconds: float) -> None:
        """Move the clock instead of waiting."""
        self._state.clock.advance(timedelta(seconds=seconds))


class World:
    """A sandbox with one company, books in memory, and a register that outlives each export."""

    def __init__(self, ledger: MemoryLedger | None = None, settings: Settings = SETTINGS) -> None:
        """Take the books and how they are kept; by default those of a small company."""
        self.state = State(seed=1)
        self.company = self.state.add_company(name="Acme")
        self.clock = WorldClock(self.state)
        self.ledger = ledger or MemoryLedger(
            chart_of("1800", "2900", "1899", "2000", "6100", "6300"), clock=self.clock.now
        )
        self.settings = settings
        self.receipt_policy = ReceiptPolicy.REQUIRE
        self.on_change = OnChange.FAIL
        self.register_url = ""
        self.register_direct_url: str | None = None
        self._stack = AsyncExitStack()
        self._server = SandboxServer(self.state)

    async def __aenter__(self) -> Self:
        """Start the sandbox; make a folder for the register."""
        await self._stack.enter_async_context(self._server)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="counterfoil-"))
        self.register_url = f"sqlite:///{Path(folder) / 'register.db'}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the sandbox and remove the folder."""
        await self._stack.aclose()

    def books(self) -> AccountingSystem:
        """Open the books anew, as each job does."""
        return MemoryBooks(self.ledger)

    def queue(self, *entry_ids: str, **options: Any) -> str:  # noqa: ANN401 -- queue_job's own
        """Click Export in Pleo, for these expenses or all that are queued; return the job's id."""
        return self.state.queue_job(self.company.id, list(entry_ids) or None, **options)

    def fault(self, kind: Kind, endpoint: str = "*", **options: Any) -> Fault:  # noqa: ANN401 -- Fault's own
        """Switch a fault of Pleo's on."""
        fault = Fault(kind, endpoint, **options)
        self.state.faults.append(fault)
        return fault

    def status(self, job_id: str) -> str:
        """Return a job's status at Pleo."""
        return str(self.state.job(job_id).status)

    def item(self, job_id: str, entry_id: str) -> Any:  # noqa: ANN401 -- the sandbox's own row
        """Return an item of a job as Pleo holds it."""
        return self.state.job(job_id).items[entry_id]

    def lose_register(self) -> None:
        """Delete the register, as a lost disk does."""
        path = Path(self.register_url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            if file.is_file():
                file.unlink()

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[tuple[Register, PleoClient]]:
        """Open the register and the client for a while."""
        auth = ApiKeyAuth(self.company.api_key)
        with open_register(self.register_url, direct_url=self.register_direct_url) as register:
            async with PleoClient(
                self._server.url, auth, company_id=self.company.id, retries=AT_ONCE
            ) as pleo:
                yield register, pleo

    def exporting(self, register: Register, pleo: PleoClient, fence: int) -> Export:
        """Put together what a run of one job needs."""
        return Export(
            connection="acme",
            company_id=self.company.id,
            fence=fence,
            pleo=pleo,
            books=self.books(),
            register=register.under(self.company.id, fence),
            receipts=ReceiptStore(self._server.url, limits=QUICK),
            settings=self.settings,
            receipt_policy=self.receipt_policy,
            on_change=self.on_change,
            clock=self.clock,
        )

    async def drain(self, *, take: str | None = None) -> tuple[Sequence[JobResult], Sequence[str]]:
        """Run every open job; return how each ended, and the jobs of others."""
        results: list[JobResult] = []
        async with self.ready() as (register, pleo):
            fence = register.connections.raise_fence(self.company.id)
            foreign = await drain(lambda: self.exporting(register, pleo, fence), results, take=take)
        return results, foreign

    async def export(self, *entry_ids: str) -> Sequence[JobResult]:
        """Click Export for what is queued, and run every open job."""
        if entry_ids or self.company.queued():
            self.queue(*entry_ids)
        results, _ = await self.drain()
        return results

"""What an export stands on: Pleo, the books, the register, receipts, a clock; swapped in tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from counterfoil.bookkeeping.entries import Attachments, Document
from counterfoil.bookkeeping.settings import Settings
from counterfoil.errors import ItemFailure
from counterfoil.export.lease import Lease
from counterfoil.export.policies import OnChange, ReceiptPolicy
from counterfoil.pleo.models import (
    ExportItem,
    ExportJob,
    ExportJobItem,
    ItemUpdate,
    ItemUpdateResult,
)
from counterfoil.register import Register
from counterfoil.systems.contract import AccountingSystem

__all__ = [
    "Clock",
    "Export",
    "Pleo",
    "Progress",
    "Receipts",
    "Silent",
    "SystemClock",
]


class Pleo(Protocol):
    """The calls of the Export API v3 that an export makes; see ``counterfoil.pleo.client``."""

    @property
    def server_date(self) -> datetime | None:
        """Return Pleo's clock as of its last answer, UTC; None before one said it."""

    async def list_jobs(self, statuses: Sequence[str]) -> list[ExportJob]:
        """Return all jobs of the company in these statuses."""

    async def get_job(self, job_id: str) -> ExportJob:
        """Return one job, as it is now."""

    async def send_event(
        self,
        job_id: str,
        event: str,
        *,
        failure_reason: str | None = None,
        failure_reason_type: str | None = None,
    ) -> None:
        """Send an event once."""

    async def list_job_items(self, job_id: str) -> list[ExportJobItem]:
        """Return all rows of the control layer."""

    def export_item_pages(self, job_id: str) -> AsyncIterator[list[dict[str, object]]]:
        """Read the data layer, page by page."""

    async def update_items(self, job_id: str, rows: Sequence[ItemUpdate]) -> ItemUpdateResult:
        """Report outcomes, at most 100."""


class Receipts(Protocol):
    """Fetches the documents of items, and makes them fit the books."""

    def fetch_ahead(self, items: Iterable[ExportItem]) -> None:
        """Begin to fetch the documents of items that come next."""

    async def fetch_each(self, item: ExportItem) -> Sequence[Document | ItemFailure]:
        """Return each of the item's documents on this machine, or why it is not, in order."""

    async def fit(
        self, entry_id: str, documents: Sequence[Document], takes: Attachments
    ) -> Sequence[Document | ItemFailure]:
        """Return what the books get instead of an item's documents, or why they get it not."""

    def forget(self, entry_id: str) -> None:
        """Let the item's documents go."""


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the time, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Progress(Protocol):
    """Is told how an export goes."""

    def job_started(self, connection: str, job_id: str, total: int) -> None:
        """Hear that a job with so many open items is under way."""

    def items_done(self, job_id: str, count: int) -> None:
        """Hear that Pleo took the outcomes of so many more items."""


class Silent:
    """Progress that nobody watches."""

    def job_started(self, connection: str, job_id: str, total: int) -> None:
        """Say nothing."""

    def items_done(self, job_id: str, count: int) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedPlan:
    """What a person looked at and agreed to: nothing else is claimed or written."""

    entries: frozenset[str]
    """Digests of the entries."""
    jobs: frozenset[str]
    """Ids of the jobs that they are of."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """One job under way: who works on it, with what. Made anew for every run of a job."""

    connection: str
    company_id: str
    fence: int
    pleo: Pleo
    books: AccountingSystem
    register: Register
    receipts: AbstractAsyncContextManager[Receipts]
    settings: Settings
    receipt_policy: ReceiptPolicy = ReceiptPolicy.REQUIRE
    on_change: OnChange = OnChange.FAIL
    clock: Clock = field(default_factory=SystemClock)
    progress: Progress = field(default_factory=Silent)
    lease: Lease = field(default_factory=Lease)
    chunk: int = 100
    """How many items are booked before they are reported; Pleo takes 100 outcomes at once."""
    stopping: Callable[[], bool] = bool
    """Says whether to leave when the chunk at hand is reported."""
    planned: AgreedPlan | None = None
    """What the run is held to; None: whatever follows from the items."""

    def pleo_now(self) -> datetime:
        """Return the time by Pleo's clock, as of its last answer; by ours where it says none."""
        return self.pleo.server_date or self.clock.now()

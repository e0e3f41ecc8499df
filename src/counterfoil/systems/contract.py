"""The contract between export and accounting system; an adapter imports nothing else of ours.

One instance serves one connection and one job. All its outside effects go through
``counterfoil.effects.effect``. The order is always: ``find`` -> ``record`` -> ``find`` again; steps
that an entry still misses (receipts, posting, settling) are done by ``attach``, ``post`` and
``settle``, decided from what ``find`` read back, so that each may be repeated after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from pydantic import BaseModel

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Attachments, Document, Entry, Part, Reference
from counterfoil.errors import CounterfoilError, ItemFailure, JobFailureType

__all__ = [
    "AccountingSystem",
    "Attachments",
    "Booked",
    "BooksNotReady",
    "Capabilities",
    "Chart",
    "Document",
    "Entry",
    "EntryState",
    "Found",
    "OtherPosting",
    "Part",
    "PartKey",
    "Problem",
    "RecordResult",
    "Reference",
    "Refused",
    "SystemKind",
    "Uniqueness",
    "Unknown",
]

PartKey: TypeAlias = tuple[str, Part]
"""Pleo's accounting entry id and the part: what is looked up, over all attempts."""


class Uniqueness(StrEnum):
    """What keeps a second booking of one reference out of the books."""

    EXCLUSIVE_FILE = "exclusive_file"
    """One writer under a kernel lock, atomic replace."""
    UNIQUE_REFERENCE = "unique_reference"
    """The target refuses a second record with the same reference."""
    NATIVE_KEY = "native_key"
    """The target honours an idempotency key for ``key_lifetime_seconds``."""
    PROBE_ONLY = "probe_only"
    """Searchable, not constrained: absence proves nothing until ``settle_seconds`` have passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an accounting system can do; declared, never guessed."""

    uniqueness: Uniqueness
    batch_size: int = 100
    key_lifetime_seconds: int | None = None
    settle_seconds: int = 0
    """For ``probe_only``: the longest a request in flight may still take effect."""
    drafts: bool = True
    bills: bool = False
    """Real vendor bills and credit notes; otherwise they are written as entries."""
    dimensions: bool = True
    attachments: Attachments | None = None
    """None: the system takes no documents."""
    void: bool = False
    reverse: bool = False
    computes_tax: bool = False
    """It computes tax from codes itself; each taxed line may differ from Pleo's by a minor unit."""
    narration_limit: int = 2000
    """Longest narration in characters; longer texts are shortened with a mark."""
    advice: str | None = None
    """What would make these books safer to book in, for ``doctor``; known once they are ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the books are not ready: a sentence with the remedy, its type, if waiting may help."""

    message: str
    failure_type: JobFailureType = JobFailureType.INVALID_CONFIGURATION
    passing: bool = False


class BooksNotReady(CounterfoilError):
    """The accounting system failed as a whole (unreachable, locked, damaged); nothing was sent."""

    def __init__(self, problem: Problem) -> None:
        """Take the problem as ``ready`` would have told it."""
        super().__init__(problem.message)
        self.problem = problem


class EntryState(StrEnum):
    """State of a record in the books."""

    DRAFT = "draft"
    POSTED = "posted"
    VOIDED = "voided"
    REVERSED = "reversed"

    @property
    def live(self) -> bool:
        """Whether the record counts; a voided or reversed one is gone."""
        return self in {EntryState.DRAFT, EntryState.POSTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A record of ours as the books hold it now."""

    reference: Reference
    id: str
    url: str | None
    state: EntryState
    booked_at: datetime
    """When it was made in the books, UTC."""
    date: date
    currency: str
    lines: tuple[tuple[str, Decimal], ...]
    """Account id and signed amount in major units, debit positive."""
    fingerprint: str = ""
    """The item's fingerprint that the entry carries; empty if the system keeps none."""
    receipts: frozenset[str] = frozenset()
    """SHA-256 (hex) of the documents attached to it."""
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPosting:
    """A posting that belongs to no record of ours: people or other programs made it."""

    account: str
    """The account's id in the chart."""
    amount: Decimal
    """Signed, in major units of ``currency``, debit positive."""
    currency: str
    """As in ``Found``: the second currency, where books in one currency keep the amount in one."""
    date: date
    text: str
    """What the record says of itself: payee, narration."""
    place: str
    """Where a person finds it: a file and line, a record's number."""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """The system took the entry."""

    reference: Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The system refused the entry; nothing of it is in the books."""

    reference: Reference
    failure: ItemFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The entry was sent and no answer came; only a look-up can tell."""

    reference: Reference
    why: str


RecordResult: TypeAlias = Booked | Refused | Unknown


class AccountingSystem(Protocol):
    """A company's books, entered for one job (taking the target's own lock, if it has one)."""

    @property
    def capabilities(self) -> Capabilities:
        """What this system can do."""

    @property
    def target(self) -> str:
        """The identity of the book itself: a ledger's real path, an ERP's database and company."""

    async def __aenter__(self) -> Self:
        """Open connections and take the target's lock; raises BooksNotReady when it is held."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Release everything."""

    def reading(self) -> AbstractAsyncContextManager[Self]:
        """Open to look only, instead of entering: no lock is taken and nothing is written."""

    async def ready(self) -> Sequence[Problem]:
        """Check that it is reachable, authenticated, permitted, the right company, not locked."""

    async def chart(self) -> Chart:
        """Read the master data, once a job; raises BooksNotReady."""

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        """Look up all records of these parts, every attempt, oldest first; absent: left out."""

    async def all_records(self, since: date | None = None) -> Sequence[Found]:
        """Return every record of ours dated on or after a day (None: since ever), as ``find`` does.

        Live or not, whatever its item, copies that people made of it included, in any order; what
        takes a record back is no record of its own. It is asked to compare the books with Pleo,
        never by an export: an ERP answers with a paged search for references of ours, sorted by
        something that does not change. Raises BooksNotReady.
        """

    async def other_postings(
        self, accounts: Collection[str], since: date | None = None
    ) -> Sequence[OtherPosting]:
        """Return what stands on these accounts (ids) but belongs to no record of ours.

        Dated on or after a day, in any order. What takes a record of ours back belongs to it; an
        entry whose reference people took away does not. An ERP answers with a paged search for
        lines of these accounts whose record carries no reference of ours. Raises BooksNotReady.
        """

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Write entries; a result each, in order. Raises BooksNotReady only if nothing was sent."""

    async def post(self, ids: Sequence[str]) -> None:
        """Make drafts final; raises ItemFailure. A posted one is left as it is."""

    async def attach(self, id: str, document: Document) -> None:
        """Attach a document; one with the same hash is left as it is. Raises ItemFailure."""

    async def settle(self, payment: str, bill: str) -> None:
        """Mark a bill as paid by a payment (ids of both); a settled one is left as it is."""

    async def void(self, id: str) -> None:
        """Void a draft; raises ItemFailure where the system cannot."""

    async def reverse(self, id: str, on: date) -> None:
        """Reverse a posted record on a day; raises ItemFailure where the system cannot."""

    async def note(self, id: str, text: str) -> None:
        """Leave a remark with a record, for whoever reads the books; raises ItemFailure."""

    async def check(self) -> Sequence[str]:
        """Judge the whole book after a job; one sentence for each record of ours it faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemKind:
    """An adapter as found by entry point (group ``counterfoil.systems``)."""

    name: str
    options: type[BaseModel]
    """Shape of ``[connection.options]``; unknown keys should be refused by it."""
    open: Callable[[BaseModel, Path], AccountingSystem]
    """Make an instance from checked options; relative paths are relative to the given folder."""

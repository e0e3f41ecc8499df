"""An accounting system in memory, to test an export against: honest, or as nasty as you script it.

A ``MemoryLedger`` is the accounting system's own state: it outlives the process that is killed. A
``MemoryBooks`` is one job's connection to it. Script what goes wrong on the ledger, run the export,
then ask the ledger what is in it::

    ledger = MemoryLedger(chart_of("1800", "6100"))
    ledger.lose_reply("59540ed2-…", Fate.BOOKED_LATE)
    async with MemoryBooks(ledger) as books:
        ...
    ledger.deliver()
    assert ledger.copies("59540ed2-…") == 1
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from types import TracebackType
from typing import Self, Unpack

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Document, Entry, Part
from counterfoil.effects import effect
from counterfoil.errors import ItemFailure, JobFailureType, ReceiptUploadFailure, RefusedByBooks
from counterfoil.systems.contract import (
    Attachments,
    Booked,
    BooksNotReady,
    Capabilities,
    EntryState,
    Found,
    OtherPosting,
    PartKey,
    Problem,
    RecordResult,
    Refused,
    Uniqueness,
    Unknown,
)
from counterfoil.testing.memory_records import Changes, MemoryRecord

__all__ = ["Changes", "Fate", "MemoryBooks", "MemoryLedger", "MemoryRecord"]

ALL_CAPABLE = Capabilities(
    uniqueness=Uniqueness.EXCLUSIVE_FILE, attachments=Attachments(), void=True, reverse=True
)


class Fate(StrEnum):
    """What became of a request whose reply was lost."""

    BOOKED = "booked"
    NOT_BOOKED = "not_booked"
    BOOKED_LATE = "booked_late"
    """It takes effect when ``MemoryLedger.deliver`` is called, as a slow server's request would."""


@dataclass
class MemoryLedger:
    """The state of an accounting system, the faults to come, and what a test asks afterwards."""

    chart: Chart
    capabilities: Capabilities = ALL_CAPABLE
    name: str = "books"
    receipts_with_entry: bool = True
    """Whether ``record`` files an entry's documents at once; otherwise ``attach`` must."""
    final_with_entry: bool = True
    """Whether ``record`` posts what is to be final at once; otherwise ``post`` must."""
    tax_off_by: Decimal = Decimal(0)
    """By how much the tax that the system computes is more than what was sent."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    records: list[MemoryRecord] = field(default_factory=list)
    others: list[OtherPosting] = field(default_factory=list)
    """What people and other programs posted."""
    problems: list[Problem] = field(default_factory=list)
    """What ``ready`` tells; a test sets and clears it."""
    faults: list[str] = field(default_factory=list)
    """What ``check`` tells."""
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Each call of the contract with the references or ids it was about."""
    document_failure: ItemFailure | None = None
    """What ``attach`` raises, while it is set."""
    holder: object | None = None
    """The connection that holds the lock of an ``exclusive_file``."""
    _refusals: dict[str, ItemFailure] = field(default_factory=dict)
    _fates: dict[str, deque[Fate]] = field(default_factory=dict)
    _late: list[Entry] = field(default_factory=list)
    _interruptions: dict[str, deque[Problem | None]] = field(default_factory=dict)

    def refuse(self, entry_id: str, failure: ItemFailure | None = None) -> None:
        """Refuse an item's entries from now on, until ``accept``."""
        self._refusals[entry_id] = failure or RefusedByBooks("the books refuse it")

    def accept(self, entry_id: str) -> None:
        """Take an item's entries again."""
        self._refusals.pop(entry_id, None)

    def lose_reply(self, entry_id: str, *fates: Fate) -> None:
        """Lose the reply to the next request about an item, one fate for each request."""
        self._fates.setdefault(entry_id, deque()).extend(fates)

    def interrupt(self, call: str, problem: Problem | None = None, *, after: int = 0) -> None:
        """Let a call of the contract (``find``, ``record``, …) raise BooksNotReady, once."""
        broken = problem or Problem(
            message="the books do not answer",
            failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
            passing=True,
        )
        self._interruptions.setdefault(call, deque()).extend([*[None] * after, broken])

    def deliver(self) -> None:
        """Let late requests take effect now."""
        late, self._late = self._late, []
        for entry in late:
            self.book(entry)

    def book(self, entry: Entry) -> MemoryRecord | None:
        """Put an entry in, as the system does; None where a second one is barred."""
        there = any(record.reference == entry.reference for record in self.records)
        if there and self.capabilities.uniqueness is not Uniqueness.PROBE_ONLY:
            return None
        hashes = frozenset(document.sha256 for document in entry.documents)
        final = entry.final and self.final_with_entry
        record = MemoryRecord(
            id=f"{entry.reference}#{len(self.records) + 1}",
            entry=entry,
            booked_at=self.clock().astimezone(UTC).replace(microsecond=0),
            state=EntryState.POSTED if final else EntryState.DRAFT,
            date=entry.date,
            lines=self._lines(entry),
            receipts=hashes if self.receipts_with_entry else frozenset(),
        )
        self.records.append(record)
        return record

    def _lines(self, entry: Entry) -> tuple[tuple[str, Decimal], ...]:
        """Write an entry's lines, with tax as the system computes it and the base adjusted."""
        off = {"tax-ingoing": self.tax_off_by, "line-account": -self.tax_off_by}
        taxed = any(line.rule == "tax-ingoing" for line in entry.lines)
        return tuple(
            (line.account, line.amount + (off.get(line.rule, Decimal(0)) if taxed else 0))
            for line in entry.lines
        )

    def of(self, entry_id: str, part: Part | None = None) -> list[MemoryRecord]:
        """Return an item's records, whatever their state; reversing records are left out."""
        return [
            record
            for record in self.records
            if record.reference.entry_id == entry_id
            and record.reverses is None
            and part in {None, record.reference.part}
        ]

    def copies(self, entry_id: str, part: Part = Part.ENTRY) -> int:
        """Count an item's live records of a part: more than one is a double booking."""
        return sum(record.live for record in self.of(entry_id, part))

    def doubles(self) -> list[PartKey]:
        """Return every part that is booked more than once."""
        live = (record.reference for record in self.records if record.live)
        counts = Counter((reference.entry_id, reference.part) for reference in live)
        return [key for key, count in counts.items() if count > 1]

    def by_id(self, id: str) -> MemoryRecord:
        """Return a record; raises RefusedByBooks if there is none."""
        for record in self.records:
            if record.id == id:
                return record
        raise RefusedByBooks(f"there is no record {id}")

    def change(self, id: str, **changes: Unpack[Changes]) -> None:
        """Change a record by hand."""
        record = self.by_id(id)
        self.records[self.records.index(record)] = replace(record, **changes)

    def delete(self, id: str) -> None:
        """Take a record out by hand, as if it had never been."""
        self.records.remove(self.by_id(id))

    def process_died(self) -> None:
        """Release the lock, as the kernel does for a killed process."""
        self.holder = None

    def called(self, call: str, about: Sequence[str] = ()) -> None:
        """Note a call, and interrupt it if a test asked for that."""
        self.calls.append((call, tuple(about)))
        waiting = self._interruptions.get(call)
        problem = waiting.popleft() if waiting else None
        if problem is not None:
            raise BooksNotReady(problem)

    def receive(self, entry: Entry) -> RecordResult:
        """Take one entry as a request, with the fault that was scripted for it."""
        reference = entry.reference
        if failure := self._refusals.get(reference.entry_id):
            return Refused(reference=reference, failure=failure)
        fates = self._fates.get(reference.entry_id)
        if not fates:
            return self._answer(entry)
        fate = fates.popleft()
        if fate is Fate.BOOKED:
            self.book(entry)
        elif fate is Fate.BOOKED_LATE:
            self._late.append(entry)
        return Unknown(reference=reference, why="the reply was lost")

    def _answer(self, entry: Entry) -> RecordResult:
        reference = entry.reference
        barred = self.book(entry) is None
        if barred and self.capabilities.uniqueness is Uniqueness.UNIQUE_REFERENCE:
            failure = RefusedByBooks(f"{reference} exists already")
            return Refused(reference=reference, failure=failure)
        return Booked(reference=reference)


class MemoryBooks:
    """One job's connection to a ``MemoryLedger``."""

    def __init__(self, ledger: MemoryLedger) -> None:
        """Take the ledger to work on."""
        self.ledger = ledger

    @property
    def capabilities(self) -> Capabilities:
        """What the ledger can do."""
        return self.ledger.capabilities

    @property
    def target(self) -> str:
        """The ledger's identity."""
        return f"memory:{self.ledger.name}"

    async def __aenter__(self) -> Self:
        """Take the lock of an ``exclusive_file``; raises BooksNotReady when it is held."""
        if self.capabilities.uniqueness is Uniqueness.EXCLUSIVE_FILE:
            if self.ledger.holder is not None:
                words = f"another Counterfoil is writing to {self.ledger.name}"
                raise BooksNotReady(Problem(message=words, passing=True))
            self.ledger.holder = self
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Release the lock."""
        if self.ledger.holder is self:
            self.ledger.holder = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """Look without the lock."""
        yield self

    async def ready(self) -> Sequence[Problem]:
        """Tell the problems that were set."""
        self.ledger.called("ready")
        return list(self.ledger.problems)

    async def chart(self) -> Chart:
        """Return the ledger's chart."""
        self.ledger.called("chart")
        return self.ledger.chart

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        """Look records up, every attempt and copy, oldest first."""
        self.ledger.called("find", [f"{entry_id}/{part}" for entry_id, part in keys])
        found = {key: list(self._found(*key)) for key in keys}
        return {key: records for key, records in found.items() if records}

    async def all_records(self, since: date | None = None) -> Sequence[Found]:
        """Return every record from a day on; those that reverse another are left out."""
        self.ledger.called("all_records")
        return [
            record.found(self.ledger.name)
            for record in self.ledger.records
            if record.reverses is None and (since is None or record.date >= since)
        ]

    async def other_postings(
        self, accounts: Collection[str], since: date | None = None
    ) -> Sequence[OtherPosting]:
        """Return what ``MemoryLedger.others`` holds on these accounts."""
        self.ledger.called("other_postings", sorted(accounts))
        return [
            posting
            for posting in self.ledger.others
            if posting.account in accounts and (since is None or posting.date >= since)
        ]

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Write entries, one outside effect each."""
        self.ledger.called("record", [str(entry.reference) for entry in entries])
        results = []
        for entry in entries:
            with effect("memory.record", str(entry.reference)):
                results.append(self.ledger.receive(entry))
        return results

    async def post(self, ids: Sequence[str]) -> None:
        """Make drafts final."""
        self.ledger.called("post", ids)
        for id in ids:
            if self.ledger.by_id(id).state is EntryState.DRAFT:
                self._change("memory.post", id, state=EntryState.POSTED)

    async def attach(self, id: str, document: Document) -> None:
        """File a document."""
        self.ledger.called("attach", [id, document.sha256])
        if self.capabilities.attachments is None:
            raise ReceiptUploadFailure("the books take no documents")
        if self.ledger.document_failure is not None:
            raise self.ledger.document_failure
        held = self.ledger.by_id(id).receipts
        self._change("memory.attach", id, receipts=held | {document.sha256})

    async def settle(self, payment: str, bill: str) -> None:
        """Mark a bill and its payment as settled."""
        self.ledger.called("settle", [payment, bill])
        for id in (payment, bill):
            self._change("memory.settle", id, settled=True)

    async def void(self, id: str) -> None:
        """Void a draft."""
        self.ledger.called("void", [id])
        if not self.capabilities.void or self.ledger.by_id(id).state is EntryState.POSTED:
            raise RefusedByBooks(f"{id} cannot be voided")
        self._change("memory.void", id, state=EntryState.VOIDED)

    async def reverse(self, id: str, on: date) -> None:
        """Reverse a record on a day."""
        self.ledger.called("reverse", [id, on.isoformat()])
        record = self.ledger.by_id(id)
        if not self.capabilities.reverse:
            raise RefusedByBooks(f"{id} cannot be reversed")
        if record.state is EntryState.REVERSED:
            return
        with effect("memory.reverse", id):
            self.ledger.change(id, state=EntryState.REVERSED)
            lines = tuple((account, -amount) for account, amount in record.lines)
            self.ledger.records.append(
                replace(record, id=f"{id}-reversal", date=on, lines=lines, reverses=id)
            )

    async def note(self, id: str, text: str) -> None:
        """Keep a remark."""
        self.ledger.called("note", [id])
        self._change("memory.note", id, notes=(*self.ledger.by_id(id).notes, text))

    async def check(self) -> Sequence[str]:
        """Tell the faults that were set."""
        self.ledger.called("check")
        return list(self.ledger.faults)

    def _change(self, name: str, id: str, **changes: Unpack[Changes]) -> None:
        with effect(name, id):
            self.ledger.change(id, **changes)

    def _found(self, entry_id: str, part: Part) -> Iterator[Found]:
        for record in sorted(
            self.ledger.of(entry_id, part), key=lambda record: record.reference.attempt
        ):
            yield record.found(self.ledger.name)

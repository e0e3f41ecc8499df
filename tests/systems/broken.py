"""Adapters that break the contract, each in one way; all are books in memory otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.effects import effect
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.contract import (
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
from counterfoil.testing.memory import MemoryRecord
from counterfoil.testing.strict import StrictBooks, StrictLedger

Finds = Mapping[PartKey, Sequence[Found]]


class Honest(StrictBooks):
    """Keeps the contract, also where the line is cut."""

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        return [await self._one(entry) for entry in entries]

    async def _one(self, entry: Entry) -> RecordResult:
        try:
            return (await super().record([entry]))[0]
        except OSError as error:
            return Unknown(reference=entry.reference, why=str(error))


class Changed(StrictBooks):
    """Tells of each record something else than the ledger holds."""

    def told(self, found: Found) -> Found:
        return found

    async def find(self, keys: Sequence[PartKey]) -> Finds:
        every = await super().find(keys)
        return {key: [self.told(one) for one in found] for key, found in every.items()}


class LosesTheOrder(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        return list(reversed(await super().record(entries)))


class SaysBookedAndDidNotWrite(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        await super().record(entries[:-1])
        return [Booked(reference=entry.reference) for entry in entries]


class RefusesTheWholeBatch(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        if any(line.account not in self.ledger.chart.accounts for e in entries for line in e.lines):
            failure = RefusedByBooks("the batch was refused")
            return [Refused(reference=entry.reference, failure=failure) for entry in entries]
        return await super().record(entries)


class WritesWhatItRefuses(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        results = await super().record(entries)
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Refused):
                self.ledger.book(entry)
        return results


class LeavesTheRestOfABatchOut(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        return await super().record(entries[:5])


class RefusesUnusualLetters(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        failure = RefusedByBooks("illegal character")
        return [
            (await super(RefusesUnusualLetters, self).record([entry]))[0]
            if entry.narration.isprintable()
            else Refused(reference=entry.reference, failure=failure)
            for entry in entries
        ]


class FindsVoidedAsLive(Changed):
    def told(self, found: Found) -> Found:
        gone = found.state is EntryState.VOIDED
        return replace(found, state=EntryState.DRAFT) if gone else found


class FindsReversedAsPosted(Changed):
    def told(self, found: Found) -> Found:
        gone = found.state is EntryState.REVERSED
        return replace(found, state=EntryState.POSTED) if gone else found


class TellsLocalTimes(Changed):
    def told(self, found: Found) -> Found:
        return replace(found, booked_at=found.booked_at.astimezone(timezone(timedelta(hours=2))))


class TellsTheTimeOfTheLookUp(Changed):
    def told(self, found: Found) -> Found:
        return replace(found, booked_at=datetime.now(UTC))


class TellsEverythingInItsOwnCurrency(Changed):
    def told(self, found: Found) -> Found:
        return replace(found, currency="EUR")


class TurnsSignsRound(Changed):
    def told(self, found: Found) -> Found:
        return replace(found, lines=tuple((id, -amount) for id, amount in found.lines))


class FindsNewestFirst(StrictBooks):
    async def find(self, keys: Sequence[PartKey]) -> Finds:
        return {key: list(reversed(found)) for key, found in (await super().find(keys)).items()}


class FindsWhatBeginsAlike(StrictBooks):
    async def find(self, keys: Sequence[PartKey]) -> Finds:
        found = {}
        for id, part in keys:
            known = {record.reference.entry_id for record in self.ledger.records}
            like = [(other, part) for other in sorted(known) if other.startswith(id)]
            if every := [one for each in (await super().find(like)).values() for one in each]:
                found[id, part] = every
        return found


class RemembersWhatItSaw(StrictBooks):
    async def __aenter__(self) -> Self:
        self.seen: dict[PartKey, Sequence[Found]] = {}
        return await super().__aenter__()

    async def find(self, keys: Sequence[PartKey]) -> Finds:
        self.seen.update(await super().find([key for key in keys if key not in self.seen]))
        return {key: self.seen[key] for key in keys if key in self.seen}


class TellsEmptyForAbsent(StrictBooks):
    async def find(self, keys: Sequence[PartKey]) -> Finds:
        found = await super().find(keys)
        return {key: found.get(key, ()) for key in keys}


class DropsReceipts(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        return await super().record([replace(entry, documents=()) for entry in entries])

    async def attach(self, id: str, document: Document) -> None:
        del id, document


class AttachesUnread(StrictBooks):
    async def attach(self, id: str, document: Document) -> None:
        receipts = self.ledger.by_id(id).receipts | {document.sha256}
        with effect("memory.attach", id):
            self.ledger.change(id, receipts=receipts)


class PostsAllDrafts(StrictBooks):
    async def post(self, ids: Sequence[str]) -> None:
        await super().post(ids)
        for record in list(self.ledger.records):
            if record.state is EntryState.DRAFT:
                self.ledger.change(record.id, state=EntryState.POSTED)


class SettlesAllBills(StrictBooks):
    async def settle(self, payment: str, bill: str) -> None:
        for other in [bill, *(record.id for record in self.ledger.records)]:
            await super().settle(payment, other)


class VoidsPostedRecords(StrictBooks):
    async def void(self, id: str) -> None:
        with effect("memory.void", id):
            self.ledger.change(id, state=EntryState.VOIDED)


class ReversesEachTime(StrictBooks):
    async def reverse(self, id: str, on: date) -> None:
        if self.ledger.by_id(id).state is EntryState.REVERSED:
            self.ledger.change(id, state=EntryState.POSTED)
        await super().reverse(id, on)


class CountsReversalsAsOthers(StrictBooks):
    async def other_postings(
        self, accounts: Collection[str], since: date | None = None
    ) -> Sequence[OtherPosting]:
        reversals = [
            OtherPosting(
                account=id,
                amount=amount,
                currency="EUR",
                date=record.date,
                text="",
                place=record.id,
            )
            for record in self.ledger.records
            for id, amount in record.lines
            if record.reverses
        ]
        return [*await super().other_postings(accounts, since), *reversals]


class ListsLiveRecordsOnly(StrictBooks):
    async def all_records(self, since: date | None = None) -> Sequence[Found]:
        return [one for one in await super().all_records(since) if one.state.live]


class HidesItsClosedPeriods(StrictBooks):
    async def chart(self) -> Chart:
        return replace(await super().chart(), closed=())


class FindsNothingWhileAway(StrictBooks):
    async def find(self, keys: Sequence[PartKey]) -> Finds:
        try:
            return await super().find(keys)
        except BooksNotReady:
            return {}


class IsReadyWhileAway(StrictBooks):
    async def ready(self) -> Sequence[Problem]:
        return []


class WaitsForAnotherKey(StrictBooks):
    async def ready(self) -> Sequence[Problem]:
        return [replace(problem, passing=True) for problem in await super().ready()]


class KeepsTheLockOnErrors(StrictBooks):
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        if error is None:
            await super().__aexit__(kind, error, trace)


class LetsASecondWriterIn(StrictBooks):
    async def __aenter__(self) -> Self:
        self.ledger.holder = None
        return await super().__aenter__()


class TakesACutLineForARefusal(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        results: list[RecordResult] = []
        for entry in entries:
            try:
                results += await super().record([entry])
            except OSError as error:
                failure = RefusedByBooks(str(error))
                results.append(Refused(reference=entry.reference, failure=failure))
        return results


class WritesBesideTheGate(StrictBooks):
    async def check(self) -> Sequence[str]:
        (Path(self.ledger.name) / "checked").write_text("yes")
        return []


class WritesInTwoHalves(StrictBooks):
    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        for entry in entries:
            with effect("memory.first_half", str(entry.reference)):
                record = self.ledger.book(entry)
                if record is not None:
                    self.ledger.change(record.id, lines=record.lines[:1])
            with effect("memory.second_half", str(entry.reference)):
                if record is not None:
                    self.ledger.change(record.id, lines=record.lines)
        return [Booked(reference=entry.reference) for entry in entries]


class BooksTwice(StrictLedger):
    """Takes every request, whatever is there already."""

    def book(self, entry: Entry) -> MemoryRecord | None:
        declared, self.capabilities = (
            self.capabilities,
            replace(self.capabilities, uniqueness=Uniqueness.PROBE_ONLY),
        )
        try:
            return super().book(entry)
        finally:
            self.capabilities = declared


class TakesWhatever(StrictLedger):
    """Judges nothing."""

    def receive(self, entry: Entry) -> RecordResult:
        self.book(entry)
        return Booked(reference=entry.reference)


class Rounds(StrictLedger):
    """Keeps two digits after the point."""

    def book(self, entry: Entry) -> MemoryRecord | None:
        record = super().book(entry)
        if record is not None:
            lines = tuple((id, amount.quantize(Decimal("0.01"))) for id, amount in record.lines)
            self.change(record.id, lines=lines)
        return record


class Floats(StrictLedger):
    """Keeps amounts as binary fractions."""

    def book(self, entry: Entry) -> MemoryRecord | None:
        record = super().book(entry)
        if record is not None:
            lines = tuple((id, Decimal(str(float(amount)))) for id, amount in record.lines)
            self.change(record.id, lines=lines)
        return record


UNIQUE = Capabilities(uniqueness=Uniqueness.UNIQUE_REFERENCE, void=True, reverse=True)
PROBE = Capabilities(uniqueness=Uniqueness.PROBE_ONLY)

"""Write the missing parts of a chunk: intent, one call, read back, outcome; then finish each.

What was sent and got no answer is settled by looking up; what cannot be settled is uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import (
    BooksTimeout,
    FenceLost,
    InvalidItem,
    ItemFailure,
    UnexpectedFailure,
)
from counterfoil.export.attach import attach
from counterfoil.export.compare import difference
from counterfoil.export.look import booked, patiently, settle_seconds, uncertain, unreachable
from counterfoil.export.policies import ReceiptPolicy
from counterfoil.export.undo import note_taken_back, take_back
from counterfoil.register import PartRecord, PartState
from counterfoil.register.records import dump_entry
from counterfoil.systems.contract import (
    Booked,
    BooksNotReady,
    EntryState,
    Refused,
    Uniqueness,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.bookkeeping.entries import Entry
    from counterfoil.export.ports import Export
    from counterfoil.export.work import ItemWork
    from counterfoil.systems.contract import (
        AccountingSystem,
        Capabilities,
        Found,
        PartKey,
        RecordResult,
    )

__all__ = ["Writer", "mind_the_time"]

log = structlog.get_logger(__name__)

SENDINGS = 3
"""How often an entry is sent whose reference or key keeps a second one out of the books."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the books answered to one entry, and what was read back of it."""

    result: RecordResult | BooksNotReady
    found: Found | None

    @property
    def lost(self) -> bool:
        """Whether it was sent, got no answer, and is not there."""
        return isinstance(self.result, Unknown) and self.found is None


class Writer:
    """Writes a chunk's missing parts into an entered accounting system."""

    def __init__(self, export: Export, job_id: str, books: AccountingSystem, chart: Chart) -> None:
        """Work for one job."""
        self._export = export
        self._job_id = job_id
        self._books = books
        self._chart = chart

    async def write(self, works: Sequence[ItemWork]) -> None:
        """Write first parts, then second parts of those that succeeded; then finish every item."""
        for work in works:
            if work.to_undo:
                mind_the_time(self._export, [work])
                await self._take_back(work)
        while batch := [work for work in works if work.writable]:
            size = self._books.capabilities.batch_size
            for start in range(0, len(batch), size):
                mind_the_time(self._export, batch[start:])
                if now := [work for work in batch[start : start + size] if work.writable]:
                    await self._write_batch(now)
        for work in works:
            await self._finish(work)

    async def _take_back(self, work: ItemWork) -> None:
        """Take an item's records back; if one stays, the item fails with what stands."""
        if work.failure is not None:
            _let_stand(work, work.failure)
            return
        while work.writable and work.to_undo:
            found = work.to_undo[0]
            try:
                await patiently(self._export, partial(self._take_one_back, found))
            except (ItemFailure, BooksNotReady) as error:
                work.live = {one.reference.part: one for one in work.to_undo}
                cause = unreachable(error) if isinstance(error, BooksNotReady) else error
                work.failure = cause.reworded(
                    "The item changed and should be booked anew, but "
                    f"{found.id} could not be taken back: {error}{_taken_back(work)}"
                )
                return
            work.undone.append(work.to_undo.pop(0).id)

    async def _take_one_back(self, found: Found) -> None:
        await take_back(self._books, found, self._chart, self._export.settings)
        note_taken_back(self._export.register, self._books.target, found)

    async def _write_batch(self, batch: Sequence[ItemWork]) -> None:
        """Write one part of each item, with its intent before and its outcome after."""
        entries = [work.next_entry() for work in batch]
        intents = [self._intent(entry) for entry in entries]
        self._export.register.parts.intend(intents, company_id=self._export.company_id)
        answers = await self._send(entries)
        settled = [
            _settle(work, intent, answer, self._books.capabilities)
            for work, intent, answer in zip(batch, intents, answers, strict=True)
        ]
        self._export.register.parts.settle(settled, job_id=self._job_id, outcomes={})

    async def _send(self, entries: Sequence[Entry]) -> list[_Answer]:
        """Send entries and read them back; again, where that is safe, those of unknown fate."""
        answers = await self._send_once(entries)
        for _ in range(SENDINGS - 1 if self._may_resend else 0):
            lost = [index for index, answer in enumerate(answers) if answer.lost]
            if not lost or not self._export.lease.may_write(self._export.clock.now()):
                break
            again = await self._send_once([entries[index] for index in lost])
            for index, answer in zip(lost, again, strict=True):
                if not isinstance(answer.result, BooksNotReady):
                    answers[index] = answer
        return answers

    async def _send_once(self, entries: Sequence[Entry]) -> list[_Answer]:
        results = await self._record(entries)
        found = await self._read_back(entries, results)
        return [
            _Answer(result, _live(found, entry))
            for entry, result in zip(entries, results, strict=True)
        ]

    @property
    def _may_be_there(self) -> tuple[type[RecordResult], ...]:
        if self._books.capabilities.uniqueness is Uniqueness.EXCLUSIVE_FILE:
            return Booked, Unknown
        return Booked, Unknown, Refused

    @property
    def _may_resend(self) -> bool:
        return self._books.capabilities.uniqueness is not Uniqueness.PROBE_ONLY

    async def _record(self, entries: Sequence[Entry]) -> list[RecordResult | BooksNotReady]:
        try:
            return list(await patiently(self._export, lambda: self._books.record(entries)))
        except BooksNotReady as error:
            return [error] * len(entries)
        except FenceLost:
            raise
        except Exception as error:
            log.exception("the adapter failed in the middle of a write")
            why = f"{type(error).__name__}: {error}"
            return [Unknown(reference=entry.reference, why=why) for entry in entries]

    async def _read_back(
        self, entries: Sequence[Entry], answers: Sequence[RecordResult | BooksNotReady]
    ) -> Mapping[PartKey, Sequence[Found]]:
        """Look up what was sent; wait first where an answer is missing and absence is no proof.

        A refused one may be there all the same: an earlier request for it that came in late.
        """
        keys = [
            (entry.reference.entry_id, entry.reference.part)
            for entry, answer in zip(entries, answers, strict=True)
            if isinstance(answer, self._may_be_there)
        ]
        if not keys:
            return {}
        if any(isinstance(answer, Unknown) for answer in answers):
            await self._export.clock.sleep(settle_seconds(self._books.capabilities))
        try:
            return await patiently(self._export, lambda: self._books.find(keys))
        except BooksNotReady:
            log.exception("what was sent could not be read back")
            return {}

    def _intent(self, entry: Entry) -> PartRecord:
        return PartRecord(
            target=self._books.target,
            reference=entry.reference,
            state=PartState.INTENDED,
            job_id=self._job_id,
            fence=self._export.fence,
            fingerprint=entry.fingerprint,
            entry=dump_entry(entry),
            intent_at=self._export.clock.now(),
        )

    async def _finish(self, work: ItemWork) -> None:
        """Do what a booked item still lacks: receipts on its first part, posting of drafts."""
        first = work.first_live
        if work.failure is not None or first is None:
            return
        try:
            required = self._export.receipt_policy is ReceiptPolicy.REQUIRE
            missing = work.missing_receipts
            await attach(self._books, first, work.documents, missing, required=required)
            await self._post(work)
        except ItemFailure as failure:
            work.failure = failure.reworded(f"Booked as {first.id}, but: {failure}")
        except BooksNotReady as error:
            work.failure = unreachable(error).reworded(_unfinished(first, error))
        except FenceLost:
            raise
        except Exception as error:
            log.exception("the adapter failed to finish an entry", entry=work.entry_id)
            work.failure = UnexpectedFailure(_unfinished(first, error))

    async def _post(self, work: ItemWork) -> None:
        drafts = [
            found.id
            for entry in work.planned
            if entry.final
            and (found := work.live.get(entry.reference.part)) is not None
            and found.state is EntryState.DRAFT
        ]
        if drafts:
            await self._books.post(drafts)


def _unfinished(first: Found, error: Exception) -> str:
    return f"Booked as {first.id}, but not finished: {error}; the next export finishes it"


def _let_stand(work: ItemWork, failure: ItemFailure) -> None:
    """Name what was to be taken back and is not, as nothing can be booked in its place."""
    work.live = {one.reference.part: one for one in work.to_undo}
    ids = " and ".join(one.id for one in work.to_undo)
    work.failure = failure.reworded(
        f"{str(failure).rstrip('.')}. It stays booked as {ids}, as it was before it changed"
    )


def _taken_back(work: ItemWork) -> str:
    """Say what of an item was taken back already, for the end of a sentence."""
    if not work.undone:
        return ""
    return f"; {' and '.join(work.undone)} was taken back, so export again to have it booked anew"


def mind_the_time(export: Export, works: Sequence[ItemWork]) -> None:
    """Fail what is still to be written when the job has no time left to write and report it."""
    if export.lease.may_write(export.clock.now()):
        return
    for work in works:
        if work.writable:
            missing = [entry.reference.part for entry in work.to_write]
            work.fail(BooksTimeout("The export ran out of time; export again"), missing)


def _settle(
    work: ItemWork, intent: PartRecord, answer: _Answer, capabilities: Capabilities
) -> PartRecord:
    """Turn an answer and what was read back into the part's outcome and the item's state."""
    entry = work.to_write.pop(0)
    found = answer.found
    if found is not None:
        work.live[entry.reference.part] = found
        work.failure = _of_another_state(entry, found) or difference(entry, found, capabilities)
        return booked(intent, found)
    failure, state = _failure(entry, answer.result)
    failure = failure.reworded(f"{failure}{_taken_back(work)}")
    work.fail(failure, [entry.reference.part, *(other.reference.part for other in work.to_write)])
    return replace(
        intent,
        state=state,
        failure_type=str(failure.failure_type),
        failure_reason=failure.reason,
    )


def _of_another_state(entry: Entry, found: Found) -> ItemFailure | None:
    """Tell a record that was made of the item before it changed: an old request that came late."""
    if found.fingerprint in {"", entry.fingerprint}:
        return None
    return InvalidItem(
        f"Booked as {found.id} as the item was before it changed in Pleo; decide with "
        f"`counterfoil resolve {entry.reference.entry_id}`"
    )


def _failure(entry: Entry, result: RecordResult | BooksNotReady) -> tuple[ItemFailure, PartState]:
    if isinstance(result, Refused):
        return result.failure, PartState.REFUSED
    if isinstance(result, BooksNotReady):
        return unreachable(result), PartState.REFUSED
    return uncertain(entry.reference), PartState.UNKNOWN


def _live(found: Mapping[PartKey, Sequence[Found]], entry: Entry) -> Found | None:
    every = found.get((entry.reference.entry_id, entry.reference.part), ())
    return next((one for one in reversed(every) if one.state.live), None)

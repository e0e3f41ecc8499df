"""Step 5: book a chunk. Look up, decide, fetch receipts, write what is missing, keep the outcome.

    look every part of the chunk up in the books, in one call, always
    -> decide -> fetch receipts -> commit the intent for exactly what the next call sends
    -> write -> read back -> commit the outcome

Every item of the chunk ends with an outcome in the register, or the run stops with an exception
and the next run starts from the look-up again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.export.decide import Known, decide
from counterfoil.export.documents import Documents
from counterfoil.export.handed_over import leave_what_the_old_program_booked
from counterfoil.export.look import (
    booked,
    is_open,
    patiently,
    remembers_too_little,
    settle_seconds,
    uncertain,
    unconfirmed,
    unseen,
)
from counterfoil.export.mind_books import note_away
from counterfoil.export.payables import Payables
from counterfoil.export.preview import hold_to_plan
from counterfoil.export.undo import note_gone
from counterfoil.export.work import ItemWork, prepare
from counterfoil.export.write import Writer, mind_the_time
from counterfoil.register import PartState
from counterfoil.systems.contract import BooksNotReady

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.export.ports import Export, Receipts
    from counterfoil.register import ItemOutcome, PartRecord
    from counterfoil.systems.contract import AccountingSystem, Found, PartKey

__all__ = ["Recorder"]

log = structlog.get_logger(__name__)


class Recorder:
    """Books one job's items, chunk by chunk; each item fails alone."""

    def __init__(
        self,
        export: Export,
        job_id: str,
        books: AccountingSystem,
        receipts: Receipts,
        chart: Chart,
    ) -> None:
        """Work with an entered accounting system and receipt fetcher."""
        self._export = export
        self._job_id = job_id
        self._books = books
        self._documents = Documents(export, job_id, books.capabilities.attachments, receipts)
        self._chart = chart
        self._waited = False
        self.uncertain = export.register.parts.uncertain(books.target, job_id)
        """Intents of items that failed, of which nobody can tell yet whether they are booked."""

    @property
    def read_again(self) -> bool:
        """Whether the data layer was read once more, for receipts whose URLs had died."""
        return self._documents.read_again

    def fetch_ahead(self, works: Sequence[ItemWork]) -> None:
        """Begin to fetch the receipts of what is recorded next, or soon."""
        self._documents.fetch_ahead(works)

    async def record(self, works: Sequence[ItemWork]) -> None:
        """Give each item its outcome in the register."""
        export = self._export
        today = export.clock.now().astimezone(export.settings.zone).date()
        for work in works:
            prepare(work, self._chart, export.settings, today=today)
        payables = Payables(self._books.target, self._chart, export.settings, today)
        records = export.register.parts.of(self._books.target, [work.entry_id for work in works])
        try:
            found = await self._look_up(works, records)
        except BooksNotReady as error:
            note_away(export, error.problem)
            _give_up(works, records, error)
        else:
            records = self._note_found(records, found)
            self._note_gone(records, found)
            self._decide(works, records, found)
            leave_what_the_old_program_booked(export.register, self._books.target, works)
            mind_the_time(export, works)
            payables.route(works, export.register.open_items.bills)
            hold_to_plan(works, export.planned)
            await asyncio.gather(*map(self._documents.fetch, works))
            await Writer(export, self._job_id, self._books, self._chart).write(works)
        outcomes = {work.entry_id: work.outcome() for work in works}
        export.register.open_items.remember(payables.booked(works))
        self._documents.done(works)
        export.register.parts.settle([], job_id=self._job_id, outcomes=outcomes)
        self._remember_uncertain(outcomes)

    async def ask_again(self) -> None:
        """Look once more for what is uncertain; what turns out to be there is opened again.

        It is then adopted like anything that is in the books. What is not there stays uncertain.
        """
        if not self.uncertain:
            return
        keys = [(intent.reference.entry_id, intent.part) for intent in self.uncertain]
        try:
            found = await patiently(self._export, lambda: self._books.find(keys))
        except BooksNotReady as error:
            log.warning("what is uncertain stays so", reason=str(error))
        else:
            there = {
                intent.reference.entry_id for intent in self.uncertain if not is_open(intent, found)
            }
            self._export.register.items.reopen(self._job_id, there)
        self.uncertain = []

    def _remember_uncertain(self, outcomes: Mapping[str, ItemOutcome]) -> None:
        failed = [entry_id for entry_id, outcome in outcomes.items() if outcome.status == "failed"]
        records = self._export.register.parts.of(self._books.target, failed) if failed else {}
        self.uncertain += [one for every in records.values() for one in every if is_open(one, {})]

    async def _look_up(
        self, works: Sequence[ItemWork], records: Mapping[str, Sequence[PartRecord]]
    ) -> Mapping[PartKey, Sequence[Found]]:
        """Look all parts up; wait and look again where a request of an earlier run may yet land.

        Nobody has sent anything since this run took the locks, so one wait serves all its chunks.
        """
        export = self._export
        keys = [(work.entry_id, part) for work in works for part in Part]
        found = await patiently(export, lambda: self._books.find(keys))
        intents = [record for every in records.values() for record in every]
        pause = 0.0 if self._waited else settle_seconds(self._books.capabilities)
        if pause and (
            any(is_open(record, found) for record in intents) or remembers_too_little(export)
        ):
            # From now on, not from the intents' own time: clocks jump, and a batch takes its time.
            await export.clock.sleep(pause)
            self._waited = True
            found = await patiently(export, lambda: self._books.find(keys))
        return found

    def _note_found(
        self,
        records: dict[str, list[PartRecord]],
        found: Mapping[PartKey, Sequence[Found]],
    ) -> dict[str, list[PartRecord]]:
        """Note what is in the books although no answer said so; return the parts as known now."""
        live = {one.reference: one for every in found.values() for one in every if one.state.live}
        adopted = {
            record.reference: booked(record, live[record.reference])
            for every in records.values()
            for record in every
            if is_open(record, {}) and record.reference in live
        }
        if not adopted:
            return records
        register = self._export.register
        register.parts.settle([*adopted.values()], job_id=self._job_id, outcomes={})
        return {
            entry_id: [adopted.get(record.reference, record) for record in every]
            for entry_id, every in records.items()
        }

    def _note_gone(
        self,
        records: Mapping[str, Sequence[PartRecord]],
        found: Mapping[PartKey, Sequence[Found]],
    ) -> None:
        """Note what was booked and is in the books no more."""
        live = {one.reference for every in found.values() for one in every if one.state.live}
        gone = [
            record
            for every in records.values()
            for record in every
            if record.state is PartState.BOOKED and record.reference not in live
        ]
        note_gone(self._export.register, gone)

    def _decide(
        self,
        works: Sequence[ItemWork],
        records: Mapping[str, Sequence[PartRecord]],
        found: Mapping[PartKey, Sequence[Found]],
    ) -> None:
        export = self._export
        decisions = export.register.decisions.of(
            self._books.target, [work.entry_id for work in works]
        )
        for work in works:
            known = Known(
                found={part: found.get((work.entry_id, part), ()) for part in Part},
                records=records.get(work.entry_id, ()),
                decision=next(reversed(decisions.get(work.entry_id, ())), None),
                payload_of=lambda record: self._payload(record.job_id, record.reference.entry_id),
            )
            decide(work, known, settings=export.settings, on_change=export.on_change)

    def _payload(self, job_id: str, entry_id: str) -> str | None:
        kept = self._export.register.items.get(job_id, entry_id)
        return kept.payload if kept else None


def _give_up(
    works: Sequence[ItemWork], records: Mapping[str, Sequence[PartRecord]], error: BooksNotReady
) -> None:
    """Fail all: the books stayed away, so this run sent nothing, but an earlier one may have."""
    for work in works:
        every = records.get(work.entry_id, ())
        intents = [record for record in every if is_open(record, {})]
        done = [record for record in every if record.state is PartState.BOOKED]
        if intents:
            work.failure = uncertain(intents[0].reference)
        elif done:
            work.failure = unconfirmed(error, done[0].external_id)
        else:
            planned = [entry.reference for entry in work.planned]
            work.failure = unseen(error, planned or [Reference(work.entry_id)])

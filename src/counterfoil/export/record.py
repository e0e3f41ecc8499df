"""Step 5: book a chunk. Look up, decide, fetch receipts, write what is missing, keep the outcome.

    look every part of the chunk up in the books, in one call, always
    -> decide -> fetch receipts -> commit the intent for exactly what the next call sends
    -> write -> read back -> commit the outcome

Every item of the chunk ends with an outcome in the register, or the run stops with an exception
and the next run starts from the look-up again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from counterfoil.bookkeeping.entries import Document, Part
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.errors import ItemFailure
from counterfoil.export.decide import Known, decide
from counterfoil.export.export_items import read_export_items
from counterfoil.export.look import (
    is_open,
    patiently,
    uncertain,
    unconfirmed,
    unreachable,
    unsettled_seconds,
)
from counterfoil.export.payables import Payables
from counterfoil.export.policies import ReceiptPolicy
from counterfoil.export.preview import hold_to_plan
from counterfoil.export.undo import note_gone
from counterfoil.export.work import ItemWork, prepare
from counterfoil.export.write import Writer, mind_the_time
from counterfoil.receipts.errors import ReceiptExpired
from counterfoil.register import PartState
from counterfoil.register.records import load_payload
from counterfoil.systems.contract import BooksNotReady

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.export.ports import Export, Receipts
    from counterfoil.pleo.models import ExportItem
    from counterfoil.register import KeptItem, PartRecord
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
        self._receipts = receipts
        self._chart = chart
        self._refresh = asyncio.Lock()
        self._refreshed = False

    async def record(self, kept: Sequence[KeptItem]) -> None:
        """Give each item its outcome in the register."""
        export = self._export
        today = export.clock.now().astimezone(export.settings.zone).date()
        works = [prepare(item, self._chart, export.settings, today=today) for item in kept]
        payables = Payables(self._books.target, self._chart, export.settings, today)
        records = export.register.parts.of(self._books.target, [work.entry_id for work in works])
        try:
            found = await self._look_up(works, records)
        except BooksNotReady as error:
            _give_up(works, records, error)
        else:
            self._note_gone(records, found)
            self._decide(works, records, found)
            mind_the_time(export, works)
            payables.route(works, export.register.open_items.bills)
            hold_to_plan(works, export.planned)
            await asyncio.gather(*(self._fetch(work) for work in works))
            await Writer(export, self._job_id, self._books, self._chart).write(works)
        outcomes = {work.entry_id: work.outcome() for work in works}
        export.register.open_items.remember(payables.booked(works))
        export.register.parts.settle([], job_id=self._job_id, outcomes=outcomes)
        for work in works:
            self._receipts.forget(work.entry_id)

    async def _look_up(
        self, works: Sequence[ItemWork], records: Mapping[str, Sequence[PartRecord]]
    ) -> Mapping[PartKey, Sequence[Found]]:
        """Look all parts up; wait and look again where a request of an earlier run may yet land."""
        export = self._export
        keys = [(work.entry_id, part) for work in works for part in Part]
        found = await patiently(export, lambda: self._books.find(keys))
        intents = [
            record.intent_at
            for every in records.values()
            for record in every
            if is_open(record, found)
        ]
        pause = unsettled_seconds(intents, self._books.capabilities, export.clock.now())
        if pause:
            await export.clock.sleep(pause)
            found = await patiently(export, lambda: self._books.find(keys))
        return found

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

    async def _fetch(self, work: ItemWork) -> None:
        """Fetch an item's receipts before it is written; the policy says what a failure is."""
        if work.item is None or self._books.capabilities.attachments is None:
            return
        if not _needs_receipts(work, work.item):
            return
        results = await self._results(work.item)
        failures = [result for result in results if isinstance(result, ItemFailure)]
        if failures and self._export.receipt_policy is ReceiptPolicy.REQUIRE:
            work.failure = failures[0]
            if (first := work.first_live) is not None:
                work.failure = failures[0].reworded(
                    f"Booked as {first.id}, but a receipt is missing: {failures[0]} "
                    "The next export adds it"
                )
            return
        for failure in failures:
            log.warning("booked without a receipt", entry=work.entry_id, reason=str(failure))
        work.documents = tuple(result for result in results if isinstance(result, Document))

    async def _results(self, item: ExportItem) -> Sequence[Document | ItemFailure]:
        """Fetch each document; where a URL has died, with fresh ones from the data layer."""
        results = await self._receipts.fetch_each(item)
        if not any(isinstance(result, ReceiptExpired) for result in results):
            return results
        await self._read_again()
        return await self._receipts.fetch_each(self._as_read_last(item))

    async def _read_again(self) -> None:
        """Read the data layer anew, once for all items."""
        async with self._refresh:
            if self._refreshed:
                return
            await read_export_items(self._export, self._job_id)
            self._refreshed = True

    def _as_read_last(self, item: ExportItem) -> ExportItem:
        """Return an item as the data layer gave it last, unless that cannot be read."""
        payload = self._payload(self._job_id, item.accounting_entry_id)
        with suppress(ItemFailure):
            return parse_item(load_payload(payload)) if payload else item
        return item


def _needs_receipts(work: ItemWork, item: ExportItem) -> bool:
    """Whether documents are to be fetched: for what is written, and for what lacks some."""
    files = [file for file in item.files or () if file is not None]
    first = work.first_live
    held = len(first.receipts) if first else 0
    return work.failure is None and bool(files) and (work.writable or held < len(files))


def _give_up(
    works: Sequence[ItemWork], records: Mapping[str, Sequence[PartRecord]], error: BooksNotReady
) -> None:
    """Fail all: the books stayed away, so this run sent nothing, but an earlier one may have."""
    for work in works:
        every = records.get(work.entry_id, ())
        intents = [record for record in every if is_open(record, {})]
        booked = [record for record in every if record.state is PartState.BOOKED]
        if intents:
            work.failure = uncertain(intents[0].reference)
        elif booked:
            work.failure = unconfirmed(error, booked[0].external_id)
        else:
            work.failure = unreachable(error)

"""An item's documents, from Pleo to what the books get: fetched ahead, made to fit, or a failure.

The policy says what a failure is: under ``require`` the item fails with nothing written, under
``best_effort`` it is booked and the missing receipt is kept in the register, to be added later.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from counterfoil.bookkeeping.entries import Document
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.errors import ItemFailure
from counterfoil.export.export_items import read_export_items
from counterfoil.export.policies import ReceiptPolicy
from counterfoil.receipts.errors import ReceiptExpired
from counterfoil.register import WithoutReceipt
from counterfoil.register.records import load_payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.bookkeeping.entries import Attachments
    from counterfoil.export.ports import Export, Receipts
    from counterfoil.export.work import ItemWork
    from counterfoil.pleo.models import ExportItem
    from counterfoil.systems.contract import Found

__all__ = ["Documents", "parsed_item"]

log = structlog.get_logger(__name__)


class Documents:
    """The documents of one job's items."""

    def __init__(
        self, export: Export, job_id: str, takes: Attachments | None, receipts: Receipts
    ) -> None:
        """Work with an entered receipt fetcher, for books that take these documents (or none)."""
        self._export = export
        self._job_id = job_id
        self._takes = takes
        self._receipts = receipts
        self._refresh = asyncio.Lock()
        self.read_again = False
        """Whether the data layer was read once more, for fresh URLs."""

    def fetch_ahead(self, works: Sequence[ItemWork]) -> None:
        """Begin to fetch for items of which nothing is booked, as far as the register knows."""
        if self._takes is None or not works:
            return
        ids = [work.entry_id for work in works]
        known = self._export.register.parts.known(self._export.books.target, ids)
        self._receipts.fetch_ahead(
            work.item for work in works if work.item is not None and work.entry_id not in known
        )

    async def fetch(self, work: ItemWork) -> None:
        """Give an item its documents before it is written, or its failure."""
        takes = self._takes
        if work.item is None or takes is None or not _needs_receipts(work, work.item, takes):
            return
        results = await self._results(work.item)
        came = [result for result in results if isinstance(result, Document)]
        failures = [result for result in results if isinstance(result, ItemFailure)]
        required = self._export.receipt_policy is ReceiptPolicy.REQUIRE
        # Part of them in the one document that fits would keep the whole of them out later.
        if not failures or not (required or takes.limit is not None):
            fitted = await self._receipts.fit(work.entry_id, came, takes)
            work.documents = tuple(each for each in fitted if isinstance(each, Document))
            failures += [each for each in fitted if isinstance(each, ItemFailure)]
        work.missing_receipts += map(str, failures)
        if failures and required:
            work.failure = _without_receipt(failures[0], work.first_live)

    def done(self, works: Sequence[ItemWork]) -> None:
        """Keep which bookings lack receipts, and let the documents of all go."""
        now = self._export.clock.now()
        booked = [(work, first) for work in works if (first := work.first_live) is not None]
        missing = [
            WithoutReceipt(
                target=self._export.books.target,
                entry_id=work.entry_id,
                connection=self._export.connection,
                job_id=self._job_id,
                external_id=first.id,
                why=" ".join(work.missing_receipts),
                missing_since=now,
            )
            for work, first in booked
            if work.missing_receipts
        ]
        for each in missing:
            log.warning("booked without a receipt", entry=each.entry_id, reason=each.why)
        whole = [work.entry_id for work, _ in booked if not work.missing_receipts]
        self._export.register.missing_receipts.note(self._export.books.target, missing, whole)
        for work in works:
            self._receipts.forget(work.entry_id)

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
            if self.read_again:
                return
            await read_export_items(self._export, self._job_id)
            self.read_again = True

    def _as_read_last(self, item: ExportItem) -> ExportItem:
        """Return an item as the data layer gave it last, unless that cannot be read."""
        kept = self._export.register.items.get(self._job_id, item.accounting_entry_id)
        return parsed_item(kept.payload if kept else None) or item


def parsed_item(payload: str | None) -> ExportItem | None:
    """Read an item that was kept; None where there is none, or it cannot be read."""
    with suppress(ItemFailure):
        return parse_item(load_payload(payload)) if payload else None
    return None


def _needs_receipts(work: ItemWork, item: ExportItem, takes: Attachments) -> bool:
    """Whether documents are to be fetched: for what is written, and for what lacks some."""
    files = sum(file is not None for file in item.files or ())
    wanted = files if takes.limit is None else min(files, takes.limit)
    first = work.first_live
    held = len(first.receipts) if first else 0
    return work.failure is None and bool(files) and (work.writable or held < wanted)


def _without_receipt(failure: ItemFailure, booked: Found | None) -> ItemFailure:
    why = str(failure).rstrip(".")
    if booked is None:
        return failure.reworded(
            f"{why}. Put the receipt right in Pleo if need be, then export again."
        )
    return failure.reworded(
        f"Booked as {booked.id}, but a receipt is missing: {why}. The next export adds it."
    )

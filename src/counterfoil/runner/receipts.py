"""Receipts outside a job: where they are fetched from, and adding those that bookings lack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.entries import Document, Part
from counterfoil.errors import ItemFailure
from counterfoil.export.attach import attach
from counterfoil.export.documents import parsed_item
from counterfoil.receipts.errors import ReceiptExpired
from counterfoil.receipts.store import Limits, ReceiptStore
from counterfoil.runner.deciding import alone
from counterfoil.trust import trust

if TYPE_CHECKING:
    from counterfoil.config import Connection
    from counterfoil.pleo.models import ExportItem
    from counterfoil.register import Register, WithoutReceipt
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["Retried", "receipt_store", "retry_receipts"]

_EXPORT_AGAIN = "export the expense again in Pleo, and its receipt is added to the booking it has"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A booking that lacked receipts, and why it lacks some still; None: it has them all."""

    entry_id: str
    external_id: str
    why: str | None = None


def receipt_store(connection: Connection, books: AccountingSystem) -> ReceiptStore:
    """Make what fetches a connection's receipts, as large as its books take them."""
    takes = books.capabilities.attachments
    limits = Limits().at_most(takes.max_bytes if takes else None)
    return ReceiptStore(
        connection.base_url,
        hosts=connection.receipts.hosts,
        limits=limits,
        ssl_context=trust(connection.ca_file),
    )


async def retry_receipts(connection: Connection, register: Register) -> tuple[Retried, ...]:
    """Try again to add what a connection's bookings lack; each fails alone.

    Pleo's links to receipts live a day: later, only another export gives new ones. Raises
    CounterfoilError when the books are away or the connection was bound to others.
    """
    missing = register.missing_receipts.all(connection.name)
    books = connection.open_books()
    results = []
    with alone(connection, register) as ours:
        async with books, receipt_store(connection, books) as store:
            here = [each for each in missing if each.target == books.target]
            keys = [(each.entry_id, part) for each in here for part in Part]
            found = await books.find(keys)
            for each in here:
                every = [one for part in Part for one in found.get((each.entry_id, part), ())]
                record = next((one for one in every if one.state.live), None)
                reasons = await _mend(books, store, record, _item(ours, each))
                kept = [replace(each, why=" ".join(reasons))] if reasons and record else []
                ours.missing_receipts.note(books.target, kept, [each.entry_id])
                results.append(
                    Retried(
                        entry_id=each.entry_id,
                        external_id=each.external_id,
                        why=" ".join(reasons) or None,
                    )
                )
    return tuple(results)


async def _mend(
    books: AccountingSystem, store: ReceiptStore, record: Found | None, item: ExportItem | None
) -> list[str]:
    """Add the receipts that a record lacks; return why some are missing still."""
    takes = books.capabilities.attachments
    if record is None:
        return ["It is in the books no more; it is booked anew when it is exported again."]
    if item is None or takes is None:
        return [f"Its data are not kept any more: {_EXPORT_AGAIN}."]
    results = await store.fetch_each(item)
    reasons = [_said(each) for each in results if isinstance(each, ItemFailure)]
    came = [each for each in results if isinstance(each, Document)]
    if reasons and takes.limit is not None:
        return reasons
    fitted = await store.fit(item.accounting_entry_id, came, takes)
    reasons += [_said(each) for each in fitted if isinstance(each, ItemFailure)]
    documents = [each for each in fitted if isinstance(each, Document)]
    await attach(books, record, documents, reasons, required=False)
    store.forget(item.accounting_entry_id)
    return reasons


def _said(failure: ItemFailure) -> str:
    if isinstance(failure, ReceiptExpired):
        return f"{failure} Pleo's links live a day: {_EXPORT_AGAIN}."
    return str(failure)


def _item(register: Register, missing: WithoutReceipt) -> ExportItem | None:
    kept = register.items.get(missing.job_id, missing.entry_id)
    return parsed_item(kept.payload if kept else None)

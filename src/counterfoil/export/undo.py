"""Take a booking back: a draft is voided, a posted entry reversed; and see that it is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.dates import reversal_day
from counterfoil.errors import RefusedByBooks
from counterfoil.register import PartState
from counterfoil.systems.contract import EntryState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.bookkeeping.settings import Settings
    from counterfoil.register import PartRecord, Register
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["note_gone", "note_taken_back", "take_back"]


async def take_back(
    books: AccountingSystem, found: Found, chart: Chart, settings: Settings
) -> None:
    """Void or reverse a record that is live, and read back that it is live no more.

    A reversal is dated as the record, or on the next open day where that one is closed. It may be
    called again after it was interrupted. Raises ItemFailure where the books refuse it, or can do
    neither, and BooksNotReady.
    """
    if not await _is_live(books, found):
        return
    able = books.capabilities
    if found.state is EntryState.DRAFT and able.void:
        await books.void(found.id)
    elif able.reverse:
        ids = [account for account, _ in found.lines]
        await books.reverse(found.id, reversal_day(found.date, ids, chart, settings))
    else:
        raise RefusedByBooks("this accounting system can neither void nor reverse it")
    if await _is_live(books, found):
        raise RefusedByBooks(f"{found.id} is still there; take it out in the books")


async def _is_live(books: AccountingSystem, found: Found) -> bool:
    key = (found.reference.entry_id, found.reference.part)
    every = (await books.find([key])).get(key, ())
    return any(one.id == found.id and one.state.live for one in every)


def note_taken_back(register: Register, target: str, found: Found) -> None:
    """Note that a record of this book was taken back."""
    records = register.parts.of(target, [found.reference.entry_id])
    every = records.get(found.reference.entry_id, ())
    note_gone(register, [one for one in every if one.reference == found.reference])


def note_gone(register: Register, records: Sequence[PartRecord]) -> None:
    """Note that these parts are in the books no more, and neither owe nor pay anything."""
    if not records:
        return
    gone = [replace(record, state=PartState.GONE) for record in records]
    register.parts.settle(gone, job_id="", outcomes={})
    for target in {record.target for record in records}:
        keys = [
            (record.reference.entry_id, record.part)
            for record in records
            if record.target == target
        ]
        register.open_items.forget(target, keys)

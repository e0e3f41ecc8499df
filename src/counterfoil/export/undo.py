"""Take a booking back: a draft is voided, a posted entry reversed; and see that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterfoil.bookkeeping.dates import reversal_day
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.contract import EntryState

if TYPE_CHECKING:
    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.bookkeeping.settings import Settings
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["take_back"]


async def take_back(
    books: AccountingSystem, found: Found, chart: Chart, settings: Settings
) -> None:
    """Void or reverse a live record, and read back that it is live no more.

    A reversal is dated as the record, or on the next open day where that one is closed. Raises
    ItemFailure where the books refuse it, or can do neither.
    """
    able = books.capabilities
    if found.state is EntryState.DRAFT and able.void:
        await books.void(found.id)
    elif able.reverse:
        ids = [account for account, _ in found.lines]
        await books.reverse(found.id, reversal_day(found.date, ids, chart, settings))
    else:
        raise RefusedByBooks("this accounting system can neither void nor reverse it")
    key = (found.reference.entry_id, found.reference.part)
    after = (await books.find([key])).get(key, ())
    if any(one.id == found.id and one.state.live for one in after):
        raise RefusedByBooks(f"{found.id} is still there; take it out in the books")

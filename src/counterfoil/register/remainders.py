"""What is left of bills and payments, once what settled what is known. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from counterfoil.bookkeeping.entries import Reference
    from counterfoil.register.open_items import OpenItem, Settlement

__all__ = ["left_of"]


def left_of(
    items: Mapping[Reference, OpenItem], done: Iterable[Settlement]
) -> Mapping[Reference, Decimal]:
    """Say what is left of each item's amount.

    A payment of one bill counts with its own amount, as it may be a part; one of several bills
    pays each of them in full.
    """
    valid = [each for each in done if each.payment in items and each.bill in items]
    bills_of = Counter(each.payment for each in valid)
    moved: dict[Reference, Decimal] = defaultdict(Decimal)
    for each in valid:
        payment, bill = items[each.payment], items[each.bill]
        moved[each.bill] += payment.amount if bills_of[each.payment] == 1 else -bill.amount
        moved[each.payment] += bill.amount
    return {reference: _left(item.amount, moved[reference]) for reference, item in items.items()}


def _left(amount: Decimal, moved: Decimal) -> Decimal:
    """Return what is left of an amount; never more than it, and nothing where it is overpaid."""
    left = amount + moved
    if left * amount <= 0:
        return Decimal(0)
    return min(left, amount, key=abs)

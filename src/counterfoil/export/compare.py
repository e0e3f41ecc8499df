"""Hold what the books have against what was sent: a difference is an error with both figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from counterfoil.bookkeeping.entries import Entry
from counterfoil.bookkeeping.money import minor_unit
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.contract import Capabilities, Found

__all__ = ["difference"]


def difference(entry: Entry, found: Found, capabilities: Capabilities) -> RefusedByBooks | None:
    """Return a failure with both figures where the books hold something else than was sent.

    Books that compute tax themselves may move a minor unit for each taxed line between tax and
    base; all others hold the very total.
    """
    if found.currency != entry.currency:
        return _differs(found, found.currency, entry.currency)
    if capabilities.computes_tax:
        return _tax_difference(entry, found)
    held = sum((amount for _, amount in found.lines if amount > 0), Decimal(0))
    if held == entry.amount:
        return None
    return _differs(found, f"{held} {found.currency}", f"{entry.amount} {entry.currency}")


def _tax_difference(entry: Entry, found: Found) -> RefusedByBooks | None:
    sent = _by_account((line.account, line.amount) for line in entry.lines)
    held = _by_account(found.lines)
    taxed = sum(line.tax is not None for line in entry.lines)
    allowed = taxed * minor_unit(entry.currency)
    for account in sorted(sent.keys() | held.keys()):
        if abs(held[account] - sent[account]) > allowed:
            return _differs(
                found,
                f"{held[account]} {found.currency} on {account}",
                f"{sent[account]} {entry.currency}",
            )
    return None


def _by_account(lines: Iterable[tuple[str, Decimal]]) -> defaultdict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for account, amount in lines:
        sums[account] += amount
    return sums


def _differs(found: Found, held: str, sent: str) -> RefusedByBooks:
    return RefusedByBooks(
        f"Booked as {found.id}, but the books hold {held} where {sent} was sent; "
        "correct the entry in the books"
    )

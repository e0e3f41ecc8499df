"""Hold what the books have against what was sent: a difference is told with both figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from counterfoil.bookkeeping.entries import Entry
from counterfoil.bookkeeping.money import minor_unit
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.contract import Capabilities, Found

__all__ = ["difference", "differences"]


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
    first = next(_apart(entry, found, _allowed(entry)), None)
    if first is None:
        return None
    account, held, sent = first
    return _differs(found, f"{held} {found.currency} on {account}", f"{sent} {entry.currency}")


def differences(entry: Entry, found: Found, capabilities: Capabilities) -> list[str]:
    """Say where a record's currency, day or amounts by account are not the entry's; texts may be.

    Books that compute tax themselves are allowed their minor units, as above.
    """
    if found.currency != entry.currency:
        return [f"currency {entry.currency} as planned, {found.currency or 'none'} in the books"]
    found_otherwise = [
        f"{account} {sent:,f} {entry.currency} as planned, {held:,f} in the books"
        for account, held, sent in _apart(
            entry, found, _allowed(entry) if capabilities.computes_tax else Decimal(0)
        )
    ]
    if found.date != entry.date:
        found_otherwise.append(f"date {entry.date} as planned, {found.date} in the books")
    return found_otherwise


def _allowed(entry: Entry) -> Decimal:
    """By how much an account may differ where the books compute the tax."""
    return sum(line.tax is not None for line in entry.lines) * minor_unit(entry.currency)


def _apart(entry: Entry, found: Found, allowed: Decimal) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Give the accounts that differ by more than is allowed, with what is held and was sent."""
    sent = _by_account((line.account, line.amount) for line in entry.lines)
    held = _by_account(found.lines)
    for account in sorted(sent.keys() | held.keys()):
        if abs(held[account] - sent[account]) > allowed:
            yield account, held[account], sent[account]


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

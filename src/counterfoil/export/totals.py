"""Sums by account and currency of what Pleo has as booked, and of what the books hold. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from counterfoil.export.pairs import Pair
from counterfoil.systems.contract import Found, OtherPosting

__all__ = ["Total", "totals"]

Sums: TypeAlias = "defaultdict[tuple[str, str], Decimal]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """One account in one currency; amounts in major units, debit positive."""

    account: str
    currency: str
    pleo: Decimal
    """What should stand there by the items that Pleo has as booked, where their figures are known;
    where they are not, what the books hold of them."""
    books: Decimal
    """What the books hold of ours."""
    others: Decimal = Decimal(0)
    """What others posted, on the accounts where that was asked for."""
    unknown: Decimal = Decimal(0)
    """How much of ``pleo`` was taken from the books, as nobody else has the figures."""

    @property
    def difference(self) -> Decimal:
        """By how much the books hold more than Pleo."""
        return self.books + self.others - self.pleo


def totals(pairs: Iterable[Pair], others: Iterable[OtherPosting] = ()) -> tuple[Total, ...]:
    """Sum both sides up, by account, then currency."""
    pleo, books, other, unknown = (_sums() for _ in range(4))
    for pair in pairs:
        _add_records(books, pair.live)
        if pair.told_booked:
            _add_entries(pleo, pair)
            for sums in (pleo, unknown):
                _add_records(sums, _without_figures(pair))
    for posting in others:
        other[posting.account, posting.currency] += posting.amount
    return tuple(
        Total(
            account=key[0],
            currency=key[1],
            pleo=pleo[key],
            books=books[key],
            others=other[key],
            unknown=unknown[key],
        )
        for key in sorted({*pleo, *books, *other})
    )


def _add_entries(sums: Sums, pair: Pair) -> None:
    """Add what Pleo has: the item as it is now, where it changed since it was booked."""
    now = pair.expected.now if pair.expected else ()
    for entry in now or pair.entries:
        for line in entry.lines:
            sums[line.account, entry.currency] += line.amount


def _add_records(sums: Sums, records: Iterable[Found]) -> None:
    for record in records:
        for account, amount in record.lines:
            sums[account, record.currency] += amount


def _without_figures(pair: Pair) -> Iterator[Found]:
    """Give the live records of which nobody has what they should be."""
    expected = pair.expected
    if expected is None:
        yield from pair.live
    elif not expected.now:
        yield from (record for record in pair.live if record.reference in expected.pruned)


def _sums() -> Sums:
    return defaultdict(Decimal)

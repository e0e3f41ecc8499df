"""Holds planned entries against what others posted: for the week beside an old integration. Pure.

An entry of the books is known only by the postings on the accounts that were asked for, so an old
integration's entry counts as the same one where these agree, to the minor unit, within a few days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from counterfoil.bookkeeping.entries import Entry
from counterfoil.systems.contract import OtherPosting

__all__ = ["DAYS", "Likeness", "Shadowed", "hold_against"]

DAYS: Final = 5
"""How far apart the two may be dated."""

Sums: TypeAlias = Mapping[tuple[str, str], Decimal]
"""Amounts, signed, by account and currency; none of them zero."""


_Agrees: TypeAlias = "Callable[[Sums, _Group], bool]"


class Likeness(StrEnum):
    """How the books hold what was planned."""

    SAME = "same"
    OTHERWISE = "otherwise"
    """An entry of the same total, on other accounts or sides."""
    MISSING = "missing"
    """Nothing of that total is there (yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """A planned entry, and the postings of the entry that the books hold for it."""

    entry: Entry
    likeness: Likeness
    postings: tuple[OtherPosting, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    """The postings of one entry that others made."""

    postings: tuple[OtherPosting, ...]

    @property
    def date(self) -> date:
        return self.postings[0].date

    @property
    def sums(self) -> Sums:
        return _sums((each.account, each.currency, each.amount) for each in self.postings)


def hold_against(entries: Sequence[Entry], others: Iterable[OtherPosting]) -> list[Shadowed]:
    """Say of each entry how the books hold it; an entry of the books stands for one at most.

    All that agree are paired first, so that no lookalike takes their place.
    """
    free = _groups(others)
    found: dict[int, tuple[Likeness, _Group]] = {}
    for likeness, agrees in ((Likeness.SAME, _same), (Likeness.OTHERWISE, _of_one_total)):
        for number, entry in enumerate(entries):
            if number not in found and (group := _nearest(entry, free, agrees)) is not None:
                found[number] = likeness, group
                free.remove(group)
    return [
        Shadowed(entry=entry, likeness=found[number][0], postings=found[number][1].postings)
        if number in found
        else Shadowed(entry=entry, likeness=Likeness.MISSING)
        for number, entry in enumerate(entries)
    ]


def _groups(others: Iterable[OtherPosting]) -> list[_Group]:
    by_place: defaultdict[str, list[OtherPosting]] = defaultdict(list)
    for each in others:
        by_place[each.place].append(each)
    return [_Group(tuple(postings)) for postings in by_place.values()]


def _nearest(entry: Entry, free: Sequence[_Group], agrees: _Agrees) -> _Group | None:
    near = [
        group for group in free if _apart(entry, group) <= DAYS and agrees(_planned(entry), group)
    ]
    return min(near, key=lambda group: _apart(entry, group), default=None)


def _apart(entry: Entry, group: _Group) -> int:
    return abs((entry.date - group.date).days)


def _planned(entry: Entry) -> Sums:
    return _sums((line.account, entry.currency, line.amount) for line in entry.lines)


def _same(planned: Sums, group: _Group) -> bool:
    return group.sums == planned


def _of_one_total(planned: Sums, group: _Group) -> bool:
    return bool(_totals(planned) & _totals(group.sums))


def _totals(sums: Sums) -> set[tuple[str, Decimal]]:
    """Return what moves in each currency, by either side."""
    sides: defaultdict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    for (_, currency), amount in sums.items():
        sides[currency, amount > 0] += abs(amount)
    return {(currency, amount) for (currency, _), amount in sides.items()}


def _sums(parts: Iterable[tuple[str, str, Decimal]]) -> Sums:
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, currency, amount in parts:
        sums[account, currency] += amount
    return {key: amount for key, amount in sums.items() if amount}

"""Items that failed for one cause are one problem: what to change, and which items it blocks.

Bookkeeping and the accounting systems say each cause in the same words. What differs from item to
item (ids, amounts, the line's number) is left out here, so that the words that stay are the cause.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from re import Match

from counterfoil.bookkeeping.money import is_currency, minor_unit
from counterfoil.cli.items_table import SHORT_ID
from counterfoil.cli.lines import counted, say
from counterfoil.cli.rows import ItemRow
from counterfoil.cli.screen import show_lines, styled

__all__ = ["Problem", "cause", "problems", "show_problems"]

LEFT_OUT = "…"
SHOWN_IDS = 10
"""So many of a problem's items are shown on a terminal."""

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DECIMAL = r"-?\d+\.\d+"


def _without_amount(found: Match[str]) -> str:
    """Leave out an amount of money, but no account number before a word in capitals."""
    number, currency = found.groups()
    digits = len(number.partition(".")[2])
    money = is_currency(currency) and digits == -int(minor_unit(currency).as_tuple().exponent)
    return f"{LEFT_OUT} {currency}" if money else found[0]


_OWN_WORDS: Sequence[tuple[re.Pattern[str], str | Callable[[Match[str]], str]]] = (
    (re.compile(rf"{_UUID}(?:/\w+)*"), LEFT_OUT),
    (re.compile(r"https?://\S+"), LEFT_OUT),
    (re.compile(r"\b([Bb]ooked as) [^\s,;]+"), rf"\1 {LEFT_OUT}"),
    (re.compile(rf" \((?:{_DECIMAL}|-?\d+) [A-Z]{{3}}\)"), ""),
    (re.compile(r"\bline \d+\b"), "a line"),
    (re.compile(r"\bLine \d+\b"), "A line"),
    (re.compile(r"(-?\d+(?:\.\d+)?) ([A-Z]{3})\b"), _without_amount),
    (re.compile(r"-?\d+(?:\.\d+)? hundredths\b"), f"{LEFT_OUT} hundredths"),
    (re.compile(rf"\b(is|but|with|makes|to|hold|where) {_DECIMAL}(?=[ ,.])"), rf"\1 {LEFT_OUT}"),
    (re.compile(r"\b(is|on) \d{4}-\d{2}-\d{2}(?=[,;])"), rf"\1 {LEFT_OUT}"),
    (re.compile(r"(?<!limit is )\b\d+ bytes\b"), f"{LEFT_OUT} bytes"),
)
"""What differs between items with the same cause, and what stands in its place."""

_ONE_ACCOUNT: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"(no account with code [^,]+?) or identifier [^,]+(?=, which)"), r"\1"),
    (re.compile(r"(no account with .+?, which Pleo names as) [^:]+:"), rf"\1 {LEFT_OUT}:"),
)
"""An account that the books lack is one cause, however Pleo names it and whatever it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One cause, in words that say what to change, and the ids of the items it blocks."""

    failure_type: str
    cause: str
    count: int
    items: tuple[str, ...]


def cause(reason: str, entry_id: str) -> str:
    """Return a failure's reason without what is the item's own."""
    if entry_id:
        reason = re.sub(rf"{re.escape(entry_id)}(?:/\w+)*", LEFT_OUT, reason)
    for pattern, instead in _OWN_WORDS:
        reason = pattern.sub(instead, reason)
    return reason


def _wordings(row: ItemRow) -> Iterator[str]:
    """Say why an item failed, with less and less of what is its own; the last is its group's."""
    said = row.failure_reason or ""
    yield said
    said = cause(said, row.entry_id)
    yield said
    for pattern, instead in _ONE_ACCOUNT:
        said = pattern.sub(instead, said)
        yield said


def problems(rows: Iterable[ItemRow]) -> list[Problem]:
    """Group failed items by type and cause, those that block most first."""
    groups: dict[tuple[str, str], list[ItemRow]] = {}
    for row in rows:
        *_, common = _wordings(row)
        groups.setdefault((row.failure_type or "", common), []).append(row)
    found = [_problem(failure_type, group) for (failure_type, _), group in groups.items()]
    return sorted(found, key=lambda problem: (-problem.count, problem.failure_type, problem.cause))


def _problem(failure_type: str, group: Sequence[ItemRow]) -> Problem:
    """Sum a group up in the fullest words that are true of all its items."""
    wordings = zip(*map(_wordings, group), strict=True)
    return Problem(
        failure_type=failure_type,
        cause=next(said[0] for said in wordings if len(set(said)) == 1),
        count=len(group),
        items=tuple(row.entry_id for row in group),
    )


def show_problems(found: Sequence[Problem]) -> None:
    """Show problems: a few lines each on a terminal, one line with tabs elsewhere."""
    if not sys.stdout.isatty():
        columns = ("count", "type of failure", "problem", "items")
        show_lines(columns, [_cells(problem) for problem in found])
        return
    for problem in found:
        styled(f"{counted(problem.items, 'item', 'items')}: {problem.failure_type}", "bold red")
        say(f"  {problem.cause}")
        styled(f"  {_short(problem.items)}", "dim")


def _cells(problem: Problem) -> tuple[str, ...]:
    return (str(problem.count), problem.failure_type, problem.cause, " ".join(problem.items))


def _short(items: Sequence[str]) -> str:
    shown = " ".join(entry_id[:SHORT_ID] for entry_id in items[:SHOWN_IDS])
    more = len(items) - SHOWN_IDS
    return f"{shown} and {more} more" if more > 0 else shown

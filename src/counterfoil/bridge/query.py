"""What the old program asks for: filters and pages of its query, read generously.

Dates come as days or as times, page sizes up to 100,000, numbers as Go writes floats, statuses
repeated, with commas or in small letters. What is unknown is ignored, what is wrong is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from starlette.datastructures import QueryParams

from counterfoil.bridge.expense import OldJson
from counterfoil.bridge.marks import OldStatus
from counterfoil.errors import CounterfoilError

__all__ = ["BadQuery", "Filters", "Paging"]

PAGE_SIZE = 1000
"""Rows on a page for a program that does not say how many it wants."""
LARGEST = 10**9
DAY = len("2026-04-18")


class BadQuery(CounterfoilError):
    """A query parameter that cannot be what it says; answered with 400."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which rows of a list: so many, from this one on (0 is the first)."""

    size: int = PAGE_SIZE
    offset: int = 0

    @classmethod
    def of(cls, query: QueryParams) -> Paging:
        """Read ``pageSize`` and ``pageOffset``; raises BadQuery."""
        return cls(
            size=_number(query, "pageSize", PAGE_SIZE, least=1),
            offset=_number(query, "pageOffset", 0, least=0),
        )

    def info(self, total: int) -> dict[str, OldJson]:
        """Return ``pageInfo`` for a list of so many rows; the last page has a null offset."""
        after = self.offset + self.size
        return {
            "pageSize": self.size,
            "totalCount": total,
            "nextPageOffset": after if after < total else None,
        }


@dataclass(frozen=True, slots=True)
class Filters:
    """Which expenses: each filter that is empty lets all pass."""

    statuses: frozenset[OldStatus] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""
    types: frozenset[str] = frozenset()
    account: str | None = None
    tag: str | None = None

    @classmethod
    def of(cls, query: QueryParams) -> Filters:
        """Read the filters; raises BadQuery."""
        return cls(
            statuses=frozenset(_status(word) for word in _words(query, "status")),
            since=_moment(query, "dateFrom"),
            until=_end(query, "dateTo"),
            types=frozenset(word.upper() for word in _words(query, "types", "type")),
            account=query.get("accountId") or None,
            tag=query.get("tagId") or None,
        )

    @property
    def wants_queued(self) -> bool:
        """Whether waiting expenses are asked for: then a job is started."""
        return not self.statuses or OldStatus.QUEUED in self.statuses

    def allow(self, status: OldStatus, performed_at: datetime) -> bool:
        """Whether an expense of this status and time is asked for."""
        return (
            (not self.statuses or status in self.statuses)
            and (self.since is None or performed_at >= self.since)
            and (self.until is None or performed_at < self.until)
        )

    def show(self, expense: Mapping[str, OldJson]) -> bool:
        """Whether an expense is asked for by its type, account and tag."""
        return (
            (not self.types or expense["type"] in self.types)
            and (self.account is None or self.account in _told(expense, "accountId"))
            and (self.tag is None or self.tag in _told(expense, "tagIds"))
        )


def _told(expense: Mapping[str, OldJson], name: str) -> set[str]:
    """Return the ids that an expense's lines tell under a name."""
    found: set[str] = set()
    lines = expense["lines"]
    for line in lines if isinstance(lines, list) else ():
        told = line.get(name) if isinstance(line, dict) else None
        each = told if isinstance(told, list) else [{"id": told}]
        found |= {str(one["id"]) for one in each if isinstance(one, dict) and one["id"]}
    return found


def _words(query: QueryParams, *names: str) -> Sequence[str]:
    given = [text for name in names for key in (name, f"{name}[]") for text in query.getlist(key)]
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def _status(word: str) -> OldStatus:
    try:
        return OldStatus(word.upper())
    except ValueError:
        raise BadQuery(f'status: "{word}" is none; {", ".join(OldStatus)} are') from None


def _number(query: QueryParams, name: str, default: int, *, least: int) -> int:
    text = query.get(name, "").strip().replace("e ", "e+")
    if not text:
        return default
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and least <= number <= LARGEST and number == number // 1):
        raise BadQuery(f'{name}: "{text}" is not a whole number from {least} on')
    return int(number)


def _moment(query: QueryParams, name: str) -> datetime | None:
    """Read a day (its midnight, UTC) or a time; a plus sign may have become a space."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text if len(text) <= DAY else _with_plus(text))
    except ValueError:
        raise BadQuery(
            f'{name}: "{text}" is no date; 2026-04-18 or 2026-04-18T00:00:00.000Z would be'
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _with_plus(text: str) -> str:
    head, space, zone = text[DAY + 1 :].partition(" ")
    return f"{text[:DAY]}T{head}{'+' if space else ''}{zone}"


def _end(query: QueryParams, name: str) -> datetime | None:
    """Read an end: a day counts whole, a time with its own millisecond."""
    moment = _moment(query, name)
    if moment is None:
        return None
    whole_day = len(query[name].strip()) <= DAY and moment.time() == time()
    return moment + (timedelta(days=1) if whole_day else timedelta(milliseconds=1))

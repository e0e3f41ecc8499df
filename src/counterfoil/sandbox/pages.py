"""Cursor pagination as Pleo does it: after, before or offset, a limit, sorting, and page info.

A cursor names a row (its place and its id, in base32), so pages stay whole when rows change status
or new ones appear between two requests.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic.alias_generators import to_camel
from starlette.datastructures import QueryParams

from counterfoil.sandbox.apierrors import bad_request
from counterfoil.sandbox.model import Item

__all__ = ["Page", "PageQuery", "paginate"]

_CURSOR = re.compile(r"[A-Z2-7=~]+")
_ORDERS = frozenset(
    f"{direction}{nulls}"
    for direction in ("ASC", "DESC")
    for nulls in ("", "_NULLS_FIRST", "_NULLS_LAST")
)


class Row(Protocol):
    """Anything that can be paged."""

    @property
    def id(self) -> str:
        """What the row is called, once in its list."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The page that a request asks for."""

    after: str | None
    before: str | None
    offset: int | None
    limit: int | None
    sorting_keys: tuple[str, ...]
    sorting_order: tuple[str, ...]

    @classmethod
    def of(cls, params: QueryParams) -> PageQuery:
        """Read and check the query parameters; raises the 400 for what is not allowed."""
        query = cls(
            _cursor(params, "after"),
            _cursor(params, "before"),
            _number(params, "offset", 2**63),
            _number(params, "limit", 2**31),
            tuple(params.getlist("sorting_keys")),
            tuple(params.getlist("sorting_order")),
        )
        given = [query.after, query.before, query.offset]
        if sum(value is not None for value in given) > 1:
            raise bad_request("after, before and offset are mutually exclusive.")
        if len(query.sorting_keys) != len(query.sorting_order):
            raise bad_request("sorting_keys and sorting_order must have the same length.")
        if unknown := set(query.sorting_order) - _ORDERS:
            raise bad_request(f"sorting_order: {', '.join(sorted(unknown))} is no order.")
        return query

    def as_json(self, parameters: Mapping[str, Sequence[str]]) -> Item:
        """Return ``currentRequestPagination``; what was not asked for is absent."""
        shown: Item = {
            "sortingKeys": list(self.sorting_keys),
            "sortingOrder": list(self.sorting_order),
            "parameters": {name: list(values) for name, values in parameters.items()},
        }
        asked = {
            "after": self.after,
            "before": self.before,
            "offset": self.offset,
            "limit": self.limit,
        }
        return shown | {name: value for name, value in asked.items() if value is not None}


def _cursor(params: QueryParams, name: str) -> str | None:
    value = params.get(name)
    if value is not None and not _CURSOR.fullmatch(value):
        raise bad_request(f"{name} is not a cursor.")
    return value


def _number(params: QueryParams, name: str, bound: int) -> int | None:
    text = params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:20]) < bound):
        raise bad_request(f"{name} must be a whole number from 0 to {bound - 1}.")
    return int(text)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """The rows of one page and where it lies."""

    rows: Sequence[R]
    has_previous: bool
    has_next: bool
    start_cursor: str | None
    end_cursor: str | None
    total: int

    def info(self, query: PageQuery, parameters: Mapping[str, Sequence[str]]) -> Item:
        """Return ``pagination``; an empty page has no cursors."""
        shown: Item = {
            "hasPreviousPage": self.has_previous,
            "hasNextPage": self.has_next,
            "currentRequestPagination": query.as_json(parameters),
        }
        cursors = {"startCursor": self.start_cursor, "endCursor": self.end_cursor}
        shown |= {name: cursor for name, cursor in cursors.items() if cursor is not None}
        return shown | {"total": self.total}


def paginate(
    rows: Sequence[R],
    query: PageQuery,
    *,
    size: int,
    keep: Callable[[R], bool] | None = None,
    fields: Callable[[R], Mapping[str, object]],
) -> Page[R]:
    """Cut one page of at most ``size`` rows out of those that ``keep`` lets through."""
    ordered = _sort(rows, query, fields)
    places = [place for place, row in enumerate(ordered) if keep is None or keep(row)]
    first, last = _span(ordered, places, query, size)
    chosen = places[first:last]
    cursors = [_encode(place, ordered[place].id) for place in (chosen[:1] + chosen[-1:])]
    return Page(
        rows=[ordered[place] for place in chosen],
        has_previous=first > 0,
        has_next=last < len(places),
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[1] if cursors else None,
        total=len(places),
    )


def _span(
    ordered: Sequence[R], places: Sequence[int], query: PageQuery, size: int
) -> tuple[int, int]:
    """Return the first and the last (excluded) index into ``places``."""
    if query.before is not None:
        last = _count_below(places, _place(ordered, query.before))
        return max(0, last - size), last
    first = query.offset or 0
    if query.after is not None:
        first = _count_below(places, _place(ordered, query.after) + 1)
    return min(first, len(places)), min(first + size, len(places))


def _count_below(places: Sequence[int], limit: int) -> int:
    return bisect_left(places, limit)


def _place(ordered: Sequence[R], cursor: str) -> int:
    """Find the row a cursor names: where it was, or wherever it is now."""
    try:
        raw = base64.b32decode(cursor)
        place, row_id = int.from_bytes(raw[:4], "big"), raw[4:].decode()
        if place < len(ordered) and ordered[place].id == row_id:
            return place
        return next(at for at, row in enumerate(ordered) if row.id == row_id)
    except (binascii.Error, ValueError, StopIteration) as error:
        raise bad_request("The cursor is not one of this list.") from error


def _encode(place: int, row_id: str) -> str:
    return base64.b32encode(place.to_bytes(4, "big") + row_id.encode()).decode("ascii")


def _sort(
    rows: Sequence[R], query: PageQuery, fields: Callable[[R], Mapping[str, object]]
) -> Sequence[R]:
    keys = list(zip(query.sorting_keys, query.sorting_order, strict=True))
    if not keys:
        return rows
    named = [(fields(row), row) for row in rows]
    for key, order in reversed(keys):
        name = to_camel(key) if "_" in key else key
        named = _sort_by(named, name, order)
    return [row for _, row in named]


def _sort_by(
    named: list[tuple[Mapping[str, object], R]], name: str, order: str
) -> list[tuple[Mapping[str, object], R]]:
    """Sort by one key as text or number; nulls last unless asked for first."""
    if any(not isinstance(values.get(name), (str, int, type(None))) for values, _ in named):
        raise bad_request(f"sorting_keys: nothing is sorted by {name}.")
    nulls = [pair for pair in named if pair[0].get(name) is None]
    filled = [pair for pair in named if pair[0].get(name) is not None]
    filled.sort(key=lambda pair: _rank(pair[0][name]), reverse=order.startswith("DESC"))
    return nulls + filled if order.endswith("_NULLS_FIRST") else filled + nulls


def _rank(value: object) -> tuple[int, int, str]:
    return (0, value, "") if isinstance(value, int) else (1, 0, str(value))

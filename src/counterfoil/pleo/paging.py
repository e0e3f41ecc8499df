"""Reading a cursor-paged list whole: every page once, never in a circle.

A list that came back shorter than its own total, or in a circle, is read again from the start, up
to three times, and only rows not seen before are passed on. What rows are is left to ``client``.
Source: Pleo's pages on pagination, ``CursorPageInfo`` of the Export API v3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from counterfoil.pleo.errors import PleoMalformed
from counterfoil.pleo.wire import Json

__all__ = ["PAGE_LIMIT", "Page", "Rows", "page_of", "read_pages"]

PAGE_LIMIT = 20_000
"""More pages than any export has; beyond it the list does not end."""

READS_AGAIN = 3
"""How often a list that came back incomplete is read once more."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its rows, the next page's cursor (None: the last), the list's total if told."""

    rows: list[Json]
    after: str | None
    total: int | None


@dataclass(slots=True)
class Rows:
    """Keeps apart what was seen before; ``key`` names a row, None for one that has no name."""

    key: Callable[[Json], str | None]
    operation: str
    seen: set[str] = field(default_factory=set)
    unusable: int = 0

    def fresh(self, rows: list[Json]) -> list[Json]:
        """Return the rows not seen before, in order; unusable ones are logged and left out."""
        return [row for row in rows if self._is_fresh(row)]

    def _is_fresh(self, row: Json) -> bool:
        name = self.key(row)
        if name is None:
            self.unusable += 1
            _log.warning("pleo.row_skipped", operation=self.operation, why="no id")
            return False
        if name in self.seen:
            return False
        self.seen.add(name)
        return True


def page_of(value: Json, operation: str) -> Page:
    """Read an answer as a page; raises PleoMalformed where its shape leaves the next page open."""
    match value:
        case {"data": list(rows), "pagination": {"hasNextPage": bool(more), **rest}}:
            after, total = rest.get("endCursor"), rest.get("total")
        case _:
            raise PleoMalformed(f"Pleo's answer to {operation} is not a page of a list.")
    if more and not (isinstance(after, str) and after):
        raise PleoMalformed(f"{operation}: Pleo says there is a next page but gives no cursor.")
    return Page(rows, str(after) if more else None, total if isinstance(total, int) else None)


async def read_pages(
    fetch: Callable[[str | None], Awaitable[Page]], rows: Rows, pause: float
) -> AsyncIterator[list[Json]]:
    """Yield the fresh rows of each page, ``pause`` seconds before each further reading.

    Raises PleoMalformed for a list that still goes in a circle when read for the last time.
    """
    for reading in range(1 + READS_AGAIN):
        last = reading == READS_AGAIN
        rows.unusable = 0
        total: int | None = None
        try:
            async for page in _walk(fetch, rows.operation):
                total = page.total
                yield rows.fresh(page.rows)
        except _Circle:
            if last:
                raise
        else:
            if total is None or len(rows.seen) + rows.unusable >= total:
                return
        _log.warning(
            "pleo.list_incomplete",
            operation=rows.operation,
            total=total,
            collected=len(rows.seen),
            read_again=not last,
        )
        await asyncio.sleep(0 if last else pause)


class _Circle(PleoMalformed):
    """A list whose pages do not end."""


async def _walk(
    fetch: Callable[[str | None], Awaitable[Page]], operation: str
) -> AsyncIterator[Page]:
    """Follow the cursors from the first page to the last; raises rather than go in a circle."""
    passed: set[str] = set()
    page = await fetch(None)
    yield page
    while page.after is not None:
        if page.after in passed or len(passed) >= PAGE_LIMIT:
            raise _Circle(f"{operation}: Pleo's pages do not end (cursor {page.after} again).")
        passed.add(page.after)
        page = await fetch(page.after)
        yield page

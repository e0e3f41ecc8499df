"""The ways to call Pleo: once, until it is answered clearly, or page by page.

Which calls may be repeated is decided by their callers: GET, PUT and DELETE, never a POST.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from counterfoil.pleo.paging import Page, Rows, page_of, read_pages
from counterfoil.pleo.retry import Retries
from counterfoil.pleo.transport import Exchange, Request
from counterfoil.pleo.wire import Answer, Json, parse_json

__all__ = ["PAGE_SIZE", "Calls", "json_body", "text_under"]

PAGE_SIZE = 100
"""Rows we ask for on a page; Pleo may send fewer."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls over one exchange, repeated by one policy."""

    exchange: Exchange
    retries: Retries

    async def once(self, request: Request) -> Answer:
        """Send a request once."""
        return await self.exchange.send(request)

    async def repeat(self, request: Request) -> Json:
        """Send a GET or PUT until it is answered clearly; return the body."""

        async def ask() -> Json:
            return parse_json(await self.exchange.send(request))

        return await self.retries.run(ask)

    async def repeat_bare(self, request: Request) -> None:
        """Send a DELETE until it is answered clearly, whatever the body holds."""
        await self.retries.run(lambda: self.exchange.send(request))

    def pages(
        self, operation: str, path: str, query: Sequence[tuple[str, str]], key: str
    ) -> AsyncIterator[list[Json]]:
        """Read a paged list; rows are told apart by the text under ``key``."""

        async def fetch(after: str | None) -> Page:
            cursor = [("after", after)] if after else []
            request = Request(
                operation=operation,
                method="GET",
                path=path,
                query=[*query, ("limit", str(PAGE_SIZE)), *cursor],
            )
            return page_of(await self.repeat(request), str(request))

        rows = Rows(lambda row: text_under(row, key), f"GET {path}")
        return read_pages(fetch, rows, self.retries.wait_initial)


def text_under(row: Json, key: str) -> str | None:
    """Return a non-empty text of an object, else None."""
    value = row.get(key) if isinstance(row, dict) else None
    return value if isinstance(value, str) and value else None


def json_body(value: object) -> bytes:
    """Write JSON for the wire; what UTF-8 cannot carry (half a surrogate pair) becomes ``?``."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")

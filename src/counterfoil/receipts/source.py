"""Whom receipts are asked of: one request at a time, in a thread, over a connection that is kept.

A thread costs a third of what the event loop takes for a file, and goes on while an export
computes. Each URL is checked before anything is sent (``places``), and each address before it is
connected to (``network``). What an answer means is left to ``download``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context

import httpx

from counterfoil.ending import see_ended
from counterfoil.receipts.errors import ReceiptUnavailable
from counterfoil.receipts.line import Answer, Line
from counterfoil.receipts.network import CheckedNames
from counterfoil.receipts.places import Places, host_of
from counterfoil.trust import trust

__all__ = ["Source"]


class Source:
    """Asks for one file after the other; several are used side by side."""

    def __init__(
        self,
        places: Places,
        names: CheckedNames,
        threads: Executor,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Take the rules, the addresses, a thread, and whom TLS trusts (the machine's, if None)."""
        self._places = places
        self._names = names
        self._threads = threads
        self._tls = ssl_context or trust()
        self._line: Line | None = None

    async def ask(self, url: httpx.URL, read: Callable[[Answer], None]) -> Answer:
        """Send a GET, have its answer read in the thread, and return it.

        Raises ReceiptNotAllowed, ReceiptUnavailable, and what ``read`` does.
        """
        self._places.check_url(url)
        line = await self._line_to(url)
        try:
            return await self._in_thread(line, url, read)
        except ReceiptUnavailable:
            self._names.forget(host_of(url))
            raise

    async def _line_to(self, url: httpx.URL) -> Line:
        """Return the line that is kept, where it serves, or another."""
        if self._line is None or not self._line.serves(url):
            addresses = await self._names.addresses(host_of(url))
            self.close()
            self._line = Line(url, addresses, self._tls)
        return self._line

    async def _in_thread(
        self, line: Line, url: httpx.URL, read: Callable[[Answer], None]
    ) -> Answer:
        """Ask in the thread; cancelled, cut what it waits for, and return when it has ended."""
        loop = asyncio.get_running_loop()
        asking = loop.run_in_executor(self._threads, copy_context().run, line.ask, url, read)
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # What was about to connect may have missed the first cut.
            await see_ended([asking], line.cut)
            asking.exception()
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._line is not None:
            self._line.close()
            self._line = None

"""Whom receipts are asked of: several requests side by side, in threads, over kept connections.

A thread costs a third of what the event loop takes for a file, and goes on while an export
computes: what is asked beyond the number of threads waits for the next that is free. Each URL is
checked before anything is sent (``places``), and each address before it is connected to
(``network``). What an answer means is left to ``download``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from threading import Lock

import httpx

from counterfoil.ending import see_ended
from counterfoil.httptimes import retry_after
from counterfoil.limits import HeldOff, held, hold, turn
from counterfoil.receipts.errors import ReceiptUnavailable
from counterfoil.receipts.line import Answer, Line
from counterfoil.receipts.network import CheckedNames
from counterfoil.receipts.places import Places, host_of
from counterfoil.trust import trust

__all__ = ["Source"]


class Source:
    """Asks for files, at most ``parallel`` of them at once."""

    def __init__(
        self,
        places: Places,
        names: CheckedNames,
        parallel: int,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Take the rules, the addresses, and whom TLS trusts (the machine's, if None)."""
        self._places = places
        self._names = names
        self._tls = ssl_context or trust()
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="receipts")
        self._idle: list[Line] = []

    async def ask(
        self, url: httpx.URL, read: Callable[[Answer], None], limit: asyncio.Timeout
    ) -> Answer:
        """Send a GET, have its answer read in the thread, and return it.

        The time limit stands still while no thread is free. Raises ReceiptNotAllowed,
        ReceiptUnavailable, and what ``read`` does.
        """
        self._places.check_url(url)
        while True:
            await _turn(str(url))
            addresses = await self._names.addresses(host_of(url))
            request = _Request(url, addresses, read)
            try:
                return await self._in_thread(request, limit)
            except _HeldMeanwhile:
                continue
            except ReceiptUnavailable:
                self._names.forget(host_of(url))
                raise

    async def _in_thread(self, request: _Request, limit: asyncio.Timeout) -> Answer:
        """Ask in a thread; cancelled, cut what it waits for, and return when it has ended."""
        context = copy_context()
        begin = _stand_still(limit)
        running = self._threads.submit(context.run, self._ask, request, begin)
        asking = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            running.cancel()
            # What was about to connect may have missed the first cut.
            await see_ended([asking], request.cut)
            with suppress(asyncio.CancelledError):
                asking.exception()
            raise

    def _ask(self, request: _Request, begin: Callable[[], object]) -> Answer:
        """Ask over a line that is kept, where it serves, or another; for a thread."""
        begin()
        if held(str(request.url)):
            raise _HeldMeanwhile
        line = self._line_for(request)
        try:
            with request.going_over(line):
                return line.ask(request.url, request.take)
        finally:
            self._idle.append(line)

    def _line_for(self, request: _Request) -> Line:
        """Return the line that was used last, if it serves."""
        with suppress(IndexError):
            line = self._idle.pop()
            if line.serves(request.url):
                return line
            line.close()
        return Line(request.url, request.addresses, self._tls)

    async def close(self) -> None:
        """Close all connections, once nothing is asked any more."""
        await asyncio.to_thread(self._threads.shutdown)
        for line in self._idle:
            line.close()


class _HeldMeanwhile(Exception):
    """While a request waited for a thread, its host asked for patience; nothing was sent."""


class _Request:
    """A GET for a thread; whoever gives it up cuts the line it goes over, and no other's."""

    def __init__(
        self, url: httpx.URL, addresses: Sequence[str], read: Callable[[Answer], None]
    ) -> None:
        """Take what to ask for, where to connect to, and what becomes of the answer."""
        self.url = url
        self.addresses = addresses
        self._read = read
        self._lock = Lock()
        self._line: Line | None = None
        self._cut = False

    @contextmanager
    def going_over(self, line: Line) -> Iterator[None]:
        """Cut this line where the request is given up within the block, or was before."""
        with self._lock:
            self._line = line
        if self._cut:
            line.cut()
        try:
            yield
        finally:
            with self._lock:
                self._line = None

    def take(self, answer: Answer) -> None:
        """Have an answer read; where it asks for patience, what waits for a thread has it."""
        hold(str(self.url), answer.status, retry_after(answer.header("Retry-After")))
        self._read(answer)

    def cut(self) -> None:
        """Give it up; for another thread."""
        self._cut = True
        with self._lock:
            if self._line is not None:
                self._line.cut()


async def _turn(url: str) -> None:
    """Leave a host alone that asked for it; how fast it is asked otherwise, is not limited."""
    try:
        await turn(url, rated=False)
    except HeldOff as held_off:
        raise ReceiptUnavailable(f"The receipt's host holds us off: {held_off}.") from held_off


def _stand_still(limit: asyncio.Timeout) -> Callable[[], object]:
    """Stop a time limit; return what has it run on, for another thread."""
    loop = asyncio.get_running_loop()
    left = (limit.when() or 0) - loop.time()
    limit.reschedule(None)

    def run_on() -> None:
        limit.reschedule(loop.time() + left)

    return lambda: loop.call_soon_threadsafe(run_on)

"""Whom receipts are asked of: several requests side by side, in threads, over kept connections.

A thread costs a third of what the event loop takes for a file, and goes on while an export
computes: what is asked beyond the number of threads waits for the next that is free, the oldest
file first. Each URL is checked before anything is sent (``places``), and each address before it is
connected to (``network``). What an answer means is left to ``download``.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import PriorityQueue
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

__all__ = ["Source", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A file's place among all, and its time: it stands still where nobody asks for the file."""

    place: int
    limit: asyncio.Timeout

    @contextmanager
    def standing_still(self) -> Iterator[Callable[[], None]]:
        """Stop the time until the block ends, or until what it gives is called."""
        loop, when = asyncio.get_running_loop(), self.limit.when()
        left = None if when is None else when - loop.time()
        stands = True

        def run_on() -> None:
            nonlocal stands
            if stands:
                stands = False
                self.limit.reschedule(None if left is None else loop.time() + left)

        self.limit.reschedule(None)
        try:
            yield run_on
        finally:
            run_on()


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
        self._waiting: PriorityQueue[_Request] = PriorityQueue()
        self._idle: list[Line] = []

    async def ask(self, url: httpx.URL, read: Callable[[Answer], None], at: Turn) -> Answer:
        """Send a GET, have its answer read in the thread, and return it.

        Raises ReceiptNotAllowed, ReceiptUnavailable, and what ``read`` does.
        """
        self._places.check_url(url)
        since = time.monotonic()
        while True:
            with at.standing_still():
                await _turn(str(url))
            try:
                return await self._in_thread(url, read, at, since)
            except _HeldMeanwhile:
                continue
            except _NotLookedUp:
                await self._names.look_up(host_of(url), since)

    async def _in_thread(
        self, url: httpx.URL, read: Callable[[Answer], None], at: Turn, since: float
    ) -> Answer:
        """Ask in a thread; cancelled, cut what it waits for, and return when it has ended."""
        loop = asyncio.get_running_loop()
        with at.standing_still() as run_on:
            begins = partial(loop.call_soon_threadsafe, run_on)
            request = _Request(url, read, begins, at.place, since)
            asking = asyncio.wrap_future(request.answer)
            self._waiting.put(request)
            self._threads.submit(self._ask_next)
            try:
                return await asyncio.shield(asking)
            except asyncio.CancelledError:
                request.answer.cancel()
                # What was about to connect may have missed the first cut.
                await see_ended([asking], request.cut)
                with suppress(asyncio.CancelledError):
                    asking.exception()
                raise

    def _ask_next(self) -> None:
        """Answer the request that comes first; for a thread."""
        request = self._waiting.get()
        if request.answer.set_running_or_notify_cancel():
            try:
                request.answer.set_result(request.context.run(self._ask, request))
            except BaseException as error:  # noqa: BLE001 -- raised where it was asked
                request.answer.set_exception(error)

    def _ask(self, request: _Request) -> Answer:
        """Ask over a line that is kept, where one serves, or another."""
        if held(str(request.url)):
            raise _HeldMeanwhile
        line = self._kept_line(request) or self._new_line(request)
        request.begins()
        try:
            with request.going_over(line):
                return line.ask(request.url, request.take)
        except ReceiptUnavailable:
            self._names.forget(host_of(request.url), line.addresses)
            raise
        finally:
            self._idle.append(line)

    def _kept_line(self, request: _Request) -> Line | None:
        """Return the line that was used last of those that serve; close those that do not."""
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                return None
            if line.serves(request.url):
                return line
            line.close()

    def _new_line(self, request: _Request) -> Line:
        addresses = self._names.known(host_of(request.url), request.since)
        if addresses is None:
            raise _NotLookedUp
        return Line(request.url, addresses, self._tls)

    async def close(self) -> None:
        """Close all connections, once nothing is asked any more."""
        await asyncio.to_thread(self._threads.shutdown)
        for line in self._idle:
            line.close()


class _HeldMeanwhile(Exception):
    """While a request waited for a thread, its host asked for patience; nothing was sent."""


class _NotLookedUp(Exception):
    """Nobody knows where the host is, and no line to it is kept; nothing was sent."""


class _Request:
    """A GET for a thread; whoever gives it up cuts the line it goes over, and no other's."""

    def __init__(
        self,
        url: httpx.URL,
        read: Callable[[Answer], None],
        begins: Callable[[], object],
        place: int,
        since: float,
    ) -> None:
        """Take what to ask for, who reads it and is told when, the file's place, and since when."""
        self.url = url
        self.begins = begins
        self.since = since
        self.context = copy_context()
        self.answer: Future[Answer] = Future()
        self._read = read
        self._place = place
        self._lock = Lock()
        self._line: Line | None = None
        self._cut = False

    def __lt__(self, other: _Request) -> bool:
        """Whether it comes first."""
        return self._place < other._place

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

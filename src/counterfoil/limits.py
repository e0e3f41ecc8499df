"""How often hosts are asked, and which of them hold us off: for all that one process does at once.

A rate is kept for each host, and for each connection at a host. A host that says ``Retry-After``
is left alone by everybody until then, whichever step or connection it said it to. Whoever sends a
request takes its turn here first; nothing is limited where nobody asked for it. What to do where a
host asks for more patience than a caller has, is the caller's business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from counterfoil.telemetry import note

__all__ = [
    "PATIENCE",
    "HeldOff",
    "Limits",
    "heeded",
    "held",
    "hold",
    "hold_off",
    "limited",
    "on_behalf_of",
    "turn",
]

PATIENCE: Final = 60.0
"""The longest that a request waits for a host, in seconds."""
HOLD_MAX: Final = 3600.0
"""The longest that a host can hold us off, in seconds: more is taken for a mistake."""
_HOLDING: Final = {429, 503}
"""Statuses with which a host's Retry-After holds for whatever it is asked."""


class HeldOff(Exception):
    """A host asks us to wait for longer than a request may; nothing was sent."""

    def __init__(self, host: str, seconds: float) -> None:
        """Take who asks, and for how many seconds still."""
        super().__init__(f"{host} asks us to wait for {seconds:.0f} seconds more")
        self.seconds = seconds


class Limits:
    """The limits of one process; safe to use from several threads.

    ``per_connection`` and ``per_host`` are requests a second, None for no limit; as many may go at
    once as go in a second. ``held`` is told each time that a host holds us off: who, for how long.
    """

    def __init__(
        self,
        *,
        per_connection: float | None = None,
        per_host: float | None = None,
        held: Callable[[str, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the rates; nothing is held off yet."""
        self._rates = (per_host, per_connection)
        self._told = held
        self._clock = clock
        self._lock = Lock()
        self._next: dict[tuple[str, ...], float] = {}
        self._until: dict[str, float] = {}

    def reserve(self, host: str, connection: str) -> float:
        """Take a place in the queue for a host; return the seconds until it comes up."""
        now = self._clock()
        with self._lock:
            keys = ((host,), (host, connection))
            waits = [
                self._place(key, rate, now)
                for key, rate in zip(keys, self._rates, strict=True)
                if rate
            ]
        return max(waits, default=0.0)

    def _place(self, key: tuple[str, ...], rate: float, now: float) -> float:
        """Keep the rate as a leaky bucket that holds a second's worth."""
        due = max(self._next.get(key, 0.0), now)
        self._next[key] = due + 1 / rate
        return max(0.0, due + 1 / rate - max(1.0, 1 / rate) - now)

    def hold_off(self, host: str, seconds: float) -> None:
        """Leave a host alone for so long, everybody; tell who is to be told."""
        self.hold(host, seconds)
        note("held off", host=host)
        if self._told is not None:
            self._told(host, min(seconds, HOLD_MAX))

    def hold(self, host: str, seconds: float) -> None:
        """Leave a host alone for so long, unless it is for longer already."""
        with self._lock:
            until = self._clock() + min(seconds, HOLD_MAX)
            self._until[host] = max(until, self._until.get(host, 0.0))

    def held(self, host: str) -> float:
        """Return for how many seconds more a host is to be left alone."""
        with self._lock:
            return max(0.0, self._until.get(host, 0.0) - self._clock())


_limits: ContextVar[Limits | None] = ContextVar("limits", default=None)
_connection: ContextVar[str] = ContextVar("connection", default="")
_stopping: ContextVar[Callable[[], bool]] = ContextVar("stopping", default=bool)


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Keep limits in this context, and in the tasks and threads it starts."""
    token = _limits.set(limits)
    try:
        yield
    finally:
        _limits.reset(token)


@contextmanager
def on_behalf_of(connection: str, stopping: Callable[[], bool] = bool) -> Iterator[Limits | None]:
    """Count what is asked within the block as this connection's; give the limits, if any.

    While it is ``stopping``, no host is waited for with what can be resumed.
    """
    counted, told = _connection.set(connection), _stopping.set(stopping)
    try:
        yield _limits.get()
    finally:
        _stopping.reset(told)
        _connection.reset(counted)


async def turn(url: str, *, rated: bool = True, resumable: bool = False) -> None:
    """Wait until a URL's host may be asked; raises HeldOff where that is too long.

    Where it is not ``rated``, only a host that holds us off is waited for. What is ``resumable``
    is not waited for while it is stopping.
    """
    limits, host = _limits.get(), _host(url)
    if limits is None:
        return
    if rated and (wait := limits.reserve(host, _connection.get())) > 0:
        await asyncio.sleep(wait)
    while (held := limits.held(host)) > 0:
        if held > PATIENCE or (resumable and _stopping.get()()):
            raise HeldOff(host, held)
        await asyncio.sleep(min(held, 1.0))


def held(url: str) -> float:
    """Return for how many seconds more a URL's host is to be left alone."""
    limits = _limits.get()
    return limits.held(_host(url)) if limits is not None else 0.0


def heeded(status: int | None) -> bool:
    """Whether ``turn`` waits where a host said Retry-After with this status, or held us off."""
    return _limits.get() is not None and status in {None, *_HOLDING}


def hold(url: str, status: int, seconds: float | None) -> None:
    """Leave a host alone at once that says Retry-After, as ``hold_off`` will; for a thread."""
    limits = _limits.get()
    if limits is not None and seconds and status in _HOLDING:
        limits.hold(_host(url), seconds)


def hold_off(url: str, status: int, seconds: float | None) -> None:
    """Take a host's word: where it says Retry-After with 429 or 503, everybody leaves it alone."""
    limits = _limits.get()
    if limits is not None and seconds and status in _HOLDING:
        limits.hold_off(_host(url), seconds)


def _host(url: str) -> str:
    """Return the host and port of a URL."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()

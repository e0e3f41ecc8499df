"""Log lines that anybody on the network can cause: each kind once in a while, with how many."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

__all__ = ["Seldom"]

log = structlog.get_logger(__name__)


class Seldom:
    """Warns of each kind of trouble once in ``pause`` seconds, and says how many were not told."""

    def __init__(self, pause: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the pause and a clock that never goes back, both in seconds."""
        self._pause = pause
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._untold: dict[tuple[str, str], int] = {}

    def warn(self, event: str, connection: str, **more: str) -> None:
        """Warn of something about a connection; kinds are told apart by both."""
        kind = (event, connection)
        now = self._clock()
        if now - self._told.get(kind, -self._pause) < self._pause:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            return
        self._told[kind] = now
        untold = self._untold.pop(kind, 0)
        counted = {"since_the_last_line": untold} if untold else {}
        log.warning(event, connection=connection, **more, **counted)

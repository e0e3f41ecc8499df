"""Told to stop (SIGTERM, Ctrl+C): what is at hand is finished; told once more, we leave at once.

Both are safe: what is left undone, the next run finds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol, TypeAlias

from counterfoil.cli.lines import complain

__all__ = ["stopping", "stopping_in_loop"]

Handler: TypeAlias = "Callable[[int, FrameType | None], object] | int | None"

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

LEAVE_SECONDS: Final = 30.0
"""How long it takes at most to leave; what is cut off then, the next run finds."""

_TOLD = "Stopping when the items at hand are reported; once more, and it leaves at once"


class Stoppable(Protocol):
    """A service that runs until it is told to stop."""

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""

    def stop(self) -> None:
        """Finish what is at hand and end."""


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Give what says whether a signal came; the second one ends the process."""
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told.is_set
        return
    before = [(each, signal.getsignal(each)) for each in _SIGNALS]

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        told.set()
        _put_back(before)
        complain(_TOLD)

    for each in _SIGNALS:
        signal.signal(each, note)
    try:
        yield told.is_set
    finally:
        _put_back(before)


def stopping_in_loop(service: Stoppable) -> None:
    """Have the first signal stop the service, and the second one, or half a minute, end it."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        if service.stopping:
            _leave("Leaving at once")
        complain(_TOLD)
        service.stop()
        # Not the loop's: what is done after it, like telling people, takes its time, too.
        leaving = threading.Timer(
            LEAVE_SECONDS, _leave, ["What is at hand takes too long: leaving"]
        )
        leaving.daemon = True
        leaving.start()

    for each in _SIGNALS:
        loop.add_signal_handler(each, told)


def _leave(why: str) -> None:
    """End as a killed process does: whatever is under way, the next run finds."""
    complain(why)
    os._exit(1)


def _put_back(handlers: Sequence[tuple[signal.Signals, Handler]]) -> None:
    for each, handler in handlers:
        signal.signal(each, handler)

"""Told to stop (SIGTERM, Ctrl+C): what is at hand is finished; told once more, we leave at once.

Both are safe: what is left undone, the next run finds.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

from counterfoil.cli.lines import complain

__all__ = ["stopping"]

Handler: TypeAlias = "Callable[[int, FrameType | None], object] | int | None"

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
        complain("Stopping when the items at hand are reported; once more, and it leaves at once")

    for each in _SIGNALS:
        signal.signal(each, note)
    try:
        yield told.is_set
    finally:
        _put_back(before)


def _put_back(handlers: Sequence[tuple[signal.Signals, Handler]]) -> None:
    for each, handler in handlers:
        signal.signal(each, handler)

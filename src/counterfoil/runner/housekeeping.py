"""Once a day, what the register keeps for a time only is removed: by whatever process serves."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counterfoil.register import Register

__all__ = ["keep_house", "keeping_house"]

log = structlog.get_logger(__name__)

DAY: Final = 24 * 60 * 60.0
NOTICES_KEPT: Final = timedelta(days=30)
"""So long a notice is known that was told; what is still so then, is told again."""


def keep_house(register: Register, keep_items: timedelta, now: datetime) -> None:
    """Remove old items and entries, ids of webhooks of over a day, and old notices.

    Trouble is logged, not raised: the next day is another try.
    """
    try:
        pruned = register.retention.prune(before=now - keep_items)
        register.wakeups.heard((), now=now)
        notices = register.notices.prune(before=now - NOTICES_KEPT)
    except (CounterfoilError, OSError) as error:
        log.warning("the register could not be pruned; tomorrow again", reason=str(error))
        return
    log.info("the register is pruned", items=pruned.items, entries=pruned.entries, notices=notices)


@contextmanager
def keeping_house(register: Register, keep_items: timedelta) -> Iterator[None]:
    """Do so now and once a day as long as the block goes on, in a thread of its own."""
    ended = threading.Event()
    context = copy_context()

    def work() -> None:
        while True:
            keep_house(register, keep_items, datetime.now(UTC))
            if ended.wait(DAY):
                return

    thread = threading.Thread(target=lambda: context.run(work), name="housekeeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)

"""What is booked next: a job's items in posting order, each read and parsed once, some ahead.

Receipts of what is read ahead are fetched meanwhile (``documents``). When the data layer is read
anew, what waits here is read anew, too.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from counterfoil.export.work import ItemWork, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.register import KeptItem
    from counterfoil.register.items import Items

__all__ = ["AHEAD", "Coming", "Early"]

AHEAD = 200
"""How many items after a chunk are read, and have their receipts fetched, ahead."""


class Coming:
    """The items of a job that have no outcome, from the first on."""

    def __init__(self, items: Items, job_id: str) -> None:
        """Read from the register's items."""
        self._items = items
        self._job_id = job_id
        self._waiting: deque[ItemWork] = deque()
        self._taken: KeptItem | None = None
        self._anew = False
        self._all = False
        """Whether what waits is all there is."""

    def read(self, count: int, *, anew: bool) -> Sequence[ItemWork]:
        """Read on until so many wait (fewer do), and return what was read now.

        ``anew`` says that the data layer was read once more: then what waits is read again.
        """
        if anew and not self._anew:
            self._anew, self._all = True, False
            self._waiting.clear()
        if self._all:
            return ()
        wanted = count - len(self._waiting)
        after = self._waiting[-1].kept if self._waiting else self._taken
        kept = self._items.unbooked(self._job_id, limit=wanted, after=after)
        self._all = len(kept) < wanted
        new = [parsed(each) for each in kept]
        self._waiting.extend(new)
        return new

    def take(self, count: int) -> list[ItemWork]:
        """Take the next ones, at most so many."""
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        self._taken = taken[-1].kept if taken else None
        return taken


class Early:
    """Some items that the data layer gives first, for the time in which it is read.

    They may be booked late: the order is known when all are read.
    """

    def __init__(self, items: Items, job_id: str, count: int) -> None:
        """Read from the register's items, at most so many."""
        self._items = items
        self._job_id = job_id
        self._left = count

    def read(self, entry_ids: Sequence[str]) -> Sequence[ItemWork]:
        """Return those of a page that are to be booked."""
        if self._left <= 0:
            return ()
        kept = self._items.unbooked(self._job_id, limit=self._left, among=entry_ids)
        self._left -= len(kept)
        return [parsed(each) for each in kept]

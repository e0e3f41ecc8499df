"""Whose turn it is, where more wait than may go at once: first those that somebody asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

__all__ = ["Turns"]

Asked: TypeAlias = Callable[[], bool]
"""Whether somebody asked for it by now."""


class Turns:
    """So many at once; of those that wait the oldest, those that were asked for before others."""

    def __init__(self, at_once: int) -> None:
        """Take how many go at once."""
        self._free = at_once
        self._waiting: dict[asyncio.Future[None], Asked] = {}

    @asynccontextmanager
    async def turn(self, asked: Asked) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the block."""
        if self._free:
            self._free -= 1
        else:
            await self._come(asked)
        try:
            yield
        finally:
            self._go()

    async def _come(self, asked: Asked) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._waiting[mine] = asked
        try:
            await mine
        except asyncio.CancelledError:
            if self._waiting.pop(mine, None) is None:
                self._go()
            raise

    def _go(self) -> None:
        """Give the turn to who comes next."""
        waiting = [mine for mine in self._waiting if not mine.done()]
        asked = (mine for mine in waiting if self._waiting[mine]())
        if (mine := next(asked, next(iter(waiting), None))) is None:
            self._free += 1
            return
        del self._waiting[mine]
        mine.set_result(None)

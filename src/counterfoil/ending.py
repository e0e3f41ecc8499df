"""How work ends that does not end at the first word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

__all__ = ["see_ended"]

AGAIN_SECONDS: Final = 1.0
"""Before work is told to end once more."""


async def see_ended(work: Iterable[asyncio.Future[Any]], tell: Callable[[], object]) -> None:
    """Tell work to end until it has ended, and go on with that where we are cancelled meanwhile.

    Whoever was cancelled before raises that again; what became of the work is for the caller.
    """
    going_on = {each for each in work if not each.done()}
    while going_on:
        tell()
        with suppress(asyncio.CancelledError):
            _, going_on = await asyncio.wait(going_on, timeout=AGAIN_SECONDS)

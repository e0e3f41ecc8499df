"""Step 2: are the books ready for this job? Asked before any item is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.validate import settings_problems
from counterfoil.errors import JobFailure, JobFailureType
from counterfoil.export.ports import Clock, Export
from counterfoil.systems.contract import AccountingSystem, BooksNotReady

__all__ = ["open_books", "validate"]

PATIENCE_SECONDS = 60
PAUSES = (1, 2, 4, 8, 15, 30)

T = TypeVar("T")


async def validate(export: Export, books: AccountingSystem) -> Chart:
    """Return the chart, or raise JobFailure with the fitting type and the remedy.

    A check that may pass is repeated for a minute.
    Source: Pleo, "Pre-export validation".
    """
    chart = await _patiently(export.clock, lambda: _ready(books))
    problems = settings_problems(chart, export.settings)
    if problems:
        raise JobFailure(" ".join(problems), JobFailureType.INVALID_CONFIGURATION)
    return chart


async def open_books(export: Export) -> AccountingSystem:
    """Enter the accounting system, patiently; the caller leaves it again."""
    return await _patiently(export.clock, export.books.__aenter__)


async def _ready(books: AccountingSystem) -> Chart:
    problems = await books.ready()
    if problems:
        lasting = [problem for problem in problems if not problem.passing]
        raise BooksNotReady((lasting or list(problems))[0])
    return await books.chart()


async def _patiently(clock: Clock, check: Callable[[], Awaitable[T]]) -> T:
    """Try until it works; a passing problem gets a minute, a lasting one fails the job at once."""
    waited = 0.0
    for pause in (*PAUSES, 0):
        try:
            return await check()
        except BooksNotReady as error:
            if not error.problem.passing or waited >= PATIENCE_SECONDS or not pause:
                raise JobFailure(error.problem.message, error.problem.failure_type) from error
        await clock.sleep(pause)
        waited += pause
    raise AssertionError("the last pause is zero")

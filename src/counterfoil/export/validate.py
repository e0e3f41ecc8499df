"""Step 2: are the books ready for this job? Asked before any item is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.settings import Settings
from counterfoil.bookkeeping.validate import settings_problems
from counterfoil.errors import JobFailure
from counterfoil.export.mind_books import note_away
from counterfoil.export.ports import Export
from counterfoil.systems.contract import AccountingSystem, BooksNotReady, Problem
from counterfoil.telemetry import noting_retries

__all__ = ["open_books", "ready_chart", "validate"]

PAUSES = (1, 2, 4, 8, 15, 30)
"""Seconds between the tries: a minute in all."""

T = TypeVar("T")


async def validate(export: Export, books: AccountingSystem) -> Chart:
    """Return the chart, or raise JobFailure with the fitting type and the remedy.

    A check that may pass is repeated for a minute.
    Source: Pleo, "Pre-export validation".
    """
    return await _patiently(export, lambda: ready_chart(books, export.settings))


async def open_books(export: Export) -> AccountingSystem:
    """Enter the accounting system, patiently; the caller leaves it again."""
    return await _patiently(export, export.books.__aenter__)


async def ready_chart(books: AccountingSystem, settings: Settings) -> Chart:
    """Return the chart of books that are ready and that the settings fit; raises BooksNotReady."""
    problems = await books.ready()
    if problems:
        lasting = [problem for problem in problems if not problem.passing]
        raise BooksNotReady((lasting or list(problems))[0])
    chart = await books.chart()
    if mistakes := settings_problems(chart, settings):
        raise BooksNotReady(Problem(message=" ".join(mistakes)))
    return chart


async def _patiently(export: Export, check: Callable[[], Awaitable[T]]) -> T:
    """Try until it works; a passing problem gets a minute, a lasting one fails the job at once.

    Books that were away for all of the minute are noted as such.
    """
    checked = noting_retries("books", check)
    pauses = iter(PAUSES)
    while True:
        try:
            return await checked()
        except BooksNotReady as error:
            pause = next(pauses, None) if error.problem.passing else None
            if pause is None:
                note_away(export, error.problem)
                raise JobFailure(error.problem.message, error.problem.failure_type) from error
        await export.clock.sleep(pause)

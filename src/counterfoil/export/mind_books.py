"""Before a claim: books that were away when last asked are asked again, and a job may wait.

A job that was claimed has a minute for books that are away, and then fails: nobody can unclaim it.
So where they are known to be away, a pending job is left to Pleo's queue for as long as it has time
(``docs/adr/0009``). Who looks again, and when, is the runner's business.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import CounterfoilError
from counterfoil.register import Away
from counterfoil.systems.contract import BooksNotReady

if TYPE_CHECKING:
    from collections.abc import Callable

    from counterfoil.export.ports import Export
    from counterfoil.pleo.models import ExportJob
    from counterfoil.systems.contract import Problem

__all__ = ["BooksAreAway", "mind_books", "note_away"]

log = structlog.get_logger(__name__)

CLAIM_BEFORE_EXPIRY = timedelta(minutes=15)
"""So long before it expires, a job is claimed all the same, so that it fails with the reason."""


class BooksAreAway(CounterfoilError):
    """A pending job is left unclaimed, as the accounting system is away and there is time."""


def note_away(export: Export, problem: Problem) -> None:
    """Note that the books are away, if that may pass."""
    if problem.passing:
        away = Away(target=export.books.target, since=export.clock.now(), why=problem.message)
        export.register.books_away.note(away)


async def mind_books(make_export: Callable[[], Export], job: ExportJob) -> None:
    """Ask books that were away when last asked; raises BooksAreAway while the job can wait.

    Books that are there, or have a problem that waiting does not mend, are away no more.
    """
    export = make_export()
    away = export.register.books_away.get(export.books.target)
    if away is None:
        return
    problem = await _problem(export)
    if problem is None or not problem.passing:
        log.info("the accounting system answers again", since=away.since.isoformat())
        export.register.books_away.back(away.target)
        return
    claim_at = job.expires_at - CLAIM_BEFORE_EXPIRY
    if export.pleo_now() < claim_at:
        raise BooksAreAway(
            f"The accounting system is away since {away.since:%Y-%m-%d %H:%M} UTC: "
            f"{problem.message} Job {job.id} waits for it in Pleo, unclaimed, until "
            f"{claim_at:%H:%M} UTC; then it fails with this reason, to be exported again"
        )
    log.warning("the accounting system stays away, and the job has no more time", job=job.id)


async def _problem(export: Export) -> Problem | None:
    try:
        async with export.books as books:
            problems = await books.ready()
    except BooksNotReady as error:
        return error.problem
    lasting = [problem for problem in problems if not problem.passing]
    return next(iter([*lasting, *problems]), None)

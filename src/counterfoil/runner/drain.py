"""Drain one company: run its export jobs, oldest first, one at a time, until none is left.

The company's flag "look again" is cleared before each listing; a drain ends only when it is clear.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from counterfoil.export.claim import claim, take_over
from counterfoil.export.detect import detect
from counterfoil.export.mind_books import mind_books
from counterfoil.export.run import run
from counterfoil.export.settle import settle_alone
from counterfoil.limits import PATIENCE
from counterfoil.pleo.errors import PleoRateLimited, PleoUnanswered
from counterfoil.telemetry import note, span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from counterfoil.export.ports import Export
    from counterfoil.export.run import JobResult
    from counterfoil.pleo.models import ExportJob

    Get: TypeAlias = Callable[[Export, str], Awaitable[ExportJob | None]]
    Seen: TypeAlias = Callable[[Sequence[ExportJob]], None]

__all__ = ["drain"]

log = structlog.get_logger(__name__)

CLAIM_TRIES = 3
UNTOLD_AFTER = timedelta(seconds=30)
"""A job that is younger may be told of still."""
PAUSE_SECONDS = 2
AGAIN_SECONDS = 0.2
"""Before it lists once more with nothing to do: however many call, Pleo is asked so often."""


def _unseen(pending: Sequence[ExportJob]) -> None:
    del pending


async def drain(
    make_export: Callable[[], Export],
    results: list[JobResult],
    *,
    take: str | None = None,
    seen: Seen = _unseen,
) -> tuple[str, ...]:
    """Run every job that is ours to run, adding how each ended to ``results`` at once.

    ``take`` is a job in progress to take over first; ``seen`` is shown the jobs that wait, each
    time that Pleo lists them. Returns the jobs that another integration has under way: while one
    of them runs, no newer one is started. Raises BooksAreAway where a job is left to wait for them.
    """
    if take is not None:
        await _one(make_export(), take, take_over, results)
    tries: Counter[str] = Counter()
    while not (export := make_export()).stopping():
        _note_call(export)
        done = {result.job_id for result in results}
        only = export.planned.jobs if export.planned else None
        found = await detect(export.pleo, export.register, leave=done, only=only)
        seen(found.pending)
        if found.next is None:
            if await _at_an_end(export, results):
                return found.foreign
            continue
        if found.next in found.pending:
            _note_untold(export, found.next)
            await mind_books(make_export, found.next)
        if tries[found.next.id] == CLAIM_TRIES:
            raise PleoUnanswered(
                f"Job {found.next.id} could not be started: Pleo gives no clear answer. It is "
                "still pending there; run again"
            )
        if await _one(export, found.next.id, _claim, results):
            continue
        tries[found.next.id] += 1
        await export.clock.sleep(PAUSE_SECONDS)
    return ()


def _note_call(export: Export) -> None:
    """Take the call for this company, if there is one, and note how long it waited."""
    if (since := export.register.wakeups.taken(export.company_id)) is not None:
        note("wakeup lag", (export.clock.now() - since).total_seconds())


def _note_untold(export: Export, job: ExportJob) -> None:
    """Note a job of which a webhook should have told, and did not in a fair time."""
    if export.clock.now() - job.created_at < UNTOLD_AFTER:
        return
    register = export.register
    if register.subscriptions.calls(export.connection) and not register.wakeups.told_of(job.id):
        note("poll repaired", connection=export.connection)


async def _at_an_end(export: Export, results: list[JobResult]) -> bool:
    """Settle where there was nothing to export; tell whether nobody called meanwhile."""
    if not results:
        await settle_alone(export)
    if not export.register.wakeups.wanted(export.company_id):
        return True
    await export.clock.sleep(AGAIN_SECONDS)
    return False


async def _one(export: Export, job_id: str, get: Get, results: list[JobResult]) -> bool:
    """Get a job and run it to its end; whether it was to be had."""
    with (
        span("job", job=job_id, connection=export.connection),
        structlog.contextvars.bound_contextvars(connection=export.connection, job=job_id),
    ):
        with span("claim"):
            job = await get(export, job_id)
        if job is not None:
            note("job wait", (export.clock.now() - job.created_at).total_seconds())
            result = await run(export, job)
            results.append(result)
            note("job", connection=export.connection, outcome=result.outcome)
    return job is not None


async def _claim(export: Export, job_id: str) -> ExportJob | None:
    try:
        return await claim(export, job_id)
    except PleoRateLimited as error:
        log.warning("Pleo asks us to wait", job=job_id, seconds=error.retry_after)
        await _held_off(export, job_id, error)
        return None


async def _held_off(export: Export, job_id: str, error: PleoRateLimited) -> None:
    """Wait as long as Pleo asks for, or until it is told to stop; raises where that is long."""
    left = error.retry_after or PAUSE_SECONDS
    if left > PATIENCE:
        raise PleoRateLimited(
            f"Job {job_id} could not be started: Pleo asks us to wait for {left:.0f} seconds. It "
            "is still pending there; run again"
        ) from error
    while left > 0 and not export.stopping():
        await export.clock.sleep(min(left, 1))
        left -= 1

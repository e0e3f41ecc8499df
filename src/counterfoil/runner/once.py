"""``run --once``: drain every open job of every connection, one after the other, and end.

A broken connection is told in its report; the others go on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

import structlog

from counterfoil.errors import ConnectionBroken, CounterfoilError, FenceLost
from counterfoil.export.mind_books import BooksAreAway
from counterfoil.export.ports import AgreedPlan, Export, Progress, Silent, SystemClock
from counterfoil.limits import PATIENCE
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import PleoRateLimited, PleoUnanswered
from counterfoil.register import Backlog, LockHeld, Register, RegisterUnavailable
from counterfoil.runner.around import around, working_for
from counterfoil.runner.binding import binding_of, writing
from counterfoil.runner.credentials import pleo_for
from counterfoil.runner.drain import drain
from counterfoil.runner.notifying import notice_drain
from counterfoil.runner.receipts import receipt_store
from counterfoil.runner.reports import ConnectionReport, ItemReport, JobReport
from counterfoil.runner.setting_up import confirm_company, with_company
from counterfoil.runner.subscribing import retire_replaced
from counterfoil.telemetry import note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from counterfoil.config import Config, Connection
    from counterfoil.export.run import JobResult
    from counterfoil.pleo.models import ExportJob

__all__ = ["run_connection", "run_once"]

log = structlog.get_logger(__name__)


class Watched(TypedDict):
    """How a run is watched, and what it is held to."""

    progress: Progress
    planned: AgreedPlan | None
    stopping: Callable[[], bool]


async def run_once(
    config: Config,
    *,
    only: str | None = None,
    take_over: str | None = None,
    progress: Progress | None = None,
    planned: AgreedPlan | None = None,
    stopping: Callable[[], bool] = bool,
) -> tuple[ConnectionReport, ...]:
    """Run every connection (or the one named ``only``) until no job is left for us.

    ``take_over`` names a job in progress that a person says is ours to go on with; ``planned``
    what alone may be claimed and written. While it is ``stopping``, the chunk at hand is
    reported and nothing else is begun.
    """
    with config.open_register() as register, around(config, register):
        reports = []
        for connection in config.connections:
            if only not in {None, connection.name}:
                continue
            report = await run_connection(
                connection,
                register,
                take_over=take_over,
                progress=progress or Silent(),
                planned=planned,
                stopping=stopping,
            )
            reports.append(_passed_on(connection, register, report))
    return tuple(reports)


def _passed_on(
    connection: Connection, register: Register, report: ConnectionReport
) -> ConnectionReport:
    """Have whoever is at the company look again before it ends: it may have listed already."""
    if not (report.busy and connection.company_id):
        return report
    try:
        register.wakeups.look(connection.company_id)
    except RegisterUnavailable:
        return report
    return replace(report, error=f"{report.error} It was asked to look once more before it ends")


async def run_connection(
    connection: Connection,
    register: Register,
    *,
    take_over: str | None = None,
    progress: Progress,
    planned: AgreedPlan | None = None,
    stopping: Callable[[], bool] = bool,
) -> ConnectionReport:
    """Drain one connection under its company's lock; trouble is told, not raised."""
    results: list[JobResult] = []
    foreign: tuple[str, ...] = ()
    error = None
    waiting = None
    busy = books_away = False
    try:
        pause = register.pauses.of(connection.name)
        if pause is not None:
            return ConnectionReport(name=connection.name, paused=str(pause))
        foreign = await _drain(
            connection,
            register,
            results,
            take_over,
            progress=progress,
            planned=planned,
            stopping=stopping,
        )
    except (BooksAreAway, PleoRateLimited, PleoUnanswered) as hindrance:
        if _passes(hindrance):
            waiting, books_away = str(hindrance), isinstance(hindrance, BooksAreAway)
            log.warning("the connection waits", reason=waiting)
        else:
            error = str(hindrance)
    except (LockHeld, FenceLost, RegisterUnavailable) as trouble:
        error, busy = str(trouble), True
    except (CounterfoilError, OSError) as trouble:
        error = str(trouble)
    except Exception as fault:
        log.exception("a fault of Counterfoil", connection=connection.name)
        error = (
            f"a fault of Counterfoil stopped it ({type(fault).__name__}). Nothing is lost: run "
            "again; if it stays, report it with the log, which says more with COUNTERFOIL_LOG=debug"
        )
    note("drain", connection=connection.name, outcome=_outcome(error, waiting, busy=busy))
    if error:
        say = log.warning if busy else log.error
        say("the connection cannot work", connection=connection.name, reason=error)
    report = ConnectionReport(
        name=connection.name,
        error=error,
        jobs=tuple(_job_report(register, result) for result in results),
        foreign=foreign,
        waiting=waiting,
        books_away=books_away,
        busy=busy,
    )
    notice_drain(connection, register, report)
    return report


def _passes(hindrance: BooksAreAway | PleoRateLimited | PleoUnanswered) -> bool:
    """Whether it is known to pass: the books are waited for, or Pleo says how long to wait."""
    if isinstance(hindrance, PleoUnanswered):
        return (hindrance.retry_after or 0) > PATIENCE
    return True


def _outcome(error: str | None, waiting: str | None, *, busy: bool) -> str:
    if busy:
        return "busy"
    return "broken" if error else "waiting" if waiting else "done"


async def _drain(
    connection: Connection,
    register: Register,
    results: list[JobResult],
    take_over: str | None,
    **watched: Unpack[Watched],
) -> tuple[str, ...]:
    _leave_to_the_bridge(connection)
    connection.check()
    with working_for(connection.name, register, watched["stopping"]):
        connection = await with_company(connection, register)
        confirm_company(connection, register)
        with writing(connection, register):
            register.connections.bind(binding_of(connection), now=SystemClock().now())
            fence = register.connections.raise_fence(connection.company_id)
            async with pleo_for(connection, register) as pleo:
                ours = register.under(connection.company_id, fence)
                foreign = await drain(
                    lambda: _export(connection, ours, pleo, fence, **watched),
                    results,
                    take=take_over,
                    seen=lambda found: register.backlogs.note(_backlog(connection.name, found)),
                )
                await retire_replaced(pleo, register, connection.name)
                return foreign


def _backlog(name: str, pending: Sequence[ExportJob]) -> Backlog:
    return Backlog(
        connection=name,
        waiting=len(pending),
        oldest_at=min((job.created_at for job in pending), default=None),
        expires_at=min((job.expires_at for job in pending), default=None),
    )


def _leave_to_the_bridge(connection: Connection) -> None:
    """Refuse a company that an old program exports: nobody knows which of the two would book."""
    if connection.bridge is not None:
        raise ConnectionBroken(
            f"connection {connection.name} has [connection.bridge]: its expenses are exported by "
            "your old program, through counterfoil expenses bridge. Nothing was claimed. To export "
            "them with Counterfoil, end the bridge and remove [connection.bridge]"
        )


def _export(
    connection: Connection,
    register: Register,
    pleo: PleoClient,
    fence: int,
    **watched: Unpack[Watched],
) -> Export:
    """Put together what one run of one job needs."""
    books = connection.open_books()
    return Export(
        connection=connection.name,
        company_id=connection.company_id,
        fence=fence,
        pleo=pleo,
        books=books,
        register=register,
        receipts=receipt_store(connection, books),
        settings=connection.settings_for(books),
        receipt_policy=connection.receipts.policy,
        on_change=connection.on_change,
        **watched,
    )


def _job_report(register: Register, result: JobResult) -> JobReport:
    return JobReport(
        job_id=result.job_id,
        outcome=result.outcome,
        reason=result.reason,
        items=_items(register, result.job_id),
        faults=result.faults,
    )


def _items(register: Register, job_id: str) -> tuple[ItemReport, ...]:
    try:
        return tuple(ItemReport.of(item) for item in register.items.outcomes(job_id))
    except RegisterUnavailable as error:
        log.warning("what became of the items cannot be told now", job=job_id, reason=str(error))
        return ()

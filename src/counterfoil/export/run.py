"""An export job, as a resumable function: killed anywhere and started again, it ends the same.

    detect -> claim            (before this function; see detect.py and claim.py)
    1. validate                the books are ready, the settings fit
    2. job_items               which items, and where each stands
    3. export_items            what each item holds
    4. record, report          chunk by chunk: book, then tell Pleo; what is uncertain comes last
    5. settle                  payments with their bills, of this job and earlier ones
    6. close                   one final event, from Pleo's own list

Who runs it, when, and under which lock, is the runner's business.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from counterfoil.ending import see_ended
from counterfoil.errors import FenceLost, ItemFailureType, JobFailure, JobFailureType, JobLost
from counterfoil.export.close import Verdict, close, judge, verdict_of_failure
from counterfoil.export.coming import AHEAD, Coming, Early
from counterfoil.export.export_items import read_export_items
from counterfoil.export.job_items import read_job_items
from counterfoil.export.look import by_our_register, uncertain
from counterfoil.export.record import Recorder
from counterfoil.export.report import report
from counterfoil.export.settle import settle_payments
from counterfoil.export.validate import open_books, validate
from counterfoil.pleo.errors import PleoForbidden, PleoNotFound, PleoUnanswered
from counterfoil.register import ItemOutcome, PartState
from counterfoil.telemetry import span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from counterfoil.export.ports import Export
    from counterfoil.pleo.models import ExportJob, ExportJobItem
    from counterfoil.register import KeptItem
    from counterfoil.systems.contract import AccountingSystem

__all__ = ["JobResult", "confirm_lost", "failed_whole", "run"]

log = structlog.get_logger(__name__)

ROUNDS = 3
"""How often the job's items are read anew because Pleo listed more than before."""


class _Stopped(Exception):
    """The run was told to stop, and what it booked is reported."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended, why, and what the books' check faults.

    Its final event; or ``lost``; or ``interrupted``, when the next run goes on with it.
    """

    job_id: str
    outcome: str
    reason: str | None = None
    faults: tuple[str, ...] = ()


async def run(export: Export, job: ExportJob) -> JobResult:
    """Export one claimed job to its end; raises FenceLost where another worker may have it."""
    faults: tuple[str, ...] = ()
    try:
        try:
            rows, faults = await _export(export, job.id)
            verdict = judge(rows)
        except JobFailure as failure:
            verdict = await failed_whole(export, job.id, failure)
        except PleoForbidden as refusal:
            # A right is missing for the data, perhaps not for saying so.
            lacking = JobFailure(str(refusal), JobFailureType.AUTHORIZATION_FAILURE)
            verdict = await failed_whole(export, job.id, lacking)
        with span("close"):
            await close(export, job.id, verdict)
    except FenceLost:
        raise
    except _Stopped:
        return JobResult(job.id, "interrupted", "it was told to stop; the next run goes on", faults)
    except (JobLost, PleoNotFound) as error:
        await confirm_lost(export, job.id, error)
        return JobResult(job.id, "lost", str(error), faults)
    return JobResult(job.id, verdict.event, verdict.reason, faults)


async def confirm_lost(export: Export, job_id: str, error: Exception) -> None:
    """Note that the job ended under us, if Pleo says so when asked; else the next run goes on."""
    with suppress(PleoNotFound):
        job = await export.pleo.get_job(job_id)
        if job.status in {"pending", "in_progress"}:
            raise PleoUnanswered(
                f"Pleo refuses job {job_id}, and says that it is {job.status}: {error} Run again"
            ) from error
    export.register.jobs.lose(job_id, reason=str(error), now=export.clock.now())
    log.warning("the job is lost", job=job_id, reason=str(error))


async def _export(export: Export, job_id: str) -> tuple[Sequence[ExportJobItem], tuple[str, ...]]:
    """Validate, read, book and report; return Pleo's list at the end, and what the books fault."""
    async with AsyncExitStack() as stack:
        with span("validate"):
            books = await open_books(export)
            stack.push_async_exit(books)
            chart = await validate(export, books)
        stack.enter_context(_set_apart())
        receipts = await stack.enter_async_context(export.receipts)
        recorder = Recorder(export, job_id, books, receipts, chart)
        await read_job_items(export, job_id)
        rounds = 0
        while True:
            rounds += 1
            if left := export.register.items.count_open(job_id):
                export.progress.job_started(export.connection, job_id, left)
                await _book(export, job_id, recorder)
            with span("settle"):
                await settle_payments(export, books)
            rows, faults = await _as_it_ends(export, job_id, books)
            if rounds == ROUNDS or not _unbooked(export, job_id, limit=1):
                return rows, faults


async def _as_it_ends(
    export: Export, job_id: str, books: AccountingSystem
) -> tuple[Sequence[ExportJobItem], tuple[str, ...]]:
    """Read Pleo's list once more while the books are checked."""
    checking = asyncio.create_task(_check(books))
    try:
        return await read_job_items(export, job_id), await checking
    finally:
        await see_ended([checking], checking.cancel)


@contextmanager
def _set_apart() -> Iterator[None]:
    """Keep what was loaded out of every search for cycles: all of it is held until the job ends."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _book(export: Export, job_id: str, recorder: Recorder) -> None:
    """Report what an earlier run left, read the data layer, record and report chunk by chunk."""
    await report(export, job_id, hold=_uncertain(recorder))
    if _unbooked(export, job_id, limit=1):
        early = Early(export.register.items, job_id, export.chunk)
        with span("export_items"):
            await read_export_items(
                export, job_id, lambda page: recorder.fetch_ahead(early.read(page))
            )
    await _record_all(export, job_id, recorder)
    await recorder.ask_again()
    await _record_all(export, job_id, recorder)
    await report(export, job_id)


async def _record_all(export: Export, job_id: str, recorder: Recorder) -> None:
    """Book and report chunk by chunk, but for what is uncertain: it is asked for once more."""
    coming = Coming(export.register.items, job_id)
    recorder.fetch_ahead(coming.read(export.chunk + AHEAD, anew=recorder.read_again))
    while works := coming.take(export.chunk):
        if export.stopping():
            raise _Stopped
        with span("record"):
            await recorder.record(works)
        await report(export, job_id, hold=_uncertain(recorder))
        recorder.fetch_ahead(coming.read(export.chunk + AHEAD, anew=recorder.read_again))


def _uncertain(recorder: Recorder) -> set[str]:
    return {intent.reference.entry_id for intent in recorder.uncertain}


def _unbooked(export: Export, job_id: str, *, limit: int) -> list[KeptItem]:
    return export.register.items.unbooked(job_id, limit=limit)


async def _check(books: AccountingSystem) -> tuple[str, ...]:
    faults = tuple(await books.check())
    for fault in faults:
        log.error("the accounting system faults an entry of ours", fault=fault)
    return faults


async def failed_whole(export: Export, job_id: str, failure: JobFailure) -> Verdict:
    """Fail the job; where items of it are booked already, fail only those that are open.

    What an earlier run booked is reported first, and what it may have booked is called uncertain.
    """
    log.error("the job fails", job=job_id, reason=failure.reason)
    if export.register.items.count_open(job_id):
        _call_uncertain(export, job_id)
        await report(export, job_id)
    rows = await export.pleo.list_job_items(job_id)
    if not any(row.status == "successful" for row in rows):
        return verdict_of_failure(failure)
    await read_job_items(export, job_id)
    while chunk := _unbooked(export, job_id, limit=export.chunk):
        _settle(export, job_id, _failed_with_it(export, chunk, failure))
    await report(export, job_id)
    return judge(await export.pleo.list_job_items(job_id))


def _failed_with_it(
    export: Export, chunk: Sequence[KeptItem], failure: JobFailure
) -> dict[str, ItemOutcome]:
    """Fail items with their job; what an earlier run booked of them is named."""
    records = export.register.parts.of(export.books.target, [item.entry_id for item in chunk])
    outcomes = {}
    for item in chunk:
        booked = [
            record.external_id
            for record in records.get(item.entry_id, ())
            if record.state is PartState.BOOKED
        ]
        reason = " ".join([failure.reason, *map(by_our_register, booked[:1])])
        outcomes[item.entry_id] = ItemOutcome(
            status="failed", failure_type=_item_type(failure), failure_reason=reason
        )
    return outcomes


def _call_uncertain(export: Export, job_id: str) -> None:
    """Give items with an open intent their outcome: nobody can look now what came of it."""
    outcomes = {}
    for intent in export.register.parts.intended(export.books.target, job_id):
        failure = uncertain(intent.reference)
        outcomes[intent.reference.entry_id] = ItemOutcome(
            status="failed",
            failure_type=str(failure.failure_type),
            failure_reason=failure.reason,
        )
    _settle(export, job_id, outcomes)


def _settle(export: Export, job_id: str, outcomes: Mapping[str, ItemOutcome]) -> None:
    export.register.parts.settle([], job_id=job_id, outcomes=outcomes)


def _item_type(failure: JobFailure) -> str:
    kinds = {str(kind) for kind in ItemFailureType}
    return failure.failure_type if failure.failure_type in kinds else "unexpected_failure"

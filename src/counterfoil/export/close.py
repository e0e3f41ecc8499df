"""Step 7: read the job's items once more and send one final event, from Pleo's own list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from counterfoil.errors import JobFailure, JobFailureType, JobLost, shorten
from counterfoil.export.ports import Export
from counterfoil.limits import PATIENCE
from counterfoil.pleo.errors import (
    PleoBadRequest,
    PleoRateLimited,
    PleoUnanswered,
    PleoUnprocessable,
)
from counterfoil.pleo.models import ExportJobItem

__all__ = ["Verdict", "close", "judge", "verdict_of_failure"]

log = structlog.get_logger(__name__)

PAUSES = (1, 2, 5, 10, 20, 30)
NAMED = 5
"""How many items a job's reason names by id."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The final event and, unless all went well, its reason and type."""

    event: str
    reason: str | None = None
    reason_type: JobFailureType | None = None


def judge(rows: Sequence[ExportJobItem]) -> Verdict:
    """Judge a job by Pleo's own list of its items.

    Source: Pleo, "Complete an export job": all successful ``completed``, some failed
    ``completed_with_errors``, all failed ``failed``.
    """
    failed = [row for row in rows if row.status == "failed"]
    unsettled = [row for row in rows if row.status not in {"failed", "successful"}]
    if not failed and not unsettled:
        return Verdict("completed")
    event = "failed" if len(failed) == len(rows) else "completed_with_errors"
    return Verdict(event, shorten(_reason(rows, failed, unsettled)), _type(failed))


def verdict_of_failure(failure: JobFailure) -> Verdict:
    """Return the verdict on a job that failed as a whole."""
    return Verdict("failed", failure.reason, failure.failure_type)


async def close(export: Export, job_id: str, verdict: Verdict) -> None:
    """Send the final event until it is known to have been taken; raises JobLost if it cannot be.

    An event is never repeated blindly: after an unclear answer the job is read first.
    """
    for pause in (*PAUSES, 0):
        if await _send(export, job_id, verdict):
            break
        await export.clock.sleep(pause)
    else:
        raise PleoUnanswered(f"Pleo gives no clear answer to the final event of job {job_id}")
    export.register.jobs.close(
        job_id,
        outcome=verdict.event,
        reason=verdict.reason,
        reason_type=verdict.reason_type,
        now=export.clock.now(),
    )


async def _send(export: Export, job_id: str, verdict: Verdict) -> bool:
    try:
        await _event(export, job_id, verdict)
    except PleoRateLimited as limited:
        if (limited.retry_after or 0) > PATIENCE:
            raise
        return False
    except (PleoUnprocessable, PleoUnanswered):
        return await _is_closed(export, job_id, verdict)
    return True


async def _event(export: Export, job_id: str, verdict: Verdict) -> None:
    """Send the event with its reasons; Pleo's schema knows them for ``failed`` only."""
    try:
        await export.pleo.send_event(
            job_id,
            verdict.event,
            failure_reason=verdict.reason,
            failure_reason_type=verdict.reason_type,
        )
    except PleoBadRequest:
        if verdict.event != "completed_with_errors":
            raise
        log.info("Pleo takes no reasons with completed_with_errors", job=job_id)
        await export.pleo.send_event(job_id, verdict.event)


async def _is_closed(export: Export, job_id: str, verdict: Verdict) -> bool:
    job = await export.pleo.get_job(job_id)
    if job.status == verdict.event:
        return True
    if job.status in {"pending", "in_progress"}:
        return False
    raise JobLost(
        f"the job ended at Pleo as {job.status}: {job.failure_reason or 'no reason given'}"
    )


def _reason(
    rows: Sequence[ExportJobItem],
    failed: Sequence[ExportJobItem],
    unsettled: Sequence[ExportJobItem],
) -> str:
    sentences = []
    if failed:
        first = failed[0].failure_reason or "no reason given"
        sentences.append(f"{len(failed)} of {len(rows)} items failed; the first: {first}")
    if unsettled:
        ids = ", ".join(row.accounting_entry_id for row in unsettled[:NAMED])
        more = f" and {len(unsettled) - NAMED} more" if len(unsettled) > NAMED else ""
        sentences.append(f"Pleo did not take the outcome of {ids}{more}")
    return ". ".join(sentences)


def _type(failed: Sequence[ExportJobItem]) -> JobFailureType:
    """Return the one cause that all failed items share where the job's list has it."""
    kinds = Counter(row.failure_reason_type for row in failed)
    if len(kinds) == 1:
        (kind,) = kinds
        if kind is not None and kind in set(JobFailureType):
            return JobFailureType(kind)
    return JobFailureType.VALIDATION_FAILURE

"""Step 1, second half: make a job ours. The intent is on record before ``started`` is sent."""

from __future__ import annotations

from datetime import timedelta

import structlog

from counterfoil.export.detect import started_by_us
from counterfoil.export.ports import Export
from counterfoil.pleo.errors import PleoRateLimited, PleoRefused, PleoRejected, PleoUnanswered
from counterfoil.pleo.models import ExportJob
from counterfoil.register import JobRecord, JobState

__all__ = ["claim", "take_over"]

log = structlog.get_logger(__name__)


async def claim(export: Export, job_id: str) -> ExportJob | None:
    """Claim a pending job, or resume one of ours; None when it is not to be had now.

    ``started`` is never repeated blindly: after no clear answer the job is read, and only its own
    state decides. Source: Pleo, "Start an export job" (422 means somebody else owns it).
    """
    job = await export.pleo.get_job(job_id)
    if job.status == "in_progress" and started_by_us(job, export.register.jobs.get(job.id)):
        return _ours(export, job)
    if job.status != "pending":
        return None
    earlier = export.register.jobs.get(job.id) is not None
    export.register.jobs.intend_claim(_intent(export, job))
    sent_at = export.clock.now()
    try:
        await export.pleo.send_event(job.id, "started")
    except PleoUnanswered:
        return await _look(export, job.id, unanswered=True)
    except PleoRejected:
        return await _look(export, job.id, unanswered=earlier)
    except (PleoRefused, PleoRateLimited):
        if not earlier:
            export.register.jobs.forget(job.id)
        raise
    export.register.jobs.claimed(job.id)
    export.lease.start(expires_in=job.expires_in, updated_at=sent_at)
    return job


async def take_over(export: Export, job_id: str) -> ExportJob | None:
    """Make a job in progress ours because a person says so; None when it is not in progress."""
    job = await export.pleo.get_job(job_id)
    if job.status != "in_progress":
        return None
    export.register.jobs.take_over(_intent(export, job))
    return _ours(export, job)


async def _look(export: Export, job_id: str, *, unanswered: bool) -> ExportJob | None:
    """Read the job after an unclear or refused ``started``: ours, still pending, or another's."""
    job = await export.pleo.get_job(job_id)
    if unanswered and job.status == "in_progress":
        if started_by_us(job, export.register.jobs.get(job_id)):
            return _ours(export, job)
    elif unanswered and job.status == "pending":
        log.warning("started has no clear answer and the job is still pending", job=job_id)
        return None
    export.register.jobs.forget(job_id)
    log.info("another integration has the job", job=job_id, status=job.status)
    return None


def _ours(export: Export, job: ExportJob) -> ExportJob:
    export.register.jobs.claimed(job.id)
    untouched = export.pleo_now() - (job.last_updated_at or job.created_at)
    updated_at = export.clock.now() - max(untouched, timedelta(0))
    export.lease.start(expires_in=job.expires_in, updated_at=updated_at)
    return job


def _intent(export: Export, job: ExportJob) -> JobRecord:
    return JobRecord(
        job_id=job.id,
        connection=export.connection,
        company_id=export.company_id,
        target=export.books.target,
        state=JobState.CLAIMING,
        created_at=job.created_at,
        first_sent_at=export.clock.now(),
    )

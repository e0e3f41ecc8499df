"""Step 1: which job is next. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from counterfoil.export.ports import Pleo
from counterfoil.pleo.models import ExportJob
from counterfoil.register import JobRecord, JobState, Register
from counterfoil.telemetry import span

__all__ = ["Detected", "detect", "started_by_us"]

CLOCK_DIFFERENCE = timedelta(minutes=1)
"""How far Pleo's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class Detected:
    """The next job to run, if any, and jobs that another integration has under way."""

    next: ExportJob | None
    foreign: tuple[str, ...] = ()
    pending: tuple[ExportJob, ...] = ()
    """All that wait to be started, oldest first."""


async def detect(
    pleo: Pleo,
    register: Register,
    *,
    leave: Collection[str] = (),
    only: Collection[str] | None = None,
) -> Detected:
    """Find an interrupted job of ours, else the oldest pending one; none while another's runs.

    Jobs in ``leave`` are passed over: this run has tried them already. Where ``only`` is given, no
    other job is next.
    Source: Pleo, "Detect and start export jobs": one at a time, oldest first.
    """
    with span("detect"):
        jobs = await pleo.list_jobs(["pending", "in_progress"])
    jobs = sorted(
        (job for job in jobs if job.id not in leave), key=lambda job: (job.created_at, job.id)
    )
    running = [job for job in jobs if job.status == "in_progress"]
    pending = tuple(job for job in jobs if job.status == "pending")
    wanted = jobs if only is None else [job for job in jobs if job.id in only]
    ours = [job for job in wanted if started_by_us(job, register.jobs.get(job.id))]
    if ours:
        return Detected(ours[0], pending=pending)
    if running:
        return Detected(None, tuple(job.id for job in running), pending)
    oldest = next((job for job in pending if job in wanted), None)
    return Detected(oldest, pending=pending)


def started_by_us(job: ExportJob, record: JobRecord | None) -> bool:
    """Whether a job is in progress and ours: on record, or started after our ``started``."""
    if record is None or job.status != "in_progress":
        return False
    if record.state is JobState.RUNNING:
        return True
    return record.state is JobState.CLAIMING and _not_before(job.started_at, record.first_sent_at)


def _not_before(started: datetime | None, sent: datetime) -> bool:
    return started is not None and started >= sent - CLOCK_DIFFERENCE

"""What the register remembers of expenses that the old program may ask for, and their old status.

An expense that came in several jobs is told as the newest holds it. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bridge.marks import OldStatus
from counterfoil.errors import ItemFailure
from counterfoil.pleo.models import ExportItem
from counterfoil.register import JobRecord, JobState, KeptItem, Register
from counterfoil.register.records import load_payload

__all__ = ["KnownExpense", "expense_known", "expenses_known", "old_status", "read_item"]

OPEN = {JobState.CLAIMING, JobState.RUNNING}

BY_PLEO: Mapping[str, OldStatus] = {
    "pending": OldStatus.QUEUED,
    "in_progress": OldStatus.EXPORTING,
    "successful": OldStatus.EXPORTED,
}


@dataclass(frozen=True, slots=True)
class KnownExpense:
    """An expense as a job of ours holds it, and whether that job still runs."""

    kept: KeptItem
    status: OldStatus
    open: bool
    """Whether the old program may still say what became of it within this job."""


def old_status(kept: KeptItem, *, job_open: bool) -> OldStatus:
    """Return the old status: our own outcome first, then what Pleo holds."""
    if kept.outcome is not None:
        done = kept.outcome.status == "successful"
        return OldStatus.EXPORTED if done else OldStatus.NOT_EXPORTED
    status = BY_PLEO.get(kept.pleo_status, OldStatus.NOT_EXPORTED)
    if status is OldStatus.EXPORTED or job_open:
        return status
    return OldStatus.NOT_EXPORTED


def expenses_known(
    register: Register, connection: str, *, open_only: bool = False, most: int | None = None
) -> Iterator[KnownExpense]:
    """Give every expense of a connection's jobs once, as the running or newest job holds it.

    ``open_only``: of the running job alone; ``most``: of so many jobs, the newest.
    """
    seen: set[str] = set()
    for job in islice(_jobs(register, connection).values(), most):
        if open_only and job.state not in OPEN:
            return
        for kept in register.items.all(job.job_id):
            if kept.entry_id not in seen:
                seen.add(kept.entry_id)
                yield _known(kept, job)


def expense_known(register: Register, connection: str, entry_id: str) -> KnownExpense | None:
    """Return an expense as the running or newest of the connection's jobs holds it, or None."""
    kept = {each.job_id: each for each in register.items.of_entry(entry_id)}
    jobs = _jobs(register, connection).values()
    return next((_known(kept[job.job_id], job) for job in jobs if job.job_id in kept), None)


def _jobs(register: Register, connection: str) -> Mapping[str, JobRecord]:
    """Return a connection's jobs, one that runs before those that have ended, newest first."""
    ordered = sorted(register.jobs.all(connection), key=lambda job: job.state not in OPEN)
    return {job.job_id: job for job in ordered}


def _known(kept: KeptItem, job: JobRecord) -> KnownExpense:
    is_open = job.state in OPEN
    status = old_status(kept, job_open=is_open)
    waiting = {OldStatus.QUEUED, OldStatus.EXPORTING}
    return KnownExpense(kept, status, open=is_open and status in waiting)


def read_item(kept: KeptItem) -> ExportItem | None:
    """Return what Pleo sent of an item; None where that cannot be read, or nothing came."""
    return None if kept.payload is None else _parsed(kept.payload)


@lru_cache(maxsize=2048)
def _parsed(payload: str) -> ExportItem | None:
    """Parse a payload once: the old program reads the same expenses page by page."""
    try:
        return parse_item(load_payload(payload))
    except ItemFailure:
        return None

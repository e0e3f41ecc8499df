"""What may become of a job: created, started, reported to, finished, expired, cancelled.

Source: Pleo's workflow guide and the Export API v3. Where they are silent the sandbox is strict: a
job is only ``completed`` when every item of it is successful, and a final item keeps its status.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from counterfoil.sandbox import apierrors
from counterfoil.sandbox.bodies import EventBody, UpdateRow
from counterfoil.sandbox.items import WITH_CONTRA_ACCOUNT
from counterfoil.sandbox.model import AccountingEntry, Item, Job, JobItem

if TYPE_CHECKING:
    from counterfoil.sandbox.state import Company, State

__all__ = [
    "LockedByJob",
    "apply_event",
    "apply_updates",
    "cancel",
    "check_contra_accounts",
    "create",
    "expire",
    "expire_when_due",
    "start",
]

UPDATE_LIMIT = 100


class LockedByJob(Exception):
    """An accounting entry cannot be touched while an open job holds it."""

    def __init__(self, entry_id: str, job_id: str) -> None:
        """Name both."""
        super().__init__(f"accounting entry {entry_id} is locked by export job {job_id}")


def create(
    state: State, company: Company, entry_ids: Sequence[str], *, vendor_based: bool = False
) -> Job:
    """Make a pending job of these entries and lock them; raises LockedByJob, KeyError."""
    entries = [company.entries[entry_id] for entry_id in dict.fromkeys(entry_ids)]
    for entry in entries:
        if entry.job_id is not None:
            raise LockedByJob(entry.id, entry.job_id)
    now = state.clock.now()
    items = {entry.id: JobItem(entry.id) for entry in entries}
    job = Job(state.new_id(), company.id, now, now, items, vendor_based=vendor_based)
    for entry in entries:
        entry.job_id = job.id
        entry.exported = False
    state.jobs[job.id] = job
    state.note("created", job_id=job.id)
    state.outbox.tell_of_job(job)
    return job


def check_contra_accounts(company: Company, entries: Sequence[AccountingEntry]) -> None:
    """Refuse an export with wallets whose contra account nobody set up."""
    missing = company.missing_contra_accounts
    if not missing:
        return
    needed = {_wallet_currency(entry.item) for entry in entries if _moves_wallet(entry.item)}
    if lacking := needed & missing:
        raise apierrors.missing_contra_accounts(lacking)


def _moves_wallet(item: Item) -> bool:
    return item.get("type") in WITH_CONTRA_ACCOUNT


def _wallet_currency(item: Item) -> str:
    return str(item["amount"]["inWalletCurrency"]["currency"])


def apply_event(state: State, job: Job, body: EventBody) -> None:
    """Change the job's status as an integration asks; 422 where the status does not allow it."""
    if body.event == "started":
        start(state, job)
    else:
        _finish(state, job, body)
    state.note("event", job_id=job.id, value=body.event)


def start(state: State, job: Job) -> None:
    """Let an integration have the job; only one that is pending."""
    if job.status != "pending":
        raise apierrors.invalid_status_change()
    job.status = "in_progress"
    job.started_at = job.last_updated_at = state.clock.now()


def _finish(state: State, job: Job, body: EventBody) -> None:
    unsuccessful = any(item.status != "successful" for item in job.items.values())
    if job.status != "in_progress" or (body.event == "completed" and unsuccessful):
        raise apierrors.invalid_status_change()
    has_reason = body.failure_reason is not None or body.failure_reason_type is not None
    if has_reason and body.event != "failed" and state.refuse_reasons_with_errors:
        raise apierrors.bad_request("failureReason is only allowed with the event failed.")
    job.completed_at = state.clock.now()
    _end(state, job, body.event, body.failure_reason, body.failure_reason_type)


def _end(state: State, job: Job, status: str, reason: str | None, reason_type: str | None) -> None:
    job.status = status
    job.failure_reason = reason
    job.failure_reason_type = reason_type
    job.last_updated_at = state.clock.now()
    for item in job.items.values():
        if not item.finished:
            item.status = "abandoned"
    _release(state, job)


def _release(state: State, job: Job) -> None:
    entries = state.companies[job.company_id].entries
    for item in job.items.values():
        entry = entries.get(item.id)
        if entry is not None and entry.job_id == job.id:
            entry.job_id = None
            entry.exported = item.status == "successful"


def expire_when_due(state: State, job: Job) -> None:
    """Let the job die when nothing was reported for ``expiresIn`` seconds."""
    if job.open and state.clock.now() >= job.expires_at:
        expire(state, job, job.expires_at)


def expire(state: State, job: Job, at: datetime) -> None:
    """Make an open job failed with ``job_expired``; a finished one stays as it is."""
    if not job.open:
        return
    _end(state, job, "failed", "The export job expired.", "job_expired")
    job.expired_at = job.last_updated_at = at
    state.note("expired", job_id=job.id)


def cancel(state: State, job: Job) -> None:
    """Make an open job failed because a person closed it; a finished one stays as it is."""
    if not job.open:
        return
    _end(state, job, "failed", "Canceled by a user.", "canceled_by_user")
    state.note("closed", job_id=job.id)


def apply_updates(state: State, job: Job, rows: Sequence[UpdateRow]) -> Item:
    """Take what an integration reports about items; rows that cannot be taken become errors."""
    if job.status != "in_progress":
        raise apierrors.finished_for_updates()
    answer: Item = {"data": [], "errors": []}
    for row in rows:
        item = job.items.get(row.accounting_entry_id)
        error = _refusal(item, row)
        if item is None or error is not None:
            answer["errors"].append(error)
            continue
        _update(item, row)
        state.note("update", job_id=job.id, entry_id=item.id, value=item.status)
        answer["data"].append(item.as_json(job.id))
    job.last_updated_at = state.clock.now()
    return answer


def _refusal(item: JobItem | None, row: UpdateRow) -> Item | None:
    if item is None:
        kind, message = "ACCOUNTING_ENTRY_DOES_NOT_EXIST", "The job has no such accounting entry."
    elif item.finished and item.status != row.status:
        kind, message = "EXPORT_ENTRY_STATUS_UPDATE_FAILED", f"The item is {item.status} already."
    else:
        return None
    return {"accountingEntryId": row.accounting_entry_id, "message": message, "type": kind}


def _update(item: JobItem, row: UpdateRow) -> None:
    item.status = row.status
    item.exported_at = row.exported_at
    item.external_id = row.external_id
    item.external_url = row.external_url
    item.failure_reason = row.failure_reason
    item.failure_reason_type = row.failure_reason_type

"""Reads the sides of a reconciliation: what Pleo still lists, and what the books hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property

from counterfoil.bookkeeping.entries import Part
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import PleoNotFound, PleoRejected
from counterfoil.pleo.models import ExportJob, ExportJobItem
from counterfoil.register.records import dump_payload
from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["Payload", "PleoSide", "read_books", "read_pleo", "read_pleo_again"]

STATUSES = ("pending", "in_progress", "completed", "completed_with_errors", "failed")
OPEN = frozenset({"pending", "in_progress"})
"""Jobs in these have payloads to be read."""
AT_ONCE = 100
"""Items looked up in one call."""
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Payload:
    """An export item as Pleo gives it now, as JSON, and the job that holds it."""

    job_id: str
    text: str


@dataclass(frozen=True)
class PleoSide:
    """What Pleo says: its jobs, newest first, the items of those that were read, and payloads."""

    jobs: tuple[ExportJob, ...]
    rows: Mapping[str, Sequence[ExportJobItem]]
    """By job."""
    payloads: Mapping[str, Payload] = field(default_factory=dict)
    """By item, of jobs that are not finished."""

    @cached_property
    def job_by_id(self) -> Mapping[str, ExportJob]:
        """The jobs by their ids."""
        return {job.id: job for job in self.jobs}

    @cached_property
    def of_item(self) -> Mapping[str, Sequence[ExportJobItem]]:
        """The rows of each item, the newest job's first."""
        found: dict[str, list[ExportJobItem]] = {}
        for job in self.jobs:
            for row in self.rows.get(job.id, ()):
                found.setdefault(row.accounting_entry_id, []).append(row)
        return found


async def read_pleo(
    pleo: PleoClient,
    *,
    since: datetime | None,
    wanted: Collection[str],
    booked: Collection[str],
    claimed: Mapping[str, datetime],
) -> PleoSide:
    """Read the items of jobs from a time on, and of older ones until every wanted item is met.

    Payloads are read of jobs that are not finished and hold something that is booked. ``claimed``
    says when we claimed which job.
    """
    listed = await pleo.list_jobs(STATUSES)
    jobs = sorted(listed, key=lambda job: _age(job, claimed.get(job.id)), reverse=True)
    missing = set(wanted)
    rows: dict[str, Sequence[ExportJobItem]] = {}
    payloads: dict[str, Payload] = {}
    for job in jobs:
        if not (since is None or job.created_at >= since or missing):
            continue
        with suppress(PleoNotFound):
            rows[job.id] = await pleo.list_job_items(job.id)
        ids = {row.accounting_entry_id for row in rows.get(job.id, ())}
        missing -= ids
        if job.status in OPEN and not ids.isdisjoint(booked):
            payloads = await _payloads(pleo, job.id) | payloads
    return PleoSide(tuple(jobs), rows, payloads)


async def read_pleo_again(pleo: PleoClient, side: PleoSide, job_ids: Iterable[str]) -> PleoSide:
    """Read the items of some jobs once more."""
    again = {job_id: await pleo.list_job_items(job_id) for job_id in job_ids}
    return replace(side, rows={**side.rows, **again})


async def read_books(
    books: AccountingSystem, records: Iterable[Found], ids: Iterable[str], since: date | None
) -> dict[str, list[Found]]:
    """Give the records of each item; those that may have more than was read are looked up."""
    held: dict[str, list[Found]] = {}
    for record in records:
        held.setdefault(record.reference.entry_id, []).append(record)
    every = dict.fromkeys((*held, *ids))
    asked = [each for each in every if since or not _any_live(held.get(each, ()))]
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        found = await books.find([(entry_id, part) for entry_id in some for part in Part])
        held |= {
            entry_id: [one for part in Part for one in found.get((entry_id, part), ())]
            for entry_id in some
        }
    return held


def _any_live(records: Iterable[Found]) -> bool:
    return any(record.state.live for record in records)


def _age(job: ExportJob, claimed: datetime | None) -> tuple[datetime, datetime, datetime, str]:
    """Order jobs by creation; of two in one second, the one that was claimed last is newer."""
    return job.created_at, job.started_at or NEVER, claimed or NEVER, job.id


async def _payloads(pleo: PleoClient, job_id: str) -> dict[str, Payload]:
    """Read what an unfinished job holds; nothing if it is finished, or Pleo gives none."""
    found: dict[str, Payload] = {}
    with suppress(PleoRejected, PleoNotFound):
        async for page in pleo.export_item_pages(job_id):
            for row in page:
                found[str(row["accountingEntryId"])] = Payload(job_id, dump_payload(row))
    return found

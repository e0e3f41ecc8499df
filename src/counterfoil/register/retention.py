"""How long items are kept as they came, and how much the register holds.

Pleo gives no payload of a closed job, so each item is kept as it was received, and each entry as it
was planned. After a time nobody asks any more, and they are removed: what was booked under which
reference, what became of it and what Pleo was told stay for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from counterfoil.register.records import JobState, PartState
from counterfoil.register.schema import job_items, jobs, metadata, parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Select

    from counterfoil.register.database import Database

__all__ = ["Pruned", "Retention"]

ENDED = (JobState.CLOSED, JobState.LOST)
SETTLED = (PartState.BOOKED, PartState.REFUSED, PartState.GONE)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was removed."""

    jobs: int
    """Of how many jobs."""
    items: int
    """Items as received."""
    entries: int
    """Entries as planned."""


class Retention:
    """What of the register is for a time only."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def counts(self) -> Mapping[str, int]:
        """Count the rows of every table, by its name."""
        with self._database.read() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    def prune(self, *, before: datetime) -> Pruned:
        """Remove items and entries of jobs that were created before a time, and have ended.

        An item without an outcome and an entry of which nobody knows whether it was booked stay.
        Each job is a transaction of its own: killed in the middle, the next one goes on.
        """
        with self._database.read() as connection:
            old = connection.execute(_jobs_to_prune(before)).scalars().all()
        removed = [self._prune(job_id) for job_id in old]
        return Pruned(
            jobs=len(removed),
            items=sum(items for items, _ in removed),
            entries=sum(entries for _, entries in removed),
        )

    def _prune(self, job_id: str) -> tuple[int, int]:
        with self._database.write("prune") as connection:
            items = connection.execute(
                update(job_items)
                .where(job_items.c.job_id == job_id, job_items.c.payload.is_not(None))
                .where(job_items.c.status.is_not(None))
                .values(payload=None)
            )
            entries = connection.execute(
                update(parts)
                .where(parts.c.job_id == job_id, parts.c.entry != "")
                .where(parts.c.state.in_(SETTLED))
                .values(entry="")
            )
        return items.rowcount, entries.rowcount


def _jobs_to_prune(before: datetime) -> Select[Any]:
    """Find the jobs of which something is left to remove."""
    with_items = select(job_items.c.job_id).where(
        job_items.c.payload.is_not(None), job_items.c.status.is_not(None)
    )
    with_entries = select(parts.c.job_id).where(parts.c.entry != "", parts.c.state.in_(SETTLED))
    return (
        select(jobs.c.job_id)
        .where(jobs.c.created_at < before, jobs.c.state.in_(ENDED))
        .where(jobs.c.job_id.in_(with_items) | jobs.c.job_id.in_(with_entries))
        .order_by(jobs.c.created_at, jobs.c.job_id)
    )

"""Jobs that we claimed: written down before ``started`` is sent, so no crash forgets one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from counterfoil.register.dialects import upsert
from counterfoil.register.locks import Locks, company_lock
from counterfoil.register.records import JobRecord, JobState
from counterfoil.register.schema import NEWEST_FIRST, jobs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from counterfoil.register.database import Database

__all__ = ["Jobs"]


class Jobs:
    """The register's ``jobs``."""

    def __init__(self, database: Database, locks: Locks) -> None:
        """Work on this database, under these locks."""
        self._database = database
        self._locks = locks

    def get(self, job_id: str) -> JobRecord | None:
        """Return what we know of a job, or None if we never tried to claim it."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one_or_none()
        return None if row is None else _job(row)

    def all(self, connection_name: str | None = None) -> tuple[JobRecord, ...]:
        """Return our jobs, newest first, of one connection or of all."""
        query = select(jobs).order_by(*NEWEST_FIRST)
        if connection_name is not None:
            query = query.where(jobs.c.connection == connection_name)
        with self._database.read() as connection:
            return tuple(_job(row) for row in connection.execute(query))

    def unfinished(self) -> set[str]:
        """Return the connections that have jobs under way, as far as is known."""
        under_way = jobs.c.state.in_((JobState.CLAIMING, JobState.RUNNING))
        with self._database.read() as connection:
            query = select(jobs.c.connection).distinct().where(under_way)
            return set(connection.execute(query).scalars())

    def intend_claim(self, record: JobRecord) -> None:
        """Write down that ``started`` is about to be sent; the first such time is kept.

        Raises FenceLost where the company's lock was taken here and is lost.
        """
        self._locks.confirm(company_lock(record.company_id))
        if self.get(record.job_id) is None:
            self._put(record)

    def take_over(self, record: JobRecord) -> None:
        """Make a job ours because a person says so; raises FenceLost as ``intend_claim`` does."""
        self._locks.confirm(company_lock(record.company_id))
        self._put(record)

    def claimed(self, job_id: str) -> None:
        """Note that the job is ours."""
        self._set(job_id, "claimed", state=JobState.RUNNING)

    def forget(self, job_id: str) -> None:
        """Forget a job that is another's: nothing of ours depends on it."""
        with self._database.write("forget_claim") as connection:
            connection.execute(delete(jobs).where(jobs.c.job_id == job_id))

    def close(
        self,
        job_id: str,
        *,
        outcome: str,
        reason: str | None,
        reason_type: str | None,
        now: datetime,
    ) -> None:
        """Note that the final event was accepted."""
        self._set(
            job_id,
            "close_job",
            state=JobState.CLOSED,
            outcome=outcome,
            reason=reason,
            reason_type=reason_type,
            ended_at=now,
        )

    def lose(self, job_id: str, *, reason: str, now: datetime) -> None:
        """Note that it ended under us; what is booked is adopted when its items come back."""
        self._set(job_id, "lose_job", state=JobState.LOST, reason=reason, ended_at=now)

    def _put(self, record: JobRecord) -> None:
        with self._database.write("intend_claim") as connection:
            connection.execute(upsert(connection, jobs), [asdict(record)])

    def _set(self, job_id: str, what: str, **values: object) -> None:
        with self._database.write(what) as connection:
            connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(**values))


def _job(row: Row[Any]) -> JobRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's columns
    return JobRecord(**{**values, "state": JobState(values["state"])})

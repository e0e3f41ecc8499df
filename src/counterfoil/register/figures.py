"""Figures of a register at this moment, for metrics: cheap enough to be asked every few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from counterfoil.register.backlogs import Backlog, read_backlogs
from counterfoil.register.records import JobState
from counterfoil.register.schema import (
    books_away,
    connections,
    jobs,
    notices,
    parts,
    wakeups,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Select

    from counterfoil.register.database import Database

__all__ = ["Figures", "Snapshot"]

_UNSETTLED = parts.c.state.in_(["intended", "unknown"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a register holds at one moment; figures stand under the names of connections."""

    backlogs: tuple[Backlog, ...]
    running: Mapping[str, int]
    """Jobs that were claimed and have not ended."""
    uncertain: Mapping[str, int]
    """Items of jobs that ended, of which nobody knows whether they are booked."""
    away: Mapping[str, datetime]
    """Since when a connection's books are away."""
    called: int
    """Companies that wait to be looked at."""
    called_since: datetime | None
    untold: int
    """Notices that wait to be sent."""


class Figures:
    """Reads them."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def now(self) -> Snapshot:
        """Read all of them in one transaction; raises RegisterUnavailable."""
        with self._database.read() as connection:
            called, since = connection.execute(_CALLED).one()
            return Snapshot(
                backlogs=read_backlogs(connection),
                running=_counts(connection, _RUNNING),
                uncertain=_counts(connection, _UNCERTAIN),
                away={row[0]: row[1] for row in connection.execute(_AWAY)},
                called=called,
                called_since=since,
                untold=connection.execute(_UNTOLD).scalar_one(),
            )


def _counts(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


_OPEN_JOBS = jobs.c.state.in_([JobState.CLAIMING, JobState.RUNNING])
_RUNNING = select(jobs.c.connection, func.count()).where(_OPEN_JOBS).group_by(jobs.c.connection)
_UNCERTAIN = (
    select(jobs.c.connection, func.count(parts.c.entry_id.distinct()))
    .join(parts, parts.c.job_id == jobs.c.job_id)
    .where(_UNSETTLED, ~_OPEN_JOBS)
    .group_by(jobs.c.connection)
)
_AWAY = select(connections.c.name, books_away.c.since).join(
    books_away, books_away.c.target == connections.c.target
)
_CALLED = select(func.count(), func.min(wakeups.c.since)).select_from(wakeups)
_UNTOLD = select(func.count()).select_from(notices).where(notices.c.done_at.is_(None))

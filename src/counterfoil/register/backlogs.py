"""What waits at Pleo for each connection, as Pleo last listed it: for figures and alarms alone.

Nothing is decided from it: who works on a company asks Pleo.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import backlogs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from counterfoil.register.database import Database

__all__ = ["Backlog", "Backlogs", "read_backlogs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The pending jobs of a connection."""

    connection: str
    waiting: int = 0
    """How many they are."""
    oldest_at: datetime | None = None
    """When the oldest of them was created."""
    expires_at: datetime | None = None
    """When the first of them expires."""


class Backlogs:
    """The register's ``backlogs``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def note(self, backlog: Backlog) -> None:
        """Keep what waits now; where that is known already, nothing is written."""
        query = select(backlogs).where(backlogs.c.connection == backlog.connection)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if (Backlog(**row) if row else Backlog(connection=backlog.connection)) == backlog:
            return
        with self._database.write("note_backlog") as connection:
            connection.execute(upsert(connection, backlogs), [asdict(backlog)])


def read_backlogs(connection: Connection) -> tuple[Backlog, ...]:
    """Read what is known of every connection, by name."""
    rows = connection.execute(select(backlogs).order_by(backlogs.c.connection)).mappings()
    return tuple(Backlog(**row) for row in rows)

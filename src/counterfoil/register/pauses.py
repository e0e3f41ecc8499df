"""Connections that a person paused: none of their jobs is looked for until they are resumed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import pauses

if TYPE_CHECKING:
    from counterfoil.register.database import Database

__all__ = ["Pause", "Pauses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Since when a connection is paused (UTC), and why, if that was said."""

    connection: str
    since: datetime
    why: str | None

    def __str__(self) -> str:
        """Tell it in words."""
        why = f" ({self.why})" if self.why else ""
        return (
            f"paused since {self.since:%Y-%m-%d %H:%M} UTC{why}; "
            f"counterfoil connections resume {self.connection} goes on"
        )


@dataclass(frozen=True, slots=True)
class Pauses:
    """The register's ``pauses``."""

    database: Database

    def all(self) -> dict[str, Pause]:
        """Return all pauses, by connection."""
        with self.database.read() as connection:
            rows = connection.execute(select(pauses)).mappings().all()
        return {row["connection"]: Pause(**row) for row in rows}

    def of(self, name: str) -> Pause | None:
        """Return a connection's pause; None where it is not paused."""
        return self.all().get(name)

    def pause(self, name: str, why: str | None, *, now: datetime) -> None:
        """Pause a connection until it is resumed."""
        with self.database.write("pause") as connection:
            row = {"connection": name, "since": now, "why": why}
            connection.execute(upsert(connection, pauses), [row])

    def resume(self, name: str) -> bool:
        """Go on with a connection; False where it was not paused."""
        with self.database.write("resume") as connection:
            gone = connection.execute(delete(pauses).where(pauses.c.connection == name))
        return gone.rowcount > 0

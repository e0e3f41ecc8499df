"""Hosts that asked us to wait, until when: so that other processes leave them alone, too."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from counterfoil.register.dialects import insert
from counterfoil.register.schema import host_pauses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from counterfoil.register.database import Database

__all__ = ["HostPauses"]


class HostPauses:
    """The register's ``host_pauses``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def note(self, host: str, until: datetime, *, now: datetime) -> None:
        """Note until when a host is to be left alone at least, and forget pauses that are over."""
        with self._database.write("note_host_pause") as connection:
            connection.execute(delete(host_pauses).where(host_pauses.c.until < now))
            noted = insert(connection, host_pauses).values(host=host, until=until)
            connection.execute(
                noted.on_conflict_do_update(
                    index_elements=["host"],
                    set_={"until": until},
                    where=host_pauses.c.until < until,
                )
            )

    def now(self, now: datetime) -> Mapping[str, datetime]:
        """Return which hosts are to be left alone, until when."""
        query = select(host_pauses).where(host_pauses.c.until > now)
        with self._database.read() as connection:
            return {row.host: row.until for row in connection.execute(query)}

"""Which company and book a connection stands for, and whose turn it is to work on a company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.errors import ConnectionBroken
from counterfoil.register.database import upsert
from counterfoil.register.schema import companies, connections

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from counterfoil.register.database import Database

__all__ = ["Connections", "current_fence"]


class Connections:
    """The register's ``connections`` and ``companies``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def bind(
        self, name: str, *, company_id: str, environment: str, target: str, now: datetime
    ) -> None:
        """Keep what a connection stands for at first use; refuse it when that changed."""
        bound = {"company_id": company_id, "environment": environment, "target": target}
        with self._database.read() as connection:
            row = connection.execute(
                select(connections).where(connections.c.name == name)
            ).one_or_none()
        if row is None:
            with self._database.write("bind") as connection:
                connection.execute(
                    upsert(connections), [{"name": name, "first_used_at": now, **bound}]
                )
            return
        changed = [key for key, value in bound.items() if getattr(row, key) != value]
        if changed:
            was = ", ".join(f"{key} {getattr(row, key)} became {bound[key]}" for key in changed)
            raise ConnectionBroken(
                f"connection {name}: {was}; entries booked so far belong to the old one. "
                "Put the old value back, or give the connection a new name"
            )

    def raise_fence(self, company_id: str) -> int:
        """Raise a company's fence, under its lock; intents of older fences are refused."""
        with self._database.write("fence") as connection:
            fence = current_fence(connection, company_id) + 1
            connection.execute(upsert(companies), [{"company_id": company_id, "fence": fence}])
        return fence


def current_fence(connection: Connection, company_id: str) -> int:
    """Read a company's fence; 0 before the first worker."""
    found = connection.execute(
        select(companies.c.fence).where(companies.c.company_id == company_id)
    ).scalar()
    return int(found or 0)

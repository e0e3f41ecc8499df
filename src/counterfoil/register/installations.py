"""Whose credential is whose: the company that Pleo told of each connection's key, and by which.

Pleo's installation endpoint tells it when a key is first used; here it is kept, so that it is asked
once a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import installations

if TYPE_CHECKING:
    from datetime import datetime

    from counterfoil.register.database import Database

__all__ = ["Installations", "Told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What Pleo told of a connection's credential."""

    connection: str
    credential: str
    """A digest of it: another credential has another."""
    company_id: str | None
    """Lower case; None where Pleo does not say whose the credential is."""


@dataclass(frozen=True, slots=True)
class Installations:
    """The register's ``installations``."""

    database: Database

    def all(self) -> dict[str, Told]:
        """Return what Pleo told of each connection, by its name."""
        columns = [column for column in installations.columns if column.name != "told_at"]
        with self.database.read() as connection:
            rows = connection.execute(select(*columns)).mappings().all()
        return {row["connection"]: Told(**row) for row in rows}

    def keep(self, told: Told, *, now: datetime) -> None:
        """Keep what Pleo told, in place of what it told before."""
        row = {
            "connection": told.connection,
            "credential": told.credential,
            "company_id": told.company_id,
            "told_at": now,
        }
        with self.database.write("keep_installation") as connection:
            connection.execute(upsert(connection, installations), [row])

"""API keys that are kept in the register, sealed, one for each connection that wants that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import api_keys

if TYPE_CHECKING:
    from datetime import datetime

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["ApiKeys"]


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The register's ``api_keys``."""

    database: Database
    seal: Seal

    def get(self, name: str) -> str | None:
        """Return a connection's key; None where it has none here."""
        query = select(api_keys.c.sealed).where(api_keys.c.connection == name)
        with self.database.read() as connection:
            sealed = connection.execute(query).scalar()
        return None if sealed is None else self.seal.unseal(sealed)

    def put(self, name: str, key: str, *, now: datetime) -> None:
        """Store a connection's key, in place of the one it has; raises KeyMissing without a seal.

        Whoever works for the connection uses it as soon as Pleo refuses the old one.
        """
        row = {"connection": name, "sealed": self.seal.seal(key), "stored_at": now}
        with self.database.write("store_api_key") as connection:
            connection.execute(upsert(connection, api_keys), [row])

"""Connections that were added in the register, beside those of the configuration file.

Their settings are kept as the file would say them, secrets as references; they are checked when
they are loaded, as the file is (``counterfoil.config``). Removing one forgets all that makes it a
connection; what was booked through it stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import (
    added_connections,
    api_keys,
    authorisations,
    connections,
    consents,
    installations,
    pauses,
    webhook_subscriptions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Column

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["CONSENT", "WEBHOOKS", "AddedConnections", "Settings"]

Settings = dict[str, object]
"""A connection's table, as ``[[connection]]`` in a configuration file."""

DATE: Final = "$date"

CONSENT: Final = "its access to Pleo (OAuth)"
WEBHOOKS: Final = "its webhook subscription"

TRACES: Final[Mapping[str, Column[str]]] = {
    "its settings": added_connections.c.name,
    "its API key": api_keys.c.connection,
    CONSENT: authorisations.c.connection,
    "consents under way": consents.c.connection,
    WEBHOOKS: webhook_subscriptions.c.connection,
    "its pause": pauses.c.connection,
    "which company its key is for": installations.c.connection,
    "which books it is bound to": connections.c.name,
}
"""All that makes it a connection, in words."""


@dataclass(frozen=True, slots=True)
class AddedConnections:
    """The register's ``added_connections``."""

    database: Database
    seal: Seal

    def all(self) -> Mapping[str, Settings]:
        """Return the settings of each, by name."""
        query = select(added_connections.c.name, added_connections.c.settings)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(added_connections.c.name)).all()
        return {
            name: _read(self.seal.believed(settings, f"The connection {name}"))
            for name, settings in rows
        }

    def put(self, name: str, settings: Settings, *, now: datetime) -> None:
        """Add one, or change it."""
        row = {
            "name": name,
            "settings": self.seal.keep(json.dumps(settings, ensure_ascii=False, default=_dated)),
            "added_at": now,
        }
        with self.database.write("add_connection") as connection:
            connection.execute(upsert(connection, added_connections), [row])

    def traces(self, name: str) -> tuple[str, ...]:
        """Say what the register holds of a connection that removing it would erase."""
        with self.database.read() as connection:
            return tuple(
                what
                for what, column in TRACES.items()
                if connection.execute(
                    select(func.count()).select_from(column.table).where(column == name)
                ).scalar()
            )

    def erase(self, name: str) -> None:
        """Forget all that makes it a connection; jobs, items and bookings stay."""
        with self.database.write("erase_connection") as connection:
            for column in TRACES.values():
                connection.execute(delete(column.table).where(column == name))


def _read(settings: str) -> Settings:
    table: Settings = json.loads(settings, object_hook=_undated)
    return table


def _dated(value: object) -> dict[str, str]:
    """Write a date, which TOML has and JSON has not."""
    if isinstance(value, date):
        return {DATE: value.isoformat()}
    raise TypeError(f"{value!r} is nothing that a configuration file can say")


def _undated(table: dict[str, object]) -> object:
    day = table.get(DATE)
    return date.fromisoformat(day) if isinstance(day, str) else table

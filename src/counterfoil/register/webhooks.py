"""Our webhook subscriptions at Pleo: which connection each is for, and what proves a delivery.

The token in a subscription's URL is kept as a hash only, what signs its deliveries is sealed. How
a delivery is judged is left to ``web``, how a subscription is made to ``runner``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from counterfoil.register.schema import webhook_subscriptions

if TYPE_CHECKING:
    from sqlalchemy import Row

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["Credentials", "Subscription", "Subscriptions", "hash_of"]


def hash_of(token: str) -> str:
    """Return what is kept of a token: it is random, so its hash gives nothing away."""
    return sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What Pleo sends with each delivery of one subscription; secrets, all of them."""

    secret: str = field(repr=False)
    """Signs each delivery: ``whsec_`` and base64."""
    basic: str | None = field(default=None, repr=False)
    """Basic authentication, as ``user:password``."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Custom headers."""

    @property
    def carried(self) -> dict[str, str]:
        """The headers that each delivery carries beside its signature."""
        if self.basic is None:
            return dict(self.headers)
        pair = b64encode(self.basic.encode()).decode()
        return {**self.headers, "Authorization": f"Basic {pair}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription of ours at Pleo."""

    subscription_id: str
    """Pleo's."""
    connection: str
    company_id: str
    environment: str
    """Which Pleo."""
    token_hash: str = field(repr=False)
    credentials: Credentials
    made_at: datetime
    heard_at: datetime | None = None
    """When a genuine delivery of it was last heard, UTC, to the minute."""
    replaces: str | None = None
    """The subscription that is removed as soon as this one has delivered."""


class Subscriptions:
    """The register's ``webhook_subscriptions``."""

    def __init__(self, database: Database, seal: Seal) -> None:
        """Work on this database, with this seal."""
        self._database = database
        self._seal = seal

    def add(self, subscription: Subscription) -> None:
        """Keep a subscription; raises KeyMissing where there is no key to seal its secrets with."""
        row = {name: getattr(subscription, name) for name in _PLAIN}
        row["credentials"] = self._seal.seal(_dump(subscription.credentials))
        with self._database.write("subscribe") as connection:
            connection.execute(insert(webhook_subscriptions), [row])

    def all(self, connection_name: str | None = None) -> tuple[Subscription, ...]:
        """Return our subscriptions, oldest first, of one connection or of all."""
        table = webhook_subscriptions
        query = select(table).order_by(table.c.made_at, table.c.subscription_id)
        if connection_name is not None:
            query = query.where(table.c.connection == connection_name)
        with self._database.read() as connection:
            return tuple(self._read(row) for row in connection.execute(query))

    def sealed(self) -> Mapping[str, Callable[[], Subscription]]:
        """Return what opens each subscription, by its token's hash; nothing is unsealed yet.

        So a damaged one stops no other.
        """
        with self._database.read() as connection:
            rows = connection.execute(select(webhook_subscriptions)).all()
        return {row.token_hash: partial(self._read, row) for row in rows}

    def called(self) -> frozenset[str]:
        """Name the connections that have a subscription; nothing is unsealed."""
        query = select(webhook_subscriptions.c.connection).distinct()
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def calls(self, connection_name: str) -> bool:
        """Tell whether a connection has a subscription."""
        table = webhook_subscriptions
        query = select(table.c.connection).where(table.c.connection == connection_name).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def delivered(self, subscription_id: str, *, now: datetime) -> None:
        """Note a genuine delivery of a subscription."""
        table = webhook_subscriptions
        changed = update(table).where(table.c.subscription_id == subscription_id)
        with self._database.write("delivered") as connection:
            connection.execute(changed.values(heard_at=now))

    def remove(self, subscription_id: str) -> None:
        """Forget a subscription; what was to replace it replaces nothing any more."""
        table = webhook_subscriptions
        with self._database.write("unsubscribe") as connection:
            connection.execute(delete(table).where(table.c.subscription_id == subscription_id))
            replacing = update(table).where(table.c.replaces == subscription_id)
            connection.execute(replacing.values(replaces=None))

    def _read(self, row: Row[Any]) -> Subscription:
        values = {name: getattr(row, name) for name in _PLAIN}
        credentials = Credentials(**json.loads(self._seal.unseal(row.credentials)))
        return Subscription(**values, credentials=credentials)


_PLAIN = [each.name for each in webhook_subscriptions.columns if each.name != "credentials"]


def _dump(credentials: Credentials) -> str:
    return json.dumps(
        {
            "secret": credentials.secret,
            "basic": credentials.basic,
            "headers": dict(credentials.headers),
        }
    )

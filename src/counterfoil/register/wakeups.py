"""Who has to be looked at again: a durable flag for each company, and the webhooks that set it.

Whatever learns that a company may have work (a webhook, a person, a schedule) sets its flag, in any
process. Whoever drains the company clears the flag before each listing of its jobs, and goes on
until it stays clear. So no call is lost, and many are one. Deliveries of webhooks are noted by
their ids for a day, each once. Who may set a flag, and what is done about it, is left to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from counterfoil.register.dialects import insert
from counterfoil.register.schema import wakeups, webhook_deliveries

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from counterfoil.register.database import Database

__all__ = ["Delivery", "Wakeups"]

KEPT: Final = timedelta(hours=24)
"""So long the id of a delivery is known; a signature is accepted for minutes only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook that was found genuine, and whose company it is about."""

    webhook_id: str
    """The sender's: the same each time that one message is sent."""
    connection: str
    company_id: str
    job_id: str | None = None
    """The export job that it tells of."""


class Wakeups:
    """The register's ``wakeups`` and ``webhook_deliveries``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def look(self, company_id: str, *, now: datetime | None = None) -> None:
        """Set a company's flag; where it is set already, the older time stays."""
        with self._database.write("look") as connection:
            _set(connection, {company_id}, now or datetime.now(UTC))

    def taken(self, company_id: str, *, before: datetime | None = None) -> datetime | None:
        """Clear a company's flag before its jobs are listed; return since when it was set.

        None where it was clear, or not set ``before`` that time: then it stays as it is.
        """
        if not self.wanted(company_id):
            return None
        statement = delete(wakeups).where(wakeups.c.company_id == company_id)
        if before is not None:
            statement = statement.where(wakeups.c.since < before)
        with self._database.write("taken") as connection:
            return connection.execute(statement.returning(wakeups.c.since)).scalar()

    def wanted(self, company_id: str) -> bool:
        """Tell whether a company's flag is set."""
        query = select(wakeups.c.company_id).where(wakeups.c.company_id == company_id)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def told_of(self, job_id: str) -> bool:
        """Tell whether a webhook told of an export job within a day."""
        query = select(webhook_deliveries.c.job_id).where(webhook_deliveries.c.job_id == job_id)
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def waiting(self) -> tuple[str, ...]:
        """Return the companies whose flag is set, the longest waiting first."""
        query = select(wakeups.c.company_id).order_by(wakeups.c.since, wakeups.c.company_id)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())

    def heard(self, deliveries: Sequence[Delivery], *, now: datetime) -> list[bool]:
        """Note deliveries and set their companies' flags, all in one transaction.

        Returns for each, in order, whether it is new: one that was heard within a day sets nothing.
        """
        with self._database.write("heard") as connection:
            old = webhook_deliveries.c.heard_at < now - KEPT
            connection.execute(delete(webhook_deliveries).where(old))
            new = _note(connection, deliveries, now)
            first = [_first(new, each) for each in deliveries]
            companies = {
                each.company_id for each, is_new in zip(deliveries, first, strict=True) if is_new
            }
            _set(connection, companies, now)
        return first


def _set(connection: Connection, company_ids: set[str], now: datetime) -> None:
    """Set flags; always in one order, so that no two transactions wait for each other."""
    if company_ids:
        rows = [{"company_id": each, "since": now} for each in sorted(company_ids)]
        connection.execute(insert(connection, wakeups).values(rows).on_conflict_do_nothing())


def _note(
    connection: Connection, deliveries: Sequence[Delivery], now: datetime
) -> set[tuple[str, str]]:
    """Insert what is not there, in one order; return the keys of what is new."""
    rows = {_key(each): {**asdict(each), "heard_at": now} for each in deliveries}
    if not rows:
        return set()
    statement = insert(connection, webhook_deliveries).values([rows[key] for key in sorted(rows)])
    returned = statement.on_conflict_do_nothing().returning(
        webhook_deliveries.c.connection, webhook_deliveries.c.webhook_id
    )
    return {(name, webhook_id) for name, webhook_id in connection.execute(returned)}


def _key(delivery: Delivery) -> tuple[str, str]:
    return delivery.connection, delivery.webhook_id


def _first(new: set[tuple[str, str]], delivery: Delivery) -> bool:
    """Tell whether a delivery is new; of several copies in one batch, only the first is."""
    is_new = _key(delivery) in new
    new.discard(_key(delivery))
    return is_new

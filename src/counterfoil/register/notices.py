"""What people are told: each event once, kept until it was told; whoever has time tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, or_, select, update

from counterfoil.register.dialects import insert
from counterfoil.register.schema import notices

if TYPE_CHECKING:
    from counterfoil.register.database import Database

__all__ = ["Notice", "Notices"]

AGAIN: Final = timedelta(minutes=1)
"""How long after a try that did not end well the next one may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that is told: the event's own name, what is said of it (JSON), tries so far."""

    event: str
    body: str
    tries: int


class Notices:
    """The register's ``notices``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def add(self, event: str, body: str, *, now: datetime) -> None:
        """Note that an event is to be told; one that is known already is not told again."""
        if self._known(event):
            return
        new = {"event": event, "body": body, "made_at": now, "tries": 0}
        with self._database.write("add_notice") as connection:
            connection.execute(insert(connection, notices).values(new).on_conflict_do_nothing())

    def over(self, event: str) -> None:
        """Note that what was told of is over: when it comes again, it is told again."""
        if not self._known(event):
            return
        with self._database.write("end_notice") as connection:
            connection.execute(delete(notices).where(notices.c.event == event))

    def take(self, now: datetime) -> Notice | None:
        """Take the oldest notice to tell now, for a minute; None where none is left."""
        query = (
            select(notices)
            .where(notices.c.done_at.is_(None))
            .where(or_(notices.c.tried_at.is_(None), notices.c.tried_at < now - AGAIN))
            .order_by(notices.c.made_at, notices.c.event)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        taken = (
            update(notices)
            .where(notices.c.event == row.event, notices.c.tries == row.tries)
            .values(tries=row.tries + 1, tried_at=now)
        )
        with self._database.write("take_notice") as connection:
            ours = connection.execute(taken).rowcount == 1
        if not ours:
            return self.take(now)
        return Notice(event=row.event, body=row.body, tries=row.tries + 1)

    def done(self, event: str, *, now: datetime) -> None:
        """Note that an event was told, or given up."""
        with self._database.write("done_notice") as connection:
            connection.execute(update(notices).where(notices.c.event == event).values(done_at=now))

    def prune(self, *, before: datetime) -> int:
        """Forget what was told before a time; return how many notices."""
        old = notices.c.done_at < before
        query = select(func.count()).select_from(notices).where(old)
        with self._database.read() as connection:
            count = connection.execute(query).scalar_one()
        if count:
            with self._database.write("prune_notices") as connection:
                connection.execute(delete(notices).where(old))
        return count

    def _known(self, event: str) -> bool:
        query = select(notices.c.event).where(notices.c.event == event)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

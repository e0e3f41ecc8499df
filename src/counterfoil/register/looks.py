"""When each connection is looked at next, who is looking, and how the last look went.

Many processes share this: whoever takes a look that is due moves it on in the same statement. So
one of them does it, and none is lost for longer than a connection's interval.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from counterfoil.register.dialects import insert
from counterfoil.register.schema import looks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from counterfoil.register.database import Database

__all__ = ["Look", "Looks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How it stands with a connection; the times are UTC."""

    connection: str
    next_look: datetime
    """When it is looked at by itself."""
    state: str = "starting"
    """What it is doing, in the runner's words."""
    worker: str | None = None
    """Who is, or was last, draining it, as it calls itself at PostgreSQL."""
    looked_at: datetime | None = None
    error: str | None = None
    broken: int = 0
    """How many drains in a row could not work."""
    causes: str = "[]"
    """Why its last jobs failed whole, JSON."""
    foreign_jobs: str = "[]"
    """Jobs of other integrations that are under way, JSON."""


class Looks:
    """The register's ``looks``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def know(self, connections: Iterable[str], now: datetime) -> None:
        """Have connections looked at now that never were; the others keep their time."""
        known = {each.connection for each in self.all()}
        new = [asdict(Look(connection=name, next_look=now)) for name in {*connections} - known]
        if new:
            with self._database.write("know_connections") as connection:
                connection.execute(insert(connection, looks).on_conflict_do_nothing(), new)

    def due(self, now: datetime) -> list[Look]:
        """Return the connections whose time has come."""
        query = select(looks).where(looks.c.next_look <= now).order_by(looks.c.next_look)
        with self._database.read() as connection:
            return [Look(**row) for row in connection.execute(query).mappings()]

    def take(self, look: Look, next_look: datetime) -> bool:
        """Move a look that is due to its next time; False where another was quicker."""
        moved = (
            update(looks)
            .where(looks.c.connection == look.connection, looks.c.next_look == look.next_look)
            .values(next_look=next_look)
        )
        with self._database.write("take_look") as connection:
            return connection.execute(moved).rowcount == 1

    def get(self, name: str) -> Look | None:
        """Return how it stands with a connection."""
        with self._database.read() as connection:
            row = connection.execute(select(looks).where(looks.c.connection == name)).mappings()
            found = row.one_or_none()
        return None if found is None else Look(**found)

    def all(self) -> list[Look]:
        """Return how it stands with every connection, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(looks).order_by(looks.c.connection)).mappings()
            return [Look(**row) for row in rows]

    def begin(self, name: str, *, worker: str, state: str, now: datetime) -> Look:
        """Note that a worker begins to drain a connection; return how it stands with it."""
        new = asdict(Look(connection=name, next_look=now, worker=worker, state=state))
        with self._database.write("begin_look") as connection:
            begun = insert(connection, looks).values(new)
            connection.execute(
                begun.on_conflict_do_update(
                    index_elements=["connection"], set_={"worker": worker, "state": state}
                )
            )
            query = select(looks).where(looks.c.connection == name)
            return Look(**connection.execute(query).mappings().one())

    def end(self, look: Look, *, sooner: bool) -> None:
        """Note how a drain went, unless another worker has begun one since.

        ``sooner`` says whether its ``next_look`` counts; else the time that is planned stays.
        """
        values = asdict(look)
        if not sooner:
            del values["next_look"]
        ours = or_(looks.c.worker == look.worker, looks.c.worker.is_(None))
        with self._database.write("end_look") as connection:
            connection.execute(
                update(looks).where(looks.c.connection == look.connection, ours).values(values)
            )

"""Which company and book a connection stands for, and whose turn it is to work on a company."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.errors import ConnectionBroken
from counterfoil.register.dialects import insert, upsert
from counterfoil.register.schema import companies, connections, parts

if TYPE_CHECKING:
    from datetime import datetime

    from counterfoil.register.database import Database

__all__ = ["Binding", "Connections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a connection stands for."""

    name: str
    company_id: str
    environment: str
    """Which Pleo."""
    target: str
    """The identity of the book."""


class Connections:
    """The register's ``connections`` and ``companies``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def all(self) -> tuple[Binding, ...]:
        """Return what every connection is bound to, by name."""
        query = select(*_COLUMNS).order_by(connections.c.name)
        with self._database.read() as connection:
            return tuple(Binding(**row) for row in connection.execute(query).mappings())

    def check(self, binding: Binding) -> None:
        """Raise ConnectionBroken where a connection is bound to something else; write nothing.

        A binding that nothing was written under binds nobody: it may have been a mistake.
        """
        was = self.bound(binding.name)
        if was is None or was == binding or not self._holds_entries(was.target):
            return
        changed = [
            f"{name} {old} became {new}"
            for name, old in asdict(was).items()
            if old != (new := getattr(binding, name))
        ]
        raise ConnectionBroken(
            f"connection {binding.name}: {', '.join(changed)}; entries booked so far belong to the "
            "old one. Put the old value back, or give the connection a new name; if the change is "
            f"meant, counterfoil connections rebind {binding.name}"
        )

    def bind(self, binding: Binding, *, now: datetime) -> None:
        """Keep what a connection stands for at first use; refuse it when that changed."""
        self.check(binding)
        if self.bound(binding.name) != binding:
            self.rebind(binding, now=now)

    def rebind(self, binding: Binding, *, now: datetime) -> None:
        """Bind a connection, whatever it was bound to."""
        with self._database.write("bind") as connection:
            connection.execute(
                upsert(connection, connections), [{"first_used_at": now, **asdict(binding)}]
            )

    def raise_fence(self, company_id: str) -> int:
        """Raise a company's fence, under its lock; intents of older fences are refused."""
        with self._database.write("fence") as connection:
            new = insert(connection, companies).values(company_id=company_id, fence=1)
            raised = new.on_conflict_do_update(
                index_elements=["company_id"], set_={"fence": companies.c.fence + 1}
            )
            fence: int = connection.execute(raised.returning(companies.c.fence)).scalar_one()
        return fence

    def bound(self, name: str) -> Binding | None:
        """Return what a connection stands for; None before its first use."""
        return next((each for each in self.all() if each.name == name), None)

    def _holds_entries(self, target: str) -> bool:
        query = select(parts.c.entry_id).where(parts.c.target == target).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None


_COLUMNS = [column for column in connections.columns if column.name != "first_used_at"]

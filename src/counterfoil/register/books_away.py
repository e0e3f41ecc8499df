"""Accounting systems that were away when they were last asked; whoever works for one sees it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from counterfoil.register.dialects import insert
from counterfoil.register.schema import books_away

if TYPE_CHECKING:
    from counterfoil.register.database import Database

__all__ = ["Away", "BooksAway"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """Books that could not be reached, since when, and their problem in words."""

    target: str
    since: datetime
    why: str


class BooksAway:
    """The register's ``books_away``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def get(self, target: str) -> Away | None:
        """Return since when books are away; None where they were there when last asked."""
        query = select(books_away).where(books_away.c.target == target)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Away(**row) if row else None

    def note(self, away: Away) -> None:
        """Note that books are away; where that is known, the older time and reason stay."""
        with self._database.write("note_books_away") as connection:
            statement = insert(connection, books_away).values(**asdict(away))
            connection.execute(statement.on_conflict_do_nothing())

    def back(self, target: str) -> None:
        """Note that books are there again."""
        with self._database.write("note_books_back") as connection:
            connection.execute(delete(books_away).where(books_away.c.target == target))

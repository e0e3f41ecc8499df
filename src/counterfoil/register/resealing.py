"""Puts everything that is sealed under the newest key, and tells under which key what is.

It works in short transactions beside whatever else works with the register. Killed in the middle,
the next one goes on: what is under the newest key already is passed over.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, func, select, tuple_, update

from counterfoil.effects import effect
from counterfoil.register.dialects import POSTGRESQL
from counterfoil.register.schema import SEALED, metadata, sealing
from counterfoil.register.sealing import MARK

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["Resealing", "SealedUnder"]

BATCH: Final = 200
"""So many texts are sealed anew in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedUnder:
    """How many texts of one column are kept under one key."""

    what: str
    """``table.column``."""
    key: str | None
    """The key's name; None: they are in the clear."""
    texts: int


class Resealing:
    """All of the register's sealed texts."""

    def __init__(self, database: Database, seal: Seal, *, batch: int = BATCH) -> None:
        """Work on this database, under this seal."""
        self._database = database
        self._seal = seal
        self._size = batch

    def counts(self) -> tuple[SealedUnder, ...]:
        """Count the texts of each column by the key that they are under."""
        with self._database.read() as connection:
            return tuple(
                each for column in _sealed_columns() for each in _counted(connection, column)
            )

    def rotate(self) -> Generator[tuple[str, int]]:
        """Put all under the newest key; yields the column and how many, batch after batch.

        The word that tells a wrong key goes last: until all is done, the old key is asked for.
        Raises KeyMissing without a key, KeyWrong for what was sealed under a key not at hand.
        """
        prefix = self._seal.prefix
        for column in _sealed_columns():
            after: Sequence[object] | None = None
            while stale := self._stale(column, prefix, after):
                yield _name(column), self._reseal(column, stale)
                after = stale[-1]
        self._forget_old_pages()

    def _stale(
        self, column: Column[Any], prefix: str, after: Sequence[object] | None
    ) -> list[tuple[object, ...]]:
        """Find the keys of the next rows that are not under the newest key."""
        keys = tuple(column.table.primary_key)
        other = func.substr(column, 1, len(prefix)) != prefix
        query = select(*keys).where(_holds(column), other).order_by(*keys).limit(self._size)
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def _reseal(self, column: Column[Any], rows: Sequence[tuple[object, ...]]) -> int:
        """Seal texts anew as they are now, with nobody changing them meanwhile."""
        keys = tuple(column.table.primary_key)
        query = select(*keys, column).where(tuple_(*keys).in_(rows), _holds(column))
        with self._database.write("reseal") as connection:
            found = connection.execute(query.with_for_update()).all()
            if found:
                connection.execute(_put(column), [self._changed(tuple(row)) for row in found])
        return len(found)

    def _changed(self, row: tuple[Any, ...]) -> dict[str, object]:
        anew = self._seal.seal(self._seal.kept(row[-1]))
        return {f"key_{place}": key for place, key in enumerate(row[:-1])} | {"anew": anew}

    def _forget_old_pages(self) -> None:
        """Have SQLite overwrite its log, which may hold what was in the clear."""
        engine = self._database.engine
        if engine.dialect.name == POSTGRESQL:
            return
        with effect("register.checkpoint", self._database.name):
            connection = engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()


def _sealed_columns() -> list[Column[Any]]:
    """Name every column of sealed texts; that of the word which tells a wrong key last."""
    found = [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if SEALED.items() <= column.info.items()
    ]
    return sorted(found, key=lambda column: column.table is sealing)


def _counted(connection: Connection, column: Column[Any]) -> Iterator[SealedUnder]:
    mark = func.substr(column, 1, len(MARK) + 8)
    under = select(mark.label("mark")).where(_holds(column)).subquery()
    sealed = func.substr(under.c.mark, 1, len(MARK)) == MARK
    query = select(under.c.mark, func.count()).where(sealed).group_by(under.c.mark)
    for found, texts in connection.execute(query.order_by(under.c.mark)):
        yield SealedUnder(what=_name(column), key=found.removeprefix(MARK), texts=texts)
    clear = connection.execute(select(func.count()).select_from(under).where(~sealed)).scalar_one()
    if clear:
        yield SealedUnder(what=_name(column), key=None, texts=clear)


def _holds(column: Column[Any]) -> ColumnElement[bool]:
    return and_(column.is_not(None), column != "")


def _put(column: Column[Any]) -> Any:  # noqa: ANN401 -- an Update, whose type says no more
    keys = enumerate(column.table.primary_key)
    same = [key == bindparam(f"key_{place}") for place, key in keys]
    return update(column.table).where(*same).values({column.name: bindparam("anew")})


def _name(column: Column[Any]) -> str:
    return f"{column.table.name}.{column.name}"

"""What SQLite and PostgreSQL spell differently: inserts that meet a row."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["POSTGRESQL", "Insert", "insert", "upsert"]

POSTGRESQL = "postgresql"
"""The dialect's name; the other one is SQLite's."""

Insert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert(connection: Connection, table: Table) -> Insert:
    """Begin an insert that can say what happens where the row is there already."""
    return _insert(connection.dialect.name, table)


def upsert(connection: Connection, table: Table) -> Insert:
    """Insert rows, or overwrite every other column of those whose primary key is there."""
    return _upsert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Insert:
    return postgresql.insert(table) if dialect == POSTGRESQL else sqlite.insert(table)


@cache
def _upsert(dialect: str, table: Table) -> Insert:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changes = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)

"""The tables of the queue, which are Procrastinate's, in a schema of their own beside ours.

So neither mixes with the other's names or migrations. Procrastinate comes with numbered changes;
the newest one that a database has seen is noted beside its tables. Whoever works through the queue
needs exactly those of the Procrastinate that is installed. Who may change them when is left to the
caller.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from sqlalchemy import String, bindparam, column, inspect, select, table, text

from counterfoil.register.versions import SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from counterfoil.register.database import Database

__all__ = ["QUEUE_SCHEMA", "bring_queue_up", "newest_change", "queue_version", "refuse_other_queue"]

QUEUE_SCHEMA = "counterfoil_queue"
"""The schema of PostgreSQL that the queue's tables are in."""

_SEEN = table("seen", column("change", String), schema=QUEUE_SCHEMA)
_MAKE = (
    f"CREATE SCHEMA {QUEUE_SCHEMA}",
    f"CREATE TABLE {QUEUE_SCHEMA}.seen (change text NOT NULL)",
)
_SEARCH = text(f"SET LOCAL search_path TO {QUEUE_SCHEMA}")


def newest_change() -> str:
    """Return the newest change that the installed Procrastinate comes with."""
    return max(_changes())


def queue_version(connection: Connection) -> str | None:
    """Return the newest change that the queue's tables have seen; None where there are none."""
    if not inspect(connection).has_table(_SEEN.name, schema=QUEUE_SCHEMA):
        return None
    found = connection.execute(select(_SEEN.c.change)).scalar()
    return None if found is None else str(found)


def bring_queue_up(database: Database) -> tuple[str | None, str]:
    """Make or change the queue's tables; return the change they had seen (None: none), and have.

    Each change is a transaction of its own: a later one may use what one before added to a type.
    Raises SchemaMismatch where a newer Procrastinate made them.
    """
    with database.read() as connection:
        had = queue_version(connection)
    if had is None:
        _make(database)
        return None, newest_change()
    _refuse_newer(had, database.place.url)
    for change in sorted(name for name in _changes() if name > had):
        with database.write("migrate_queue") as connection:
            _run(connection, _text("migrations", change))
            connection.execute(_SEEN.update().values(change=bindparam("now")), {"now": change})
    return had, newest_change()


def refuse_other_queue(database: Database) -> None:
    """Raise SchemaMismatch where the queue's tables are not those of this Procrastinate."""
    with database.read() as connection:
        version = queue_version(connection)
    if version == newest_change():
        return
    _refuse_newer(version, database.place.url)
    raise SchemaMismatch(
        f"The register {database.place.url} has "
        + (f"a queue as of {version}" if version else "no queue")
        + ", and this worker needs one as of "
        f"{newest_change()}: counterfoil register upgrade makes it fit"
    )


def _make(database: Database) -> None:
    with database.write("migrate_queue") as connection:
        for statement in _MAKE[1:] if _has_schema(connection) else _MAKE:
            connection.execute(text(statement))
        _run(connection, _text("schema.sql"))
        connection.execute(_SEEN.insert(), {"change": newest_change()})


def _has_schema(connection: Connection) -> bool:
    """Tell whether somebody who may made the schema already."""
    return QUEUE_SCHEMA in inspect(connection).get_schema_names()


def _refuse_newer(version: str | None, place: str) -> None:
    if version is not None and version > newest_change():
        raise SchemaMismatch(
            f"The register {place} has a queue as of {version}, and the Procrastinate that is "
            f"installed here knows {newest_change()} and older ones: install the newer one, too"
        )


def _run(connection: Connection, statements: str) -> None:
    """Run statements as they are, their names found and made in the queue's schema."""
    connection.execute(_SEARCH)
    connection.execution_options(no_parameters=True).exec_driver_sql(statements)


def _text(*path: str) -> str:
    return resources.files("procrastinate.sql").joinpath(*path).read_text(encoding="utf-8")


def _changes() -> Iterator[str]:
    for file in resources.files("procrastinate.sql").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            yield file.name

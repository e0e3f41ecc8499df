"""A register in an SQLite file: opened, set to lose nothing, and brought up to date.

SQLite runs in WAL with ``synchronous=FULL`` and takes its write lock at the start of a transaction
that writes (``BEGIN IMMEDIATE``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.register.database import Database, Place
from counterfoil.register.versions import HEAD, bring_up, refuse_newer, version_of

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Connection, Engine

__all__ = ["open_engine", "open_file", "sqlite_path", "sqlite_version", "upgrade_file"]

BUSY_TIMEOUT_MS = 10_000
REMEDY = (
    "run again. If it is damaged, move it away and start again: the books are asked before "
    "anything is booked"
)


def sqlite_path(url: str) -> Path:
    """Return the file of an SQLite URL; raises ConfigurationError for any other database."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        shown = parsed.render_as_string() if parsed else "it"
        raise ConfigurationError(
            f"[register] url: {shown} is neither an SQLite file nor a database of PostgreSQL; "
            "write sqlite:///counterfoil.db or postgresql://USER@HOST/DATABASE"
        )
    return Path(parsed.database)


def open_file(path: Path) -> Database:
    """Open the database in a file, making the file and its folder where they are missing.

    Raises RegisterUnavailable, and SchemaMismatch where a newer Counterfoil made it.
    """
    database, _ = _brought_up_to_date(_engine(path), str(path))
    return database


def upgrade_file(path: Path) -> tuple[str | None, str]:
    """Make or migrate the database in a file; return the version it had (None: none) and has."""
    database, had = _brought_up_to_date(_engine(path), str(path))
    database.close()
    return had, HEAD


def sqlite_version(path: Path) -> str | None:
    """Return the schema's version of an existing file (None: no tables), which stays as it is.

    Raises RegisterUnavailable, and SchemaMismatch where a newer Counterfoil made it.
    """
    engine = create_engine(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true")
    place = Place(url=f"sqlite:///{path}", remedy=REMEDY)
    try:
        with Database(engine, str(path), place).read() as connection:
            had = version_of(connection)
        if had != HEAD:
            refuse_newer(had, place.url)
        return had
    finally:
        engine.dispose()


def open_engine(engine: Engine, name: str) -> Database:
    """Take over an engine of SQLite's, and make or migrate its database."""
    database, _ = _brought_up_to_date(engine, name)
    return database


def _engine(path: Path) -> Engine:
    with effect("register.open", str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)  # SQLite gives what it puts beside the file the same rights
    return create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})


def _brought_up_to_date(engine: Engine, name: str) -> tuple[Database, str | None]:
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    place = Place(url=f"sqlite:///{name}", remedy=REMEDY)
    database = Database(engine, name, place, writing={"counterfoil_immediate": True})
    try:
        with database.read() as connection:
            had = version_of(connection)
        if had != HEAD:
            refuse_newer(had, place.url)
            with database.write("migrate") as connection:
                bring_up(connection, had)
    except BaseException:
        database.close()
        raise
    return database, had


def _set_up_connection(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",  # what is pruned or sealed anew is overwritten, not only forgotten
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("counterfoil_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

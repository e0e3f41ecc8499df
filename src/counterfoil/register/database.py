"""The register's database: how it is opened, and what a transaction on it is.

Every transaction that writes is one effect. SQLite runs in WAL with ``synchronous=FULL`` and takes
its write lock at the start (``BEGIN IMMEDIATE``). No transaction stays open across a network call.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import column, create_engine, event, inspect, make_url, select, table
from sqlalchemy.dialects.sqlite import insert

from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.dialects.sqlite import Insert

__all__ = ["Database", "open_file", "sqlite_path", "upsert"]

BUSY_TIMEOUT_MS = 10_000
HEAD = "0001"
"""The newest migration."""

_VERSION = table("alembic_version", column("version_num"))


class Database:
    """An open register database; ``read`` and ``write`` give connections inside a transaction."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Take over an engine, and make or migrate its database; ``name`` is said of effects."""
        self._name = name
        self._engine = engine
        event.listen(engine, "connect", _set_up_connection)
        event.listen(engine, "begin", _begin)
        try:
            self._bring_up_to_date()
        except BaseException:
            engine.dispose()
            raise

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            current = _is_current(connection)
        if not current:
            with self.write("migrate") as connection:
                _migrate(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the register."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, what: str) -> Iterator[Connection]:
        """Give a connection; its changes are durable at the block's end, or undone if it raises."""
        engine = self._engine.execution_options(counterfoil_immediate=True)
        with effect(f"register.{what}", self._name), engine.begin() as connection:
            yield connection

    def pragma(self, name: str) -> object:
        """Read one of SQLite's settings back."""
        with self._engine.connect() as connection:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


@cache
def upsert(table: Table) -> Insert:
    """Insert rows, or overwrite every other column of those whose primary key is there."""
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    changes = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def sqlite_path(url: str) -> Path:
    """Return the file of an SQLite URL; raises ConfigurationError for any other database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise ConfigurationError(
            f"[register] url: {parsed.render_as_string()} is not an SQLite file; "
            "write sqlite:///counterfoil.db"
        )
    return Path(parsed.database)


def open_file(path: Path) -> Database:
    """Open the database in a file, making the file and its folder where they are missing."""
    with effect("register.open", str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    return Database(engine, str(path))


def _set_up_connection(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("counterfoil_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table(_VERSION.name):
        return False
    return connection.execute(select(_VERSION.c.version_num)).scalar() == HEAD


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date; alembic is slow to import, and seldom needed."""
    from alembic import command  # noqa: PLC0415 -- see above
    from alembic.config import Config  # noqa: PLC0415 -- see above

    config = Config()
    config.set_main_option(
        "script_location", str(resources.files("counterfoil.register") / "migrations")
    )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

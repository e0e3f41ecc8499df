"""The register's schema version: which one a database has, and bringing it up to ours.

Who may migrate when, and what else must stand still meanwhile, is left to the caller.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.schema import CreateIndex, CreateTable

from counterfoil.errors import CounterfoilError
from counterfoil.register.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Dialect, Index
    from sqlalchemy.schema import DDLElement

__all__ = ["HEAD", "SchemaMismatch", "bring_up", "migrate", "refuse_newer", "version_of"]

HEAD = "0010"
"""The newest migration."""

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own."""


class SchemaMismatch(CounterfoilError):
    """The register's tables are of another version of Counterfoil; nothing was changed."""


def version_of(connection: Connection) -> str | None:
    """Return the schema's version; None where there are no tables of ours."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalar()
    return None if found is None else str(found)


def refuse_newer(version: str | None, place: str) -> None:
    """Raise SchemaMismatch for a version that this Counterfoil does not know."""
    if version is None:
        return
    from alembic.script import ScriptDirectory  # noqa: PLC0415 -- slow, and seldom needed

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if version not in known:
        raise SchemaMismatch(
            f"The register {place} has schema {version}, and this Counterfoil knows {HEAD} and "
            "older ones: a newer Counterfoil works with it. Install that one here, too"
        )


def bring_up(connection: Connection, had: str | None) -> None:
    """Make the schema, or bring one up to ours; from what it had.

    Where there is none it is made at once, as all migrations would make it: that takes a tenth of
    their time.
    """
    if had is not None:
        migrate(connection)
        return
    for statement in _making(connection.dialect):
        connection.exec_driver_sql(statement)
    connection.execute(_VERSION.insert().values(version_num=HEAD))


@lru_cache(maxsize=2)
def _making(dialect: Dialect) -> list[str]:
    """Return the statements that make all tables and their indexes."""
    made: list[DDLElement] = []
    for table in (*metadata.sorted_tables, _VERSION):
        made += [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=_order))]
    return [str(each.compile(dialect=dialect)) for each in made]


def _order(index: Index) -> tuple[bool, str]:
    """Put indexes of a part of the rows last: of several that would do, SQLite uses the newest."""
    return index.dialect_options["sqlite"]["where"] is not None, str(index.name)


def migrate(connection: Connection, version: str = "head") -> None:
    """Run the migrations up to one, by default to the newest; alembic is slow to import."""
    from alembic import command  # noqa: PLC0415 -- see above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 -- slow, and seldom needed

    config = Config()
    config.set_main_option(
        "script_location", str(resources.files("counterfoil.register") / "migrations")
    )
    return config

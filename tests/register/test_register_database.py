"""How the register keeps what it is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, QueuePool, create_engine, select

from counterfoil.effects import Effect, observe
from counterfoil.errors import ConfigurationError
from counterfoil.register import LockHeld, Register, RegisterUnavailable, open_register
from counterfoil.register.database import Database, Place
from counterfoil.register.fences import current_fence
from counterfoil.register.schema import companies, metadata
from counterfoil.register.versions import migrate
from counterfoil.testing.register import memory_register

if TYPE_CHECKING:
    from pathlib import Path


def test_sqlite_is_set_to_lose_nothing(sqlite_url: str) -> None:
    """Every commit reaches the disk, and a busy register is waited for."""
    with open_register(sqlite_url) as register, register.database.read() as connection:
        read = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "secure_delete")
        }
    assert read.pop("secure_delete") == 1, "what was in the clear would stay in free pages"
    assert read == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000}


@pytest.mark.parametrize("first", [None, "0001"])
def test_migrations_make_what_a_new_register_has(register: Register, first: str | None) -> None:
    """The schema that queries use and the one that migrations make are one, whatever came first."""
    with register.database.write("test") as connection:
        _take_away(connection)
        for version in (first, "head"):
            migrate(connection, version or "head")
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    assert [each for each in found if _matters(each)] == []


def test_a_register_of_the_first_version_is_brought_up_to_ours(sqlite_url: str) -> None:
    """What it held is kept."""
    with open_register(sqlite_url) as new, new.database.write("test") as connection:
        _take_away(connection)
        migrate(connection, "0001")
        connection.exec_driver_sql("INSERT INTO companies VALUES ('company', 1)")
    with open_register(sqlite_url) as register:
        assert register.connections.raise_fence("company") == 2


def test_a_pool_without_a_free_connection_is_a_register_that_is_away() -> None:
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0
    )
    database = Database(engine, "test", Place(url="sqlite://", remedy="wait"))
    with (
        database.read(),
        pytest.raises(RegisterUnavailable, match="no connection of the pool came free"),
        database.read(),
    ):
        pass
    database.close()


def _take_away(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")


def _matters(difference: object) -> bool:
    """Leave out comments, which migrations do not write, and alembic's own table."""
    return "modify_comment" not in str(difference) and "alembic_version" not in str(difference)


def test_a_register_opens_again_with_what_it_held(url: str) -> None:
    """Closing and opening loses nothing."""
    with open_register(url) as first:
        first.connections.raise_fence("company")
    with open_register(url) as second:
        assert second.connections.raise_fence("company") == 2


def test_a_write_that_raises_leaves_nothing_behind(register: Register) -> None:
    """A transaction is all or nothing."""

    def half() -> None:
        with register.database.write("test") as connection:
            connection.execute(companies.insert().values(company_id="half", fence=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with register.database.read() as connection:
        assert connection.execute(select(companies)).all() == []


def test_every_commit_passes_the_gate(register: Register) -> None:
    """An observer sees the commit before it happens, and may prevent it."""

    class Refuse:
        def before(self, effect: Effect) -> None:
            raise RuntimeError(effect.name)

        def after(self, effect: Effect) -> None:
            raise AssertionError(effect)

    with observe(Refuse()), pytest.raises(RuntimeError, match=r"register\.fence"):
        register.connections.raise_fence("company")
    assert register.connections.raise_fence("company") == 1


@pytest.mark.parametrize("place", ["mysql://localhost/x", "sqlite://", "counterfoil.db"])
def test_only_a_file_and_a_database_of_postgresql_are_registers(place: str) -> None:
    """Anything else is refused with what to write instead."""
    with pytest.raises(ConfigurationError, match=r"write sqlite:///counterfoil\.db or postgresql:"):
        open_register(place)


def test_a_register_without_its_folder_is_made(tmp_path: Path) -> None:
    """A first run needs no preparation."""
    with open_register(f"sqlite:///{tmp_path}/a/b/register.db"):
        assert (tmp_path / "a/b/register.db").exists()


def test_a_register_in_memory_is_the_real_one() -> None:
    register = memory_register()
    assert register.connections.raise_fence("company") == 1
    with register:
        assert register.jobs.all() == ()
    with (
        register.locks.hold("company 1"),
        pytest.raises(LockHeld, match="company 1"),
        register.locks.hold("company 1"),
    ):
        pass


def test_a_fence_is_not_raised_while_an_intent_is_being_committed(
    url: str, register: Register
) -> None:
    """Else an intent could be committed by a worker that has been cut off already."""
    register.connections.raise_fence("company")
    raised: list[int] = []
    with open_register(url) as another:
        raising = threading.Thread(
            target=lambda: raised.append(another.connections.raise_fence("company"))
        )
        with register.database.write("test") as connection:
            assert current_fence(connection, "company") == 1
            raising.start()
            raising.join(0.3)
            assert raised == []
        raising.join()
    assert raised == [2]

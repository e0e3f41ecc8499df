"""A register in a database of PostgreSQL: what it must be, and how it comes by its tables."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import inspect

from counterfoil.errors import ConfigurationError
from counterfoil.register import (
    Register,
    RegisterUnavailable,
    SchemaMismatch,
    open_register,
    upgrade,
)
from counterfoil.register.versions import HEAD
from tests.postgres import PostgresServer
from tests.register.test_register_memory import job
from tests.register.test_register_open_items import a_bill, a_payment


def set_up(url: str, setting: str) -> None:
    """Give a database another setting than its server has."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET " + setting).format(name))


def test_an_empty_database_is_refused_until_it_is_upgraded(empty_postgres_url: str) -> None:
    with pytest.raises(SchemaMismatch, match=r"is empty: counterfoil register upgrade makes it"):
        open_register(empty_postgres_url)
    assert upgrade(empty_postgres_url) == (None, HEAD)
    with open_register(empty_postgres_url) as register:
        assert register.connections.raise_fence("company") == 1


def test_upgrading_again_changes_nothing(register: Register, url: str) -> None:
    register.connections.raise_fence("company")
    assert upgrade(url) == (HEAD, HEAD)
    assert register.connections.raise_fence("company") == 2


def test_a_file_is_upgraded_by_opening_it(sqlite_url: str) -> None:
    assert upgrade(sqlite_url) == (None, HEAD)
    assert upgrade(sqlite_url) == (HEAD, HEAD)


def test_the_schema_of_a_newer_version_is_left_alone(register: Register, url: str) -> None:
    with register.database.write("test") as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    register.database.close()
    for use in (open_register, upgrade):
        with pytest.raises(SchemaMismatch, match=r"schema 9999, and this .* Install that one here"):
            use(url)


def test_a_server_that_forgets_commits_is_refused(postgres_url: str) -> None:
    set_up(postgres_url, "synchronous_commit = off")
    with pytest.raises(ConfigurationError, match=r"on disk; ALTER ROLE .* synchronous_commit = on"):
        open_register(postgres_url)


def test_a_database_that_cannot_keep_every_letter_is_refused(
    postgres_server: PostgresServer,
) -> None:
    name = f"{postgres_server.prefix}ascii"
    postgres_server.run(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'", name
    )
    try:
        with pytest.raises(
            ConfigurationError, match="as SQL_ASCII; a database with ENCODING 'UTF8"
        ):
            open_register(postgres_server.of(name))
    finally:
        postgres_server.run("DROP DATABASE {} WITH (FORCE)", name)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "postgresql://clerk:hunter2@127.0.0.1:1/books",
            "postgresql://clerk@127.0.0.1:1/books can",
        ),
        ("postgresql://clerk@127.0.0.1:1/books?password=hunter2", "127.0.0.1:1/books cannot be us"),
    ],
)
def test_a_password_is_not_told(url: str, told: str) -> None:
    with pytest.raises(RegisterUnavailable, match=re.escape(told)) as error:
        open_register(url)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["postgresql://localhost/books?wether=fine", "postgresql://localhost:port/books"]
)
def test_a_url_that_nobody_understands_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[register\] url: "):
        open_register(url)


def test_times_are_utc_whatever_the_zone_of_the_database_is(postgres_url: str) -> None:
    set_up(postgres_url, "timezone = 'Asia/Kathmandu'")
    with open_register(postgres_url) as register:
        register.jobs.intend_claim(job())
        (known,) = register.jobs.all()
    assert known == job()
    assert known.created_at.tzinfo is UTC


def test_texts_are_sorted_letter_by_letter(postgres_url: str, sqlite_url: str) -> None:
    """Both databases book in the same order, whatever a database's own order is."""
    names = ["b", "B", "a-b", "ab", "a b", "Å", "10", "9", "é"]
    orders = []
    for url in (postgres_url, sqlite_url):
        with open_register(url) as register:
            register.items.save_statuses("job", dict.fromkeys(names, "pending"))
            orders.append([item.entry_id for item in register.items.all("job")])
    assert orders == [sorted(names)] * 2


def test_a_letter_that_postgresql_does_not_keep_is_replaced(register: Register) -> None:
    """NUL, which a supplier's invoice number may hold; bill and payment still meet."""
    bill = replace(a_bill(), invoice_number="7\0")
    payment = replace(a_payment(), invoice_number="7\0", reconciliation_id="-")
    register.open_items.remember([bill])
    assert len(register.open_items.bills("book", [payment])) == 1


def test_the_tables_are_those_of_a_file(postgres_url: str, sqlite_url: str) -> None:
    """Columns, what may be empty, primary keys and indexes."""
    shapes = []
    for url in (postgres_url, sqlite_url):
        with open_register(url) as register, register.database.read() as connection:
            inspector = inspect(connection)
            shapes.append(
                {
                    name: (
                        [(each["name"], each["nullable"]) for each in inspector.get_columns(name)],
                        inspector.get_pk_constraint(name)["constrained_columns"],
                        {
                            (str(each["name"]), *each["column_names"])
                            for each in inspector.get_indexes(name)
                        },
                    )
                    for name in inspector.get_table_names()
                }
            )
    assert shapes[0] == shapes[1]

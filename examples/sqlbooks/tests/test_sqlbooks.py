"""SqlBooks keeps the contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlbooks import SqlBooks

from counterfoil.systems.conformance import Conformance, FreshBook
from counterfoil.systems.contract import AccountingSystem

TABLES = """
CREATE TABLE accounts (id TEXT PRIMARY KEY);
CREATE TABLE closed (day TEXT NOT NULL);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, day TEXT NOT NULL, currency TEXT NOT NULL, text TEXT NOT NULL,
    state TEXT NOT NULL,
    item TEXT, part TEXT, attempt INTEGER, fingerprint TEXT, booked_at TEXT, -- for Counterfoil
    UNIQUE (item, part, attempt)
);
CREATE TABLE lines (entry INTEGER NOT NULL, account TEXT NOT NULL, amount TEXT NOT NULL);
CREATE TABLE payments (payment INTEGER, bill INTEGER, PRIMARY KEY (payment, bill));
CREATE TRIGGER account_known BEFORE INSERT ON lines
    WHEN NEW.account NOT IN (SELECT id FROM accounts)
    BEGIN SELECT RAISE(ABORT, 'there is no such account'); END;
CREATE TRIGGER period_open BEFORE INSERT ON entries
    WHEN NEW.day <= (SELECT max(day) FROM closed)
    BEGIN SELECT RAISE(ABORT, 'the period of this day is closed'); END;
INSERT INTO accounts VALUES ('6100'), ('1800'), ('2000');
INSERT INTO closed VALUES ('2025-12-31');
"""


class SqlBook(FreshBook):
    debit, credit, payable = "6100", "1800", "2000"
    currencies = ("EUR", "JPY", "KWD")
    closed_day = date(2025, 12, 31)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.database = folder / "books.sqlite"
        self._run(TABLES)

    def open(self) -> AccountingSystem:
        return SqlBooks(self.database)

    async def text_of(self, id: str) -> str:
        with closing(sqlite3.connect(self.database)) as db:
            return str(db.execute("SELECT text FROM entries WHERE id = ?", [id]).fetchone()[0])

    async def person_posts(self, id: str) -> None:
        self._run(f"UPDATE entries SET state = 'posted' WHERE id = {id}")

    async def person_voids(self, id: str) -> None:
        self._run(f"UPDATE entries SET state = 'voided' WHERE id = {id}")

    async def person_edits(self, id: str, amount: Decimal) -> None:
        self._run(
            f"UPDATE lines SET amount = '{amount}' WHERE entry = {id} AND amount > '0';"
            f"UPDATE lines SET amount = '-{amount}' WHERE entry = {id} AND amount < '0';"
        )

    async def person_removes(self, id: str) -> None:
        self._run(f"DELETE FROM lines WHERE entry = {id}; DELETE FROM entries WHERE id = {id}")

    async def person_books(self, amount: Decimal) -> None:
        self._run(
            f"INSERT INTO entries (id, day, currency, text, state)"
            f" VALUES (999, '{self.day}', 'EUR', 'by hand', 'posted');"
            f"INSERT INTO lines VALUES (999, '6100', '{amount}'), (999, '1800', '-{amount}')"
        )

    @contextmanager
    def away(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.database, isolation_level=None)) as backup:
            backup.execute("BEGIN EXCLUSIVE")
            yield

    def lost(self) -> Exception:
        return sqlite3.OperationalError("disk I/O error")

    def _run(self, script: str) -> None:
        with closing(sqlite3.connect(self.database)) as db:
            db.executescript(script)


class TestSqlBooks(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> SqlBook:
        return SqlBook(tmp_path)

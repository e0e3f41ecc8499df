"""SqlBooks: a company's books in an SQLite database, as an accounting system of Counterfoil."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from pydantic import BaseModel

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ClosedSpan
from counterfoil.bookkeeping.entries import Entry, Part, Reference
from counterfoil.effects import effect
from counterfoil.errors import RefusedByBooks
from counterfoil.systems import contract as c
from counterfoil.systems.simple import SimpleBooks, away

INSERT = """INSERT INTO entries
    (item, part, attempt, day, currency, text, state, fingerprint, booked_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item, part, attempt) DO NOTHING RETURNING id"""
PAID = "EXISTS (SELECT 1 FROM payments WHERE id IN (payment, bill)) AS paid"


class SqlBooks(SimpleBooks):
    capabilities = c.Capabilities(
        uniqueness=c.Uniqueness.UNIQUE_REFERENCE, dimensions=False, void=True
    )

    def __init__(self, database: Path) -> None:
        self.path, self.target = database, f"sqlbooks:{database}"

    async def __aenter__(self) -> Self:
        with self._reachable(), effect("sqlbooks.open", self.target):
            self.db = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", timeout=1, uri=True)
        self.db.isolation_level = None  # Transactions begin and end where _change says.
        self.db.row_factory = sqlite3.Row
        return self

    async def __aexit__(self, *_: object) -> None:
        self.db.close()

    async def chart(self) -> Chart:
        known = {id: ChartAccount(id=id, code=id) for (id,) in self._rows("SELECT * FROM accounts")}
        closed = [date.fromisoformat(day) for (day,) in self._rows("SELECT day FROM closed")]
        return Chart(known, closed=tuple(ClosedSpan(first=None, last=day) for day in closed))

    async def find(self, keys: Sequence[c.PartKey]) -> Mapping[c.PartKey, Sequence[c.Found]]:
        found = {key: self._find("item = ? AND part = ? ORDER BY attempt", *key) for key in keys}
        return {key: records for key, records in found.items() if records}

    async def all_records(self, since: date | None = None) -> Sequence[c.Found]:
        return self._find("item IS NOT NULL AND day >= ?", str(since or date.min))

    async def other_postings(
        self, accounts: Collection[str], since: date | None = None
    ) -> Sequence[c.OtherPosting]:
        lines = "SELECT * FROM entries JOIN lines ON entry = id WHERE item IS NULL AND day >= ?"
        return [
            c.OtherPosting(
                account=row["account"],
                amount=Decimal(row["amount"]),
                currency=row["currency"],
                date=date.fromisoformat(row["day"]),
                text=row["text"],
                place=f"entry {row['id']}",
            )
            for row in self._rows(lines, str(since or date.min))
            if row["account"] in accounts
        ]

    async def write(self, entry: Entry) -> None:
        reference, text = entry.reference, f"{entry.payee} · {entry.narration}"
        values = [reference.entry_id, reference.part, reference.attempt, str(entry.date)]
        values += [entry.currency, text.encode(errors="replace").decode()]
        values += ["posted" if entry.final else "draft", entry.fingerprint, str(datetime.now(UTC))]
        with self._change("record", reference):
            for new in self.db.execute(INSERT, values).fetchall():
                lines = [(new["id"], line.account, f"{line.amount:f}") for line in entry.lines]
                self.db.executemany("INSERT INTO lines VALUES (?, ?, ?)", lines)

    async def post(self, ids: Sequence[str]) -> None:
        for id in ids:
            self._move(id, "posted")

    async def void(self, id: str) -> None:
        self._move(id, "voided")

    def _move(self, id: str, state: str) -> None:
        with self._change(state, id):
            if not self._find("id = ? AND state IN ('draft', ?)", id, state):
                raise RefusedByBooks(f"there is no draft {id} that could be {state}")
            self.db.execute("UPDATE entries SET state = ? WHERE id = ?", [state, id])

    async def settle(self, payment: str, bill: str) -> None:
        with self._change("settle", payment):
            self.db.execute("INSERT OR IGNORE INTO payments VALUES (?, ?)", [payment, bill])

    def _find(self, where: str, *values: object) -> list[c.Found]:
        rows = self._rows(f"SELECT *, {PAID} FROM entries WHERE {where}", *values)
        return [self._found(row) for row in rows]

    def _found(self, row: sqlite3.Row) -> c.Found:
        lines = self._rows("SELECT account, amount FROM lines WHERE entry = ?", row["id"])
        return c.Found(
            reference=Reference(row["item"], Part(row["part"]), row["attempt"]),
            id=str(row["id"]),
            url=None,
            state=c.EntryState(row["state"]),
            booked_at=datetime.fromisoformat(row["booked_at"]),
            date=date.fromisoformat(row["day"]),
            currency=row["currency"],
            lines=tuple((account, Decimal(amount)) for account, amount in lines),
            fingerprint=row["fingerprint"],
            settled=bool(row["paid"]),
        )

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._reachable():
            return self.db.execute(query, values).fetchall()

    @contextmanager
    def _change(self, what: str, target: object) -> Iterator[None]:
        with self._reachable(), effect(f"sqlbooks.{what}", str(target)), self.db:
            self.db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise RefusedByBooks(f"SqlBooks refuses it: {error}") from error
        except sqlite3.OperationalError as error:
            raise away(f"{self.path} does not answer: {error}") from error


class Options(BaseModel, extra="forbid"):
    database: Path


def _open(options: BaseModel, base: Path) -> c.AccountingSystem:
    return SqlBooks((base / Options.model_validate(options).database).resolve())


KIND = c.SystemKind(name="sqlbooks", options=Options, open=_open)

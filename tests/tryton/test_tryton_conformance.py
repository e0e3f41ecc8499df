"""A company in Tryton keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from counterfoil.systems.conformance import Conformance, FreshBook
from counterfoil.systems.contract import AccountingSystem
from counterfoil.systems.tryton import Tryton
from tests.tryton.tryton_books import FIRST_YEAR, options
from tests.tryton.tryton_books import day as day_of
from tests.tryton.tryton_rpc import Rpc
from tests.tryton.tryton_server import Database
from tests.tryton.tryton_server import Tryton as Server

pytestmark = pytest.mark.slow

READS = ("load", "login", "read")


class TrytonBook(FreshBook):
    """A company of its own in the running server."""

    currencies = ("GBP", "EUR", "JPY", "KWD")
    unknown_currency = "CHF"
    day = day_of()
    closed_day = day_of(2, year=FIRST_YEAR)
    unknown_account = "account.account,999999"
    dimension = ("PROJECT", "APOLLO")
    tax = ("VAT20", Decimal("0.2"))
    reads = frozenset(f"tryton.{name}" for name in READS)

    def __init__(self, folder: Path, database: Database, server: Server) -> None:
        super().__init__(folder)
        self.database = database
        self.server = server
        rpc = database.service()
        for name, code in (("debit", "6100"), ("credit", "1800"), ("payable", "2000")):
            number = rpc.one("account.account", ["code", "=", code])
            setattr(self, name, f"account.account,{number}")
        self.vendor = str(rpc.one("party.party", ["code", "=", "V001"]))
        self.rpc: Rpc = rpc
        self.options = options(database, folder / "password")
        (folder / "wrong").write_text("nobody's-password")

    def open(self) -> AccountingSystem:
        return Tryton(self.options, self.folder)

    def open_denied(self) -> AccountingSystem:
        wrong = f"file:{self.folder / 'wrong'}"
        return Tryton(self.options.model_copy(update={"password": wrong}), self.folder)

    def lost(self) -> Exception:
        return httpx.ReadError("lost")

    @contextmanager
    def away(self) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()
            self.server.serve(self.database.name)

    async def balance(self, account: str) -> Decimal | None:
        number = int(account.rpartition(",")[2])
        domain = [["account", "=", number], ["move.state", "=", "posted"]]
        lines = self.rpc.read("account.move.line", domain, "debit", "credit")
        return sum((line["debit"] - line["credit"] for line in lines), Decimal(0))

    async def text_of(self, id: str) -> str | None:
        model, _, number = id.partition(",")
        fields = ("description", "external_id", "external_data")
        (row,) = self.rpc.read(model, [["id", "=", int(number)]], *fields)
        notes = self.rpc.read("ir.note", [["resource", "=", id]], "message")
        words = [*(row[name] for name in fields), *(note["message"] for note in notes)]
        return "\n".join(filter(None, words))

    async def person_posts(self, id: str) -> None:
        self._press(id, "post")

    async def person_voids(self, id: str) -> None:
        self._press(id, "delete")

    async def person_removes(self, id: str) -> None:
        self._press(id, "delete")

    async def person_reverses(self, id: str) -> None:
        number = int(id.rpartition(",")[2])
        rpc = self.rpc
        session, _, _ = rpc("wizard.account.move.cancel.create", rpc.context)
        chosen = {"default": {"description": None, "reversal": True}}
        active = {"active_model": "account.move", "active_id": number, "active_ids": [number]}
        rpc(
            "wizard.account.move.cancel.execute",
            *(session, chosen, "cancel", {**rpc.context, **active}),
        )

    async def person_edits(self, id: str, amount: Decimal) -> None:
        move = int(id.rpartition(",")[2])
        lines = self.rpc.read("account.move.line", [["move", "=", move]], "debit")
        changes = [
            [
                *("write", [line["id"]]),
                {"debit" if line["debit"] else "credit": amount},
            ]
            for line in lines
        ]
        self.rpc.write("account.move", move, lines=changes)

    async def person_books(self, amount: Decimal) -> None:
        lines = [
            {"account": int(account.rpartition(",")[2]), "debit": debit, "credit": credit}
            for account, debit, credit in (
                (self.debit, amount, Decimal(0)),
                (self.credit, Decimal(0), amount),
            )
        ]
        self.rpc.make(
            "account.move",
            journal=self.rpc.one("account.journal", ["code", "=", "MISC"]),
            period=self.rpc.one(
                "account.period", ["start_date", "<=", self.day], ["end_date", ">=", self.day]
            ),
            date=self.day,
            lines=[["create", lines]],
        )

    def _press(self, id: str, button: str) -> None:
        model, _, number = id.partition(",")
        self.rpc.model(model, button, [int(number)])


@pytest.mark.timeout(900)
class TestTryton(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path, database: Database, tryton: Server) -> TrytonBook:
        return TrytonBook(tmp_path, database, tryton)

"""Payments and their bills in a real Beancount ledger, judged by Beancount itself."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.contract import AccountingSystem
from counterfoil.testing.world import SETTINGS, World

BIN = Path(sys.executable).parent
LEDGER = """\
2020-01-01 open Assets:Wallet
  code: "1800"
2020-01-01 open Assets:Contra
  code: "1899"
2020-01-01 open Liabilities:Payable
  code: "2000"
2020-01-01 open Liabilities:Payable:Paper
  code: "2001"
  vendor_code: "V001"
2020-01-01 open Liabilities:Employees
  code: "2900"
2020-01-01 open Expenses:Travel
  code: "6100"
"""


class LedgerWorld(World):
    """A world whose books are a Beancount ledger."""

    def __init__(self, main: Path) -> None:
        super().__init__(settings=replace(SETTINGS, posting=PostingMode.FINAL))
        self.main = main
        main.write_text(LEDGER)

    def books(self) -> AccountingSystem:
        return Beancount(BeancountOptions(ledger=self.main), self.main.parent)

    def settles(self) -> dict[str, str]:
        """Return what each transaction that pays something names, by its entry id."""
        query = "SELECT DISTINCT entry_meta('pleo_entry') AS e, entry_meta('pleo_settles') AS s"
        where = " WHERE entry_meta('pleo_settles') ~ '.'"
        return {row[0]: row[1] for row in self.ask(query + where)}

    def balances(self) -> dict[str, str]:
        """Return what stands on each account that is not empty."""
        rows = self.ask("SELECT account, sum(number) AS n GROUP BY account")
        return {name: number.strip() for name, number in rows if float(number)}

    def ask(self, query: str) -> list[list[str]]:
        """Ask bean-query; the rows without their heading."""
        found = self.run("bean-query", "-q", "-f", "csv", str(self.main), query)
        return list(csv.reader(io.StringIO(found)))[1:]

    def run(self, program: str, *arguments: str) -> str:
        """Run one of Beancount's programs."""
        done = subprocess.run(
            [BIN / program, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("method", ["accounts_payable", "journal"])
async def test_vendor_and_employees_are_paid_off(tmp_path: Path, method: str) -> None:
    async with LedgerWorld(tmp_path / "main.beancount") as world:
        owed = world.company.add_item(
            type="invoice",
            method=method,
            value=9000,
            vendor={"id": "v", "name": "Paper", "code": "V001"},
            additionalInformation={"reconciliationId": "R1"},
        )
        spent = [
            world.company.add_item(
                type="out_of_pocket", value=2000, additionalInformation={"reconciliationId": name}
            )
            for name in ("E1", "E2")
        ]
        await world.export()
        assert world.settles() == {}
        paid = world.company.add_item(
            type="invoice_payment",
            method=method,
            value=9000,
            additionalInformation={"reconciliationId": "P1", "reconciledEntries": ["R1"]},
        )
        back = world.company.add_item(
            type="direct_reimbursement",
            value=4000,
            additionalInformation={"reconciliationId": "P2", "reconciledEntries": ["E1", "E2"]},
        )
        (result,) = await world.export()
        assert (result.outcome, result.faults) == ("completed", ())
        bill = "bill" if method == "accounts_payable" else "entry"
        named = world.settles()
        assert named[paid] == f"{owed}/{bill}"
        assert sorted(named[back].split()) == sorted(f"{entry}/entry" for entry in spent)
        assert world.balances() == {"Expenses:Travel": "130.00", "Assets:Wallet": "-130.00"}
        world.run("bean-check", str(world.main))
        world.company.add_item(value=100)
        await world.export()
        assert world.settles() == named

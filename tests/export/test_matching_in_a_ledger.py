"""Payments and their bills in a real Beancount ledger, judged by Beancount itself."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.contract import AccountingSystem
from counterfoil.testing.world import SETTINGS, World
from tests.beancount_programs import bean_check, bean_query

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
        return {row[0]: row[1] for row in bean_query(self.main, query + where)}

    def balances(self) -> dict[str, str]:
        """Return what stands on each account that is not empty."""
        rows = bean_query(self.main, "SELECT account, sum(number) AS n GROUP BY account")
        return {name: number.strip() for name, number in rows if float(number)}


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
        assert bean_check(world.main) == ""
        world.company.add_item(value=100)
        await world.export()
        assert world.settles() == named

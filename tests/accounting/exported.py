"""A ledger after an export, and three views of its balances that share no code."""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from counterfoil.runner.reports import ConnectionReport, JobReport
from tests.accounting.sums_from_items import DIGITS, Books, Json, Sums, items_of, sums
from tests.beancount_programs import bean_query

__all__ = ["Exported", "hledger_sums", "to_hledger"]


@dataclass(frozen=True)
class Exported:
    """The files of an export: the ledger, the configuration, the items as Pleo served them."""

    ledger: Path
    configuration: Path
    served: Path
    reports: tuple[ConnectionReport, ...]

    @property
    def job(self) -> JobReport:
        """What became of the one job."""
        (connection,) = self.reports
        (job,) = connection.jobs
        return job

    @property
    def items(self) -> list[Json]:
        """The items as Pleo served them."""
        return items_of(self.served.read_text("utf-8"))

    @property
    def books(self) -> Books:
        """What the ledger and the configuration say of accounts."""
        return Books.read(self.ledger, self.configuration)

    def expected(self) -> Sums:
        """Sum the items by the rules of the script."""
        return sums(self.items, self.books)

    def query(self, statement: str) -> list[list[str]]:
        """Ask Beancount; the rows come without the headline."""
        return [[field.strip() for field in row] for row in bean_query(self.ledger, statement)]

    def beancount_sums(self) -> Sums:
        """Let Beancount sum its postings."""
        return _sums(self.query("SELECT account, currency, sum(number) GROUP BY account, currency"))


def to_hledger(exported: Exported) -> str:
    """Write the ledger as an hledger journal that declares its accounts and commodities."""
    rows = exported.query("SELECT id, date, flag, account, number, currency")
    currencies = sorted({currency for *_, currency in rows})
    accounts = [account for (account,) in exported.query("SELECT account FROM #accounts")]
    return "\n".join(
        [
            *(f"commodity 1000.{'0' * DIGITS.get(each, 2)} {each}" for each in currencies),
            *(f"account {account}" for account in accounts),
            *_transactions(rows),
            "",
        ]
    )


def _transactions(rows: list[list[str]]) -> Iterator[str]:
    for (number, date, flag), postings in groupby(rows, lambda row: row[:3]):
        yield f"\n{date} {flag} {number}"
        yield from (f"    {account}  {amount} {unit}" for *_, account, amount, unit in postings)


def hledger_sums(hledger: str, journal: Path) -> Sums:
    """Let hledger check a journal strictly and sum it."""
    answer = _output(
        *(hledger, "--strict", "-f", str(journal), "balance"),
        *("--flat", "--no-total", "--layout=bare", "--output-format=csv"),
    )
    return _sums(list(csv.reader(io.StringIO(answer)))[1:])


def _sums(rows: list[list[str]]) -> Sums:
    found = {(account, currency): Decimal(amount) for account, currency, amount in rows}
    return {key: amount for key, amount in found.items() if amount}


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

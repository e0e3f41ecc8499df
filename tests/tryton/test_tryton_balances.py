"""A year of every kind of expense ends in Tryton as in Beancount, and in its tax report."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from counterfoil.config import load
from counterfoil.runner.once import run_once
from counterfoil.sandbox import SandboxServer, State
from counterfoil.sandbox.books import demo_config_toml, write_demo_books
from counterfoil.sandbox.company import seed_company
from counterfoil.sandbox.state import Company
from tests.accounting import sums_from_items
from tests.accounting.exported import Exported
from tests.accounting.sums_from_items import Json, Sums
from tests.tryton.test_tryton_figures import report
from tests.tryton.tryton_company import RATES
from tests.tryton.tryton_exports import configure, export
from tests.tryton.tryton_server import Database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ITEMS = 60
EXCHANGE = "7900"
"""Where Tryton puts what rounding leaves of an invoice in another currency."""
OWED = {"Liabilities:AP:": "2000", "Liabilities:Employees:": "2010"}
"""Accounts of one vendor or employee in Beancount, where Tryton has one with parties."""


@dataclass(frozen=True)
class Both:
    """The same company, exported into both."""

    ledger: Exported
    tryton: Database
    statuses: Counter[str]


@pytest.mark.parametrize("vendor_based", [False, True], ids=["journal", "accounts payable"])
def test_a_year_ends_in_tryton_as_in_beancount(
    database: Database, tmp_path: Path, *, vendor_based: bool
) -> None:
    both = exported(database, tmp_path, vendor_based=vendor_based)
    every_item_is_booked(both)
    balances_by_account_and_currency_are_those_of_beancount(both)
    nothing_is_left_as_a_draft_or_out_of_balance(both)
    the_tax_report_equals_the_sums_of_the_items(both)


def exported(database: Database, folder: Path, *, vendor_based: bool) -> Both:
    (folder / "beancount").mkdir()
    ledger = into_beancount(folder / "beancount", vendor_based=vendor_based)
    company = seeded(vendor_based=vendor_based)
    (folder / "tryton").mkdir()
    with SandboxServer(company.state) as server:
        (connection,) = export(configure(folder / "tryton", server.url, company, database))
    (job,) = connection.jobs
    faults = [item.failure_reason for item in job.items if item.status != "successful"]
    assert faults == []
    assert job.faults == ()
    return Both(ledger, database, Counter(item.status for item in job.items))


def seeded(*, vendor_based: bool) -> Company:
    company = seed_company(State(), items=ITEMS)
    company.state.queue_job(company.id, vendor_based=vendor_based)
    return company


def into_beancount(folder: Path, *, vendor_based: bool) -> Exported:
    company = seeded(vendor_based=vendor_based)
    (job,) = company.state.jobs
    ledger = write_demo_books(folder / "books")
    configuration = folder / "counterfoil.toml"
    with SandboxServer(company.state) as server:
        asked = {"job_id": job, "limit": str(ITEMS)}
        told = httpx.get(f"{server.url}/v3/export-items", params=asked, auth=(company.api_key, ""))
        (folder / "items.json").write_text(told.raise_for_status().text, "utf-8")
        text = demo_config_toml(server.url, company_id=company.id)
        configuration.write_text(text.replace('mode = "draft"', 'mode = "final"'), "utf-8")
        reports = asyncio.run(run_once(load(configuration, {"PLEO_API_KEY": company.api_key})))
    return Exported(ledger, configuration, folder / "items.json", reports)


def every_item_is_booked(both: Both) -> None:
    assert both.statuses == {"successful": ITEMS}
    assert len({item["type"] for item in both.ledger.items}) == 17


def balances_by_account_and_currency_are_those_of_beancount(both: Both) -> None:
    assert tryton_sums(both.tryton) == beancount_sums(both.ledger)


def nothing_is_left_as_a_draft_or_out_of_balance(both: Both) -> None:
    rpc = both.tryton.service()
    assert {row["state"] for row in rpc.read("account.move", [], "state")} == {"posted"}
    lines = rpc.read("account.move.line", [], "debit", "credit", "state")
    assert {line["state"] for line in lines} == {"valid"}
    assert sum(line["debit"] - line["credit"] for line in lines) == 0


def the_tax_report_equals_the_sums_of_the_items(both: Both) -> None:
    told = taxes_told(both.tryton)
    expected, exact = taxes_of_items(both.ledger)
    assert {code for code, amount in expected.items() if amount} == set(told)
    for code, amount in told.items():
        allowed = 0 if code in exact else Decimal("0.01") * len(both.ledger.items)
        assert abs(amount - expected[code]) <= allowed, code
    assert {"VAT20", "RC20"} <= exact & set(told)


def tryton_sums(database: Database) -> Sums:
    rpc = database.service()
    currencies = {row["id"]: row["code"] for row in rpc.read("currency.currency", [], "code")}
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in rpc.read(
        *("account.move.line", [], "account.code", "debit", "credit"),
        *("second_currency", "amount_second_currency"),
    ):
        second = currencies.get(line["second_currency"])
        amount = (
            line["debit"] - line["credit"] if second is None else line["amount_second_currency"]
        )
        sums[line["account."]["code"], second or "GBP"] += amount
    return {key: amount for key, amount in sums.items() if amount and key[0] != EXCHANGE}


def beancount_sums(exported: Exported) -> Sums:
    rows = exported.query("SELECT account, open.meta['code'] FROM #accounts")
    codes = {row[0]: row[1] for row in rows}
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (account, currency), amount in exported.beancount_sums().items():
        owed = next((code for start, code in OWED.items() if account.startswith(start)), None)
        sums[owed or codes[account], currency] += amount
    return {key: amount for key, amount in sums.items() if amount}


def taxes_told(database: Database) -> dict[str, Decimal]:
    """Read the tax that is deducted, by code."""
    told = {}
    for name, amount in report(database).items():
        code, _, side = name.removesuffix(" tax").partition(" ")
        if name.endswith(" tax") and side in {"", "in"}:
            told[code] = amount
    return told


def taxes_of_items(exported: Exported) -> tuple[dict[str, Decimal], set[str]]:
    """Sum the items' taxes in pounds, by code; those in pounds alone are exact."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    foreign: set[str] = set()
    for code, currency, tax in _taxes(exported):
        sums[code] += tax / RATES[currency]
        if currency != "GBP":
            foreign.add(code)
    return dict(sums), set(sums) - foreign


def _taxes(exported: Exported) -> Iterator[tuple[str, str, Decimal]]:
    for item in json.loads(exported.served.read_text("utf-8"), parse_float=Decimal)["data"]:
        lines = item["accountingEntryLines"]
        currency = lines[0]["lineAmount"]["inWalletCurrency"]["currency"]
        for line in lines:
            told = line.get("tax")
            if told and told.get("code") and sums_from_items._category(line, exported.books):
                paid = sums_from_items._money(line["lineAmount"])
                tax, _, _ = sums_from_items._tax(line, paid, currency, exported.books)
                yield told["code"], currency, _sign(item, lines) * tax


def _sign(item: Json, lines: list[Json]) -> int:
    """Return the direction of an item's lines: 1 for debit."""
    total = sum(sums_from_items._money(line["lineAmount"]) for line in lines)
    turn = -1 if item.get("subType") in sums_from_items.THE_OTHER_WAY else 1
    if item["type"] in sums_from_items.EITHER_SIGN and total < 0:
        turn = -1
    debit, _ = sums_from_items.SIDES[item["type"]]
    return turn if debit == "lines" else -turn

"""Amounts: second currencies at Tryton's own rate, taxes in its report, dimensions as shares."""

from __future__ import annotations

from decimal import Decimal

import pytest

from counterfoil.systems.contract import EntryState
from tests.tryton.tryton_books import Books, tax
from tests.tryton.tryton_server import Database

pytestmark = pytest.mark.slow


async def test_another_currency_is_kept_beside_the_books_own(
    books: Books, database: Database
) -> None:
    entry = books.entry(currency="EUR", final=True)
    (found,) = await books.book(entry)
    assert found.currency == "EUR"
    assert dict(found.lines) == {line.account: line.amount for line in entry.lines}
    lines = database.service().read(
        "account.move.line", [], "debit", "credit", "amount_second_currency"
    )
    assert [(line["debit"] - line["credit"], line["amount_second_currency"]) for line in lines] == [
        (Decimal("10.00"), Decimal("12.00")),
        (Decimal("-10.00"), Decimal("-12.00")),
    ]


async def test_what_rounding_leaves_goes_to_the_largest_line(
    books: Books, database: Database
) -> None:
    thirds = [books.line(code, "0.10") for code in ("6100", "6110", "6120")]
    entry = books.entry(*thirds, books.line("1801", "-0.30"), currency="EUR", final=True)
    (found,) = await books.book(entry)
    assert sum(amount for _, amount in found.lines) == 0
    lines = database.service().read("account.move.line", [], "debit", "credit")
    amounts = [line["debit"] - line["credit"] for line in lines]
    assert amounts == [*[Decimal("0.08")] * 3, Decimal("-0.24")]


@pytest.mark.parametrize(("code", "amount"), [("JPY", "1900"), ("KWD", "3.905")])
async def test_currencies_without_digits_and_with_three(
    books: Books, code: str, amount: str
) -> None:
    wallet = {"JPY": "1803", "KWD": "1804"}[code]
    lines = books.line("6100", amount), books.line(wallet, f"-{amount}", "wallet")
    for entry in (
        books.entry(*lines, currency=code, final=True),
        books.bill(lines[0], currency=code, final=True),
    ):
        (found,) = await books.book(entry)
        assert (found.currency, found.state) == (code, EntryState.POSTED)
        assert dict(found.lines)[books.account("6100")] == Decimal(amount)


async def test_a_bill_in_another_currency(books: Books) -> None:
    cost = books.line("6200", "99.99", tax=tax("DE19", "99.99", "19.00", "0.19"))
    bill = books.bill(cost, books.line("2201", "19.00", "tax-ingoing"), currency="EUR", final=True)
    (found,) = await books.book(bill)
    assert found.currency == "EUR"
    assert dict(found.lines) == {line.account: line.amount for line in bill.lines}


@pytest.mark.parametrize("as_bill", [False, True])
async def test_taxes_are_in_tryton_s_report(
    books: Books, database: Database, *, as_bill: bool
) -> None:
    cost = books.line("6100", "10.01", tax=tax("VAT20", "10.01", "2.01"))
    vat = books.line("2201", "2.01", "tax-ingoing")
    entry = (
        books.bill(cost, vat, final=True)
        if as_bill
        else books.entry(cost, vat, books.line("1800", "-12.02"), final=True)
    )
    await books.book(entry)
    assert report(database) == {"VAT20 base": Decimal("10.01"), "VAT20 tax": Decimal("2.01")}


@pytest.mark.parametrize("as_bill", [False, True])
async def test_a_reverse_charge_is_reported_on_both_sides(
    books: Books, database: Database, *, as_bill: bool
) -> None:
    cost = books.line("6100", "50.00", tax=tax("RC20", "50.00", "10.00", type="reverse"))
    both = (
        books.line("2201", "10.00", "reverse-ingoing"),
        books.line("2202", "-10.00", "reverse-outgoing"),
    )
    entry = (
        books.bill(cost, *both, final=True)
        if as_bill
        else books.entry(cost, *both, books.line("1800", "-50.00"), final=True)
    )
    await books.book(entry)
    told = report(database)
    assert told == {
        "RC20 base": Decimal("50.00"),
        "RC20 in tax": Decimal("10.00"),
        "RC20 out tax": Decimal("-10.00"),
    }


@pytest.mark.parametrize("as_bill", [False, True])
async def test_dimensions_are_analytic_lines(
    books: Books, database: Database, *, as_bill: bool
) -> None:
    shares = (("PROJECT", "APOLLO"), ("REGION", "EMEA"))
    cost = books.line("6100", "10.00", dimensions=shares)
    entry = (
        books.bill(cost, final=True)
        if as_bill
        else books.entry(cost, books.line("1800", "-10.00"), final=True)
    )
    await books.book(entry)
    rows = database.service().read("analytic_account.line", [], "account.code", "debit", "credit")
    assert [(row["account."]["code"], row["debit"], row["credit"]) for row in rows] == [
        ("APOLLO", Decimal("10.00"), Decimal(0)),
        ("EMEA", Decimal("10.00"), Decimal(0)),
    ]


def report(database: Database) -> dict[str, Decimal]:
    """Read Tryton's tax report: each tax's base and tax, where there is any."""
    rpc = database.service()
    periods = [row["id"] for row in rpc.read("account.period", [], "id")]
    rpc.context["periods"] = periods
    names = {row["id"]: row["name"] for row in rpc.read("account.tax", [], "name")}
    told: dict[str, Decimal] = {}
    for row in rpc.read("account.tax.code", [], "amount", "code"):
        code, amount, tax = row["code"].split()
        if row["amount"]:
            name = names[int(tax)] if amount == "tax" else code
            told[f"{name} {amount}"] = told.get(f"{name} {amount}", Decimal(0)) + row["amount"]
    return told

"""``counterfoil items --csv``: the voucher of a job, as it lies in a person's files."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

import pytest

from counterfoil.cli.voucher import VoucherRow, written
from counterfoil.sandbox import Receipt
from counterfoil.sandbox.items import build_line, build_tax
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def row(description: str, account: str = "") -> VoucherRow:
    return VoucherRow(
        reference="R", accountingEntryId="coffee", description=description, account=account
    )


def test_every_booked_line_is_a_row(counterfoil: CommandLine, acme: Acme) -> None:
    line = build_line(1200, tax=build_tax(200, ingoing="2900"), tags=[("dept", "Sales")])
    item = acme.company.add_item(
        lines=[line], note="Flat white", receipts=[Receipt(b"%PDF-1.4 a receipt %%EOF")]
    )
    acme.company.add_item(type="lunch")
    job = acme.export()
    counterfoil("run", "--once")
    said = counterfoil("items", "--job", job, "--csv")
    assert said.code == 0
    cost, tax, wallet = rows_of(said.out)
    assert {each["reference"] for each in (cost, tax, wallet)} == {f"{item}/entry"}
    assert {each["accountingEntryId"] for each in (cost, tax, wallet)} == {item}
    assert [(each["account"], each["debit"], each["credit"]) for each in (cost, tax, wallet)] == [
        ("Expenses:Travel", "10.00", ""),
        ("Liabilities:Employees", "2.00", ""),
        ("Assets:Pleo:Wallet", "", "12.00"),
    ]
    assert (cost["part"], cost["currency"], cost["description"]) == ("entry", "GBP", "Flat white")
    assert (cost["tax_code"], cost["tax_amount"], cost["dimensions"]) == (
        "VAT20",
        "2.00",
        "dept: Sales",
    )
    assert cost["pleo"] == f"https://app.pleo.io/export/{item}"
    assert cost["receipts"].count("sha256 ") == 1


def test_both_parts_of_an_item_are_in_it(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item(type="card_invoice", method="accounts_payable")
    acme.export()
    counterfoil("run", "--once")
    parts = [each["part"] for each in rows_of(counterfoil("items", "--csv").out)]
    assert parts == ["bill", "bill", "payment", "payment"]


def test_what_the_books_had_already_is_named_without_lines(
    counterfoil: CommandLine, acme: Acme
) -> None:
    item = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    for file in acme.folder.glob("counterfoil.db*"):
        if file.is_file():
            file.unlink()
    acme.state.entry(item).exported = False
    acme.export(item)
    counterfoil("run", "--once")
    (adopted,) = rows_of(counterfoil("items", "--csv").out)
    assert (adopted["reference"], adopted["account"]) == (f"{item}/entry", "")


@pytest.mark.parametrize("views", [["--csv", "--json"], ["--csv", "--problems"]])
def test_two_views_at_once_are_refused(
    counterfoil: CommandLine, acme: Acme, views: list[str]
) -> None:
    del acme
    said = counterfoil("items", *views)
    assert said.code == 2
    assert "do not go together" in said.err


def test_before_the_first_run_the_voucher_is_empty(counterfoil: CommandLine, acme: Acme) -> None:
    del acme
    assert rows_of(counterfoil("items", "--csv").out) == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "＝1"])  # noqa: RUF001 -- a wide one
def test_no_text_is_a_formula(text: str) -> None:
    (read,) = rows_of(written([row(text)]))
    assert read["description"].startswith("'")


def test_a_negative_amount_stays_a_number() -> None:
    (read,) = rows_of(
        written([VoucherRow(reference="R", accountingEntryId="c", tax_amount=Decimal("-2.00"))])
    )
    assert read["tax_amount"] == "-2.00"


def test_quotes_commas_and_lines_stay_in_their_cell() -> None:
    (read,) = rows_of(written([row('He said "no",\nthen; paid', account="Ä,Ö")]))
    assert (read["description"], read["account"]) == ('He said "no", then; paid', "Ä,Ö")

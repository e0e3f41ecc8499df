"""``counterfoil plan --against register``: what other settings would have made of the past."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterfoil.sandbox.items import build_line, build_tax
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


@pytest.fixture
def booked(counterfoil: CommandLine, acme: Acme) -> dict[str, str]:
    """Book a purchase, a mileage and a card invoice of 5 January; return their ids by type."""
    ids = {
        type_: acme.company.add_item(
            type=type_, date="2026-01-05T23:30:00.000Z", method=method, note=type_
        )
        for type_, method in (
            ("card_purchase", None),
            ("mileage", None),
            ("card_invoice", "accounts_payable"),
        )
    }
    acme.export()
    counterfoil("run", "--once")
    return ids


def changed(folder: Path, *changes: tuple[str, str]) -> str:
    """Write a configuration with some changes; return its name."""
    text = (folder / "counterfoil.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "new.toml").write_text(text)
    return "new.toml"


def test_the_same_configuration_books_all_the_same(
    counterfoil: CommandLine, acme: Acme, booked: dict[str, str]
) -> None:
    del acme, booked
    said = counterfoil("plan", "--against", "register")
    assert (said.code, said.out) == (
        0,
        "Of 3 booked items, 0 would be booked otherwise now, and 0 would fail\n",
    )


def test_what_would_be_booked_otherwise_stands_side_by_side(
    counterfoil: CommandLine,
    acme: Acme,
    booked: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PLEO_API_KEY")
    new = changed(acme.folder, ('out_of_pocket = "2900"', 'out_of_pocket = "2000"'))
    before = acme.ledger.read_bytes()
    said = counterfoil("plan", "--config", new, "--against", "register")
    assert said.code == 0
    first, heading, part, same, other, *sums, last = said.out.splitlines()
    assert first == f"2026-01-05 {booked['mileage']} mileage"
    assert heading.split() == ["was", "now"]
    assert part.split() == ["2026-01-05", "entry", "2026-01-05", "entry"]
    assert "|" not in same
    assert other.split() == [
        *("Liabilities:Employees", "-12.00", "GBP", "|"),
        *("Liabilities:Payable", "-12.00", "GBP"),
    ]
    assert [line.split() for line in sums] == [
        ["in", "all:"],
        ["Liabilities:Employees", "-12.00", "becomes", "0", "GBP"],
        ["Liabilities:Payable", "0", "becomes", "-12.00", "GBP"],
    ]
    assert last == "Of 3 booked items, 1 would be booked otherwise now, and 0 would fail"
    assert acme.ledger.read_bytes() == before


def test_what_would_fail_now_is_told_with_the_reason(
    counterfoil: CommandLine, acme: Acme, booked: dict[str, str]
) -> None:
    new = changed(acme.folder, ('payable = "2000"\n', ""))
    told = json.loads(counterfoil("plan", "-c", new, "--against", "register", "--json").out)
    assert told["compared"] == 3
    (failing,) = told["rebooked"]
    assert failing["accountingEntryId"] == booked["card_invoice"]
    assert [entry["part"] for entry in failing["was"]] == ["bill", "payment"]
    assert (failing["now"], failing["failureReasonType"]) == ([], "missing_configuration")
    assert told["accounts"] == []
    text = counterfoil("plan", "-c", new, "--against", "register").out
    assert "  would fail, missing_configuration: No payable account is set" in text


def test_another_timezone_is_another_day(
    counterfoil: CommandLine, acme: Acme, booked: dict[str, str]
) -> None:
    new = changed(
        acme.folder, ('system = "beancount"', 'system = "beancount"\ntimezone = "Asia/Tokyo"')
    )
    told = json.loads(counterfoil("plan", "-c", new, "--against", "register", "--json").out)
    assert {each["accountingEntryId"] for each in told["rebooked"]} == set(booked.values())
    assert {entry["date"] for each in told["rebooked"] for entry in each["now"]} == {"2026-01-06"}


def test_a_booking_row_that_makes_other_parts_is_told(
    counterfoil: CommandLine, acme: Acme, booked: dict[str, str]
) -> None:
    row = (
        '[[connection.booking]]\ntypes = ["card_invoice"]\nmethods = ["accounts_payable"]\n'
        'parts = [{ part = "entry", debit = "lines", credit = "wallet" }]\n'
    )
    new = changed(acme.folder, ('payable = "2000"\n', f'payable = "2000"\n\n{row}'))
    told = json.loads(counterfoil("plan", "-c", new, "--against", "register", "--json").out)
    (other,) = told["rebooked"]
    assert other["accountingEntryId"] == booked["card_invoice"]
    assert [entry["part"] for entry in other["now"]] == ["entry"]


def test_periods_closed_since_are_no_difference(
    counterfoil: CommandLine, acme: Acme, booked: dict[str, str]
) -> None:
    del booked
    with acme.ledger.open("a") as ledger:
        ledger.write("2026-06-01 balance Assets:Pleo:Wallet -24.00 GBP\n")
    with (acme.folder / "counterfoil.toml").open("a") as file:
        file.write("[connection.periods]\nclosed_through = 2026-03-31\n")
    assert "Of 3 booked items, 0 would be booked otherwise now, and 0 would fail" in (
        counterfoil("plan", "--against", "register").out
    )


def test_what_a_payment_paid_stays_what_it_paid(counterfoil: CommandLine, acme: Acme) -> None:
    bill = acme.company.add_item(type="invoice", method="accounts_payable")
    acme.export(hours_ago=0.5)
    counterfoil("run", "--once")
    acme.company.add_item(
        type="invoice_payment",
        additionalInformation={"reconciliationId": "p", "reconciledEntries": [f"rec-{bill}"]},
    )
    acme.export()
    counterfoil("run", "--once")
    assert "Of 2 booked items, 0 would be" in counterfoil("plan", "--against", "register").out


def test_tax_and_dimensions_are_shown_beside_their_line(
    counterfoil: CommandLine, acme: Acme
) -> None:
    line = build_line(1200, tax=build_tax(200, ingoing="2900"), tags=[("dept", "Sales")])
    acme.company.add_item(lines=[line])
    acme.export()
    counterfoil("run", "--once")
    codes = '\n[connection.codes]\n"6100" = "1899"\n'
    new = changed(acme.folder, ('payable = "2000"\n', f'payable = "2000"\n{codes}'))
    said = counterfoil("plan", "-c", new, "--against", "register").out
    assert "10.00 GBP tax VAT20 2.00 dept:Sales |   Assets:Pleo:Contra" in said


def test_without_a_register_there_is_nothing_to_compare_with(
    counterfoil: CommandLine, acme: Acme
) -> None:
    del acme
    said = counterfoil("plan", "--against", "register")
    assert said.code == 1
    assert "there is no past to compare with" in said.err


@pytest.mark.parametrize(
    "arguments", [["--against", "pleo"], ["--against", "register", "--items", "items.json"]]
)
def test_what_makes_no_sense_is_refused(
    counterfoil: CommandLine, acme: Acme, arguments: list[str]
) -> None:
    del acme
    assert counterfoil("plan", *arguments).code == 2

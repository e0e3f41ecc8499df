"""Small things that entries are made of: names, numbers, texts, references."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry, Line, Reference, UnbalancedEntry
from counterfoil.bookkeeping.money import is_currency, minor_unit, plain, rounded
from counterfoil.bookkeeping.names import code_key, given, number_keys, same_place
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.texts import narration
from tests.book.items import item_json


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("DK 12.34.56-78", "DK", "12345678"),
        ("dk12345678", "DK", "12345678"),
        ("12345678", "", "12345678"),
        ("EL123456789", "GR", "123456789"),
        ("ESB12345678", "ES", "B12345678"),
        ("B-12345678", "", "B12345678"),
        ("SC123456", "", "SC123456"),
        ("FR XX 999999999", "FR", "XX999999999"),
        ("BE", "", "BE"),
        ("", "", ""),
    ],
)
def test_a_number_is_split_into_country_and_number(written: str, country: str, number: str) -> None:
    assert number_keys(written) == (country, number)


def test_an_unknown_country_agrees_with_any() -> None:
    assert same_place("", "DK")
    assert same_place("DK", "DK")
    assert not same_place("DK", "SE")


def test_codes_are_the_same_whatever_their_case_and_blanks() -> None:
    assert code_key(" v001 ") == code_key("V001")


@pytest.mark.parametrize(
    ("text", "left"),
    [(None, None), ("", None), (" \t", None), (" x ", "x"), ("né", "né"), ("a\ud83d", "a?")],
)
def test_a_text_is_given_or_not(text: str | None, left: str | None) -> None:
    assert given(text) == left


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("6366", "6366"),
        ("6366.50", "6366.5"),
        ("1E+3", "1000"),
        ("-0.0", "0"),
        ("0.10", "0.1"),
        ("1E+999999", "1E+999999"),
        ("1.5E-999999", "1.5E-999999"),
    ],
)
def test_a_number_is_written_plainly(value: str, written: str) -> None:
    assert plain(Decimal(value)) == written


@pytest.mark.parametrize(
    ("code", "unit"), [("EUR", "0.01"), ("ISK", "1"), ("TND", "0.001"), ("UYW", "0.0001")]
)
def test_currencies_have_the_digits_of_iso_4217(code: str, unit: str) -> None:
    assert is_currency(code)
    assert str(minor_unit(code)) == unit


def test_metals_and_test_codes_are_no_currencies() -> None:
    assert [
        code for code in ("XAU", "XDR", "XTS", "UNDEFINED", "eur", "") if is_currency(code)
    ] == []


def test_halves_are_rounded_away_from_zero() -> None:
    assert rounded(Decimal("0.525"), "EUR") == Decimal("0.53")
    assert rounded(Decimal("-0.525"), "EUR") == Decimal("-0.53")
    assert rounded(Decimal("100.5"), "JPY") == Decimal(101)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{supplier} {user} {note}", "Target Ink"),
        ("{supplier} ({team}) {note}", "Target Ink"),
        ("{supplier} [{team}]: {note}", "Target: Ink"),
        ("{user} - {note}", "Ink"),
        ("{supplier} - {user} - {note}", "Target - Ink"),
        ("{supplier} by {user}", "Target by"),
        ("{user}, {team}", ""),
        ("[{type}] {note}", "[card_purchase] Ink"),
        ("{{{note}}}", "{Ink}"),
        ("Pleo", "Pleo"),
        ("{note} #{reconciliation_id}", "Ink #R-1"),
    ],
)
def test_a_template_leaves_no_gaps(template: str, text: str) -> None:
    item = parse_item(item_json({"supplier": {"name": "Target"}, "note": " Ink "}, "journal"))
    assert narration(item, template) == text


def test_a_reference_names_entry_part_and_later_attempts() -> None:
    assert str(Reference("e-1")) == "e-1/entry"
    assert str(Reference("e-1", attempt=2)) == "e-1/entry/2"


def entry(*amounts: str) -> Entry:
    return Entry(
        reference=Reference("e-1"),
        date=date(2026, 3, 5),
        currency="GBP",
        lines=tuple(Line(account="a", amount=Decimal(amount), rule="wallet") for amount in amounts),
    )


def test_an_entry_that_does_not_balance_cannot_be_made() -> None:
    for amounts in (("1.00",), ("1.00", "-0.99"), ()):
        with pytest.raises(UnbalancedEntry):
            entry(*amounts)


def test_an_entrys_amount_is_the_sum_of_its_debits() -> None:
    assert entry("1.00", "2.00", "-3.00").amount == Decimal("3.00")

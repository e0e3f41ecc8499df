"""The booking table and a connection's own rows of it."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

import pytest

from counterfoil.bookkeeping.overrides import read_rows
from counterfoil.bookkeeping.roles import Role
from counterfoil.bookkeeping.table import BASE, booking_table, check_overrides
from counterfoil.errors import ConfigurationError
from tests.book.items import Json

GOOD: Json = {
    "types": ["cashback"],
    "parts": [{"part": "entry", "debit": "wallet", "credit": "contra"}],
}


def part(**sides: object) -> Json:
    return {**GOOD, "parts": [{**GOOD["parts"][0], **sides}]}


def test_the_table_knows_all_types_sub_types_and_methods() -> None:
    assert len({type_ for type_, _, _ in BASE.rows}) == 17
    assert len({sub_type for _, sub_type, _ in BASE.rows} - {None}) == 6
    assert {method for _, _, method in BASE.rows} == {"journal", "accounts_payable", "none", None}


def test_every_role_occurs_and_every_row_says_why() -> None:
    rows = BASE.rows.values()
    assert {side for row in rows for each in row.parts for side in each.sides} == set(Role)
    assert all(row.why and row.evidence for row in rows)


def test_without_own_rows_the_table_is_the_base() -> None:
    assert booking_table(()) is BASE


def test_an_own_row_stands_for_all_that_the_table_has_for_its_types() -> None:
    table = booking_table([GOOD])
    own = [key for key, row in table.rows.items() if row.own]
    assert own == [key for key in BASE.rows if key[0] == "cashback"]


def test_an_own_row_may_be_written_in_the_files_words_or_the_tables() -> None:
    for key in ("subTypes", "sub_types"):
        row = {**GOOD, "types": ["fee"], key: ["interest"], "methods": ["null", "none"]}
        own = {key for key, row in booking_table([row]).rows.items() if row.own}
        assert own == {("fee", "interest", None), ("fee", "interest", "none")}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**GOOD, "types": ["cash_back"]}, '"types" has "cash_back"'),
        ({**GOOD, "types": []}, '"types" must be a list'),
        ({**GOOD, "types": "cashback"}, '"types" must be a list'),
        ({**GOOD, "subTypes": ["refund"]}, '"subTypes" has "refund"'),
        ({**GOOD, "methods": ["cash"]}, '"methods" has "cash"'),
        ({**GOOD, "colour": 1}, 'unknown key "colour"'),
        ({"types": ["cashback"]}, '"parts" must be a list'),
        ({**GOOD, "parts": ["entry"]}, "must be a table with part"),
        (part(part="memo"), 'part "memo" must be one of entry, bill'),
        (part(debit="purse"), 'debit "purse" must be one of'),
        (part(credit=None), 'credit "None" must be one of'),
        (part(credit="account: "), 'credit "account: " must be one of'),
        (part(credit="wallet"), "two different sides"),
        (part(debit="lines", credit="lines_or_out_of_pocket"), "two different sides"),
        (part(tax="none"), 'unknown key "tax"'),
        ({**GOOD, "parts": GOOD["parts"] * 2}, '"parts" must be one of: entry; bill;'),
        ("cashback", "must be a table"),
    ],
)
def test_each_mistake_of_an_own_row_is_a_sentence_with_its_place(row: Json, said: str) -> None:
    (problem,) = check_overrides([row])
    assert problem.startswith("[[connection.booking]] row 1: ")
    assert said in problem
    with pytest.raises(ConfigurationError):
        booking_table([row])


def test_two_own_rows_must_not_claim_the_same() -> None:
    (problem,) = check_overrides([GOOD, {**GOOD, "methods": ["journal"]}])
    assert "row 2: row 1 already says how cashback" in problem
    assert "method journal" in problem


def test_all_mistakes_are_found_at_once() -> None:
    assert len(check_overrides([{"types": ["a"], "parts": []}, part(part="b")])) == 3


def test_the_base_itself_must_be_whole() -> None:
    assert read_rows([{"types": ["cashback"]}], known=None)[1] != []


def test_own_rows_may_be_frozen_or_odd() -> None:
    frozen = MappingProxyType({**GOOD, "why": date(2026, 1, 1)})
    assert booking_table((frozen,)).row("cashback", None, None).why == "2026-01-01"

"""Whatever Pleo sends: entries that balance and lose nothing, or one named failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.bookkeeping.money import minor_unit
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.bookkeeping.rules import RULES
from counterfoil.bookkeeping.settings import NegativeTotals, Settings
from counterfoil.errors import REASON_LIMIT, ItemFailure
from tests.book.books import CHART, SETTINGS, TODAY
from tests.bookkeeping.strategies import DIGITS, Json, broken_items, garbage, items

pytestmark = pytest.mark.slow

REVERSING = replace(SETTINGS, negative=NegativeTotals.REVERSE)


def planned(raw: Json, settings: Settings = SETTINGS) -> Sequence[Entry]:
    return plan(parse_item(raw), CHART, settings, today=TODAY)


def minor(raw: Json) -> int:
    """Read one of Pleo's amounts in whole minor units of the wallet's currency."""
    money = raw["inWalletCurrency"]
    return int(Decimal(money["value"]).scaleb(DIGITS[money["currency"]] - 2))


def total(raw: Json) -> int:
    return sum(minor(line["lineAmount"]) for line in raw["accountingEntryLines"])


def balances(entry: Entry) -> Counter[str]:
    """Sum an entry's lines by account, in minor units."""
    sums: Counter[str] = Counter()
    for line in entry.lines:
        sums[line.account] += int(line.amount / minor_unit(entry.currency))
    return sums


@given(raw=items())
def test_entries_balance_to_the_minor_unit(raw: Json) -> None:
    for entry in planned(raw):
        assert sum(line.amount for line in entry.lines) == 0
        assert all(line.amount % minor_unit(entry.currency) == 0 for line in entry.lines)


@given(raw=items())
def test_each_entry_moves_exactly_what_pleo_says(raw: Json) -> None:
    costs = {"Expenses:Office", "Expenses:Travel", "Expenses:Software"}
    taxes = {"Assets:VAT:Input", "Liabilities:VAT:Output"}
    for entry in planned(raw):
        other = {key: sum_ for key, sum_ in balances(entry).items() if key not in costs | taxes}
        moved = [abs(sum_) for sum_ in other.values()]
        assert moved in ([abs(total(raw))], [abs(total(raw))] * 2)


def expected_tax(line: Json) -> int:
    """Reckon a line's tax in minor units, apart from the product."""
    tax = line["tax"]
    amount = minor(tax["amount"])
    if tax["type"] != "reverse" or amount:
        return amount
    exact = minor(line["lineAmount"]) * tax["rate"]
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(raw=items(frozenset({"card_purchase", "fee", "invoice"})))
def test_costs_and_taxes_are_those_of_the_lines(raw: Json) -> None:
    accounts = {"6100": "Expenses:Office", "6200": "Expenses:Travel", "6300": "Expenses:Software"}
    expected: Counter[str] = Counter()
    for line in raw["accountingEntryLines"]:
        cost = accounts[line["account"]["code"]]
        expected[cost] += minor(line["lineAmount"])
        tax = expected_tax(line) if line["tax"] else 0
        match line["tax"]["code"] if line["tax"] else None:
            case "VAT20":
                expected[cost] -= tax
                expected["Assets:VAT:Input"] += tax
            case "RC20":
                expected["Assets:VAT:Input"] += tax
                expected["Liabilities:VAT:Output"] -= tax
            case "RC-LOST":
                expected[cost] += tax
                expected["Liabilities:VAT:Output"] -= tax
    booked = balances(planned(raw)[0])
    assert {account: booked[account] for account in expected} == expected


@given(raw=items())
def test_every_line_has_a_rule_and_says_something(raw: Json) -> None:
    for entry in planned(raw):
        assert {line.rule for line in entry.lines} <= RULES.keys()
        assert all(line.amount and line.fields for line in entry.lines)


@given(raw=items())
def test_the_same_input_gives_the_same_output(raw: Json) -> None:
    assert planned(raw) == planned(raw)


@given(raw=items())
def test_parts_come_with_the_bill_first_and_one_reference_each(raw: Json) -> None:
    entries = planned(raw)
    parts = [entry.reference.part for entry in entries]
    assert parts in ([Part.ENTRY], [Part.PAYMENT], [Part.BILL], [parts[0], Part.PAYMENT])
    assert {entry.reference.entry_id for entry in entries} == {raw["accountingEntryId"]}


@given(raw=items())
def test_the_other_sign_is_booked_the_other_way_round(raw: Json) -> None:
    """A refund is the same thing either way; whatever else is reversed to the unit."""
    turned = planned(negated(raw), REVERSING)
    for entry, other in zip(planned(raw), turned, strict=True):
        if raw["type"] in {"refund", "chargeback", "cashback"}:
            assert balances(other) == balances(entry)
        else:
            assert balances(other) == Counter({k: -v for k, v in balances(entry).items()})


def negated(value: Json) -> Json:
    """Turn every amount of an item round."""
    return {key: _negated(key, each) for key, each in value.items()}


def _negated(key: str, value: object) -> object:
    if isinstance(value, dict):
        return negated(value)
    if isinstance(value, list):
        return [_negated(key, each) for each in value]
    return -value if key == "value" and isinstance(value, int | Decimal) else value


def outcome(raw: object) -> Sequence[Entry] | ItemFailure:
    """Book an item, or return the one failure it raises; whatever else is raised fails the test."""
    try:
        return plan(parse_item(cast("Json", raw)), CHART, SETTINGS, today=TODAY)
    except ItemFailure as failure:
        return failure


@given(raw=broken_items())
def test_a_broken_item_gives_entries_or_one_named_failure(raw: Json) -> None:
    booked = outcome(raw)
    if isinstance(booked, ItemFailure):
        assert 0 < len(booked.reason) <= REASON_LIMIT
    else:
        assert all(sum(line.amount for line in entry.lines) == 0 for entry in booked)


@given(raw=garbage() | st.dictionaries(st.text(max_size=5), garbage()))
def test_what_is_no_item_gives_one_named_failure(raw: object) -> None:
    assert isinstance(outcome(raw), ItemFailure)

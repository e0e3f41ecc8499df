"""The book of cases: each item, with its configuration, gives what an accountant expects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.bookkeeping.rules import RULES
from counterfoil.bookkeeping.table import BASE
from counterfoil.errors import ItemFailure
from tests.book.books import account_name
from tests.book.items import Json
from tests.book.reading import Case, read_cases
from tests.book.render import PAGE, rendered, unplaced

BOOK = read_cases()


def booked(case: Case) -> Sequence[Entry]:
    """Do what an export does with an item, short of writing."""
    item = parse_item(case.item)
    return plan(item, case.chart, case.settings, today=case.today, pays=case.pays)


LINE = re.compile(
    r"(?P<side>debit|credit) +(?P<account>\S+) +(?P<amount>[\d.]+) +(?P<rule>[a-z-]+)"
    r"(?: +\[(?P<dimensions>[^\]]*)\])?(?: +\((?P<amount2>-?[\d.]+) (?P<currency2>[A-Z]+)\))?"
)


def expected_line(text: str, case: Case) -> Json:
    """Read ``debit 6100 100.00 line-account [PROJECT=P1] (120.00 EUR)``."""
    read = LINE.fullmatch(text.strip())
    if read is None:
        raise ValueError(f"{case.id}: cannot read the line {text!r}")
    sign = 1 if read["side"] == "debit" else -1
    return {
        "account": account_name(case.chart, read["account"]),
        "amount": str(sign * Decimal(read["amount"])),
        "rule": read["rule"],
        "dimensions": read["dimensions"] or "",
        "supplier_amount": f"{read['amount2']} {read['currency2']}" if read["amount2"] else "",
    }


def shown_line(line: Line) -> Json:
    amount, currency = line.supplier_amount or ("", "")
    return {
        "account": line.account,
        "amount": str(line.amount),
        "rule": line.rule,
        "dimensions": ", ".join(f"{group}={value}" for group, value in line.dimensions),
        "supplier_amount": f"{amount} {currency}".strip(),
    }


def shown(entry: Entry, expected: Json) -> Json:
    """Return what the entry has of what the case expects."""
    own: Json = {key: getattr(entry, key) for key in expected if hasattr(entry, key)}
    own["lines"] = [shown_line(line) for line in entry.lines]
    if "part" in expected:
        own["part"] = entry.reference.part
    if "details" in expected:
        own["details"] = {key: entry.details.get(key) for key in expected["details"]}
    return own


def expectation(expected: Json, case: Case) -> Json:
    lines = [expected_line(line, case) for line in expected["lines"]]
    known = {key: None if value == "none" else value for key, value in expected.items()}
    return {"part": "entry", **known, "lines": lines}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in BOOK])
def test_the_book(case: Case) -> None:
    if case.failure is None:
        entries = booked(case)
        wanted = [expectation(each, case) for each in case.entries]
        assert [shown(*pair) for pair in zip(entries, wanted, strict=True)] == wanted
        return
    with pytest.raises(ItemFailure) as failed:
        booked(case)
    assert failed.value.failure_type == case.failure["type"], failed.value
    assert [text for text in case.failure["says"] if text not in failed.value.reason] == []


def test_the_book_has_at_least_150_cases() -> None:
    assert len({(case.group, case.name) for case in BOOK}) >= 150


def test_every_row_of_the_booking_table_is_booked_in_the_book() -> None:
    booked_keys = {
        (item.get("type"), item.get("subType"), (item.get("bookkeeping") or {}).get("method"))
        for item in (case.item for case in BOOK if case.failure is None)
    }
    assert BASE.rows.keys() - booked_keys == set()


def test_every_rule_makes_a_line_in_the_book() -> None:
    used = {
        line.rule for case in BOOK if not case.failure for e in booked(case) for line in e.lines
    }
    assert used == RULES.keys()


def test_the_reference_page_is_current() -> None:
    assert unplaced() == set()
    assert PAGE.read_text("utf-8") == rendered(), "run: python -m tests.book.render"

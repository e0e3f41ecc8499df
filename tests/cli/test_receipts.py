"""``counterfoil receipts``: which bookings lack receipts, and adding them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.model import Receipt
from tests.acme import Acme, CommandLine

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture
def lacking(acme: Acme, counterfoil: CommandLine) -> str:
    """Book an expense without its receipt; give its id."""
    acme.replace('system = "beancount"', 'system = "beancount"\nreceipts.policy = "best_effort"')
    entry = acme.company.add_item(account="6100", receipts=[Receipt(PDF)])
    acme.state.faults.append(Fault(Kind.WRONG_SIZE, "get_receipt"))
    acme.export()
    assert counterfoil("run", "--once").code == 0
    return entry


def documents(acme: Acme) -> int:
    """Count the receipts beside the ledger."""
    return sum(path.is_file() for path in acme.folder.glob("documents/**/*.pdf"))


def test_nothing_is_missing_before_anything_is_booked(acme: Acme, counterfoil: CommandLine) -> None:
    del acme
    assert "No booking lacks a receipt" in counterfoil("receipts", "list").out
    said = counterfoil("receipts", "retry")
    assert (said.code, "No booking lacks a receipt" in said.out) == (0, True)


@pytest.mark.slow
def test_what_is_missing_is_listed_with_its_reason(lacking: str, counterfoil: CommandLine) -> None:
    said = counterfoil("receipts", "list")
    assert lacking in said.out
    (row,) = json.loads(counterfoil("receipts", "list", "--json").out)
    assert row["external_id"] == f"{lacking}/entry"
    assert "announced" in row["why"]


@pytest.mark.slow
def test_a_retry_adds_it_once_it_can_be_fetched(
    acme: Acme, lacking: str, counterfoil: CommandLine
) -> None:
    said = counterfoil("receipts", "retry")
    assert (said.code, lacking in said.out, documents(acme)) == (1, True, 0)
    acme.state.faults.clear()
    said = counterfoil("receipts", "retry")
    assert (said.code, documents(acme)) == (0, 1)
    assert "it has all its receipts now" in said.out
    assert "No booking lacks a receipt" in counterfoil("receipts", "list").out
    assert "document Expenses:Travel" in "".join(
        path.read_text() for path in acme.folder.glob("counterfoil/*.beancount")
    )


@pytest.mark.slow
def test_a_link_that_is_over_asks_for_another_export(
    acme: Acme, lacking: str, counterfoil: CommandLine
) -> None:
    acme.state.faults.clear()
    acme.state.clock.advance(timedelta(hours=25))
    said = counterfoil("receipts", "retry")
    assert said.code == 1
    assert "export the expense again in Pleo" in said.out
    acme.export(lacking)
    assert counterfoil("run", "--once").code == 0
    assert documents(acme) == 1
    assert "No booking lacks a receipt" in counterfoil("receipts", "list").out


@pytest.mark.slow
def test_a_booking_that_is_gone_lacks_nothing(lacking: str, counterfoil: CommandLine) -> None:
    assert counterfoil("reverse", lacking).code == 0
    said = counterfoil("receipts", "retry")
    assert "in the books no more" in said.out
    assert "No booking lacks a receipt" in counterfoil("receipts", "list").out

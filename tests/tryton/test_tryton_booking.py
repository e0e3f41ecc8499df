"""Entries, bills and credit notes as Tryton holds them: read by a client of the tests' own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from counterfoil.systems.contract import EntryState, Uniqueness
from tests.tryton.tryton_books import Books, day, tax
from tests.tryton.tryton_server import Database

pytestmark = pytest.mark.slow


async def test_an_entry_is_a_draft_move(books: Books, database: Database) -> None:
    entry = books.entry()
    (found,) = await books.book(entry)
    assert (found.state, found.currency, found.date) == (EntryState.DRAFT, "GBP", day())
    assert dict(found.lines) == {line.account: line.amount for line in entry.lines}
    assert found.fingerprint == "f1"
    move = database.service().read("account.move", [], "state", "number", "description")
    assert [(row["state"], row["number"], row["description"]) for row in move] == [
        ("draft", None, "Taxi to the airport")
    ]


async def test_final_entries_are_posted_with_the_next_numbers(
    books: Books, database: Database
) -> None:
    for _ in range(2):
        (found,) = await books.book(books.entry(final=True))
        assert found.state is EntryState.POSTED
    moves = database.service().read("account.move", [], "state", "number", "lines.state")
    assert [move["state"] for move in moves] == ["posted", "posted"]
    assert {line["state"] for move in moves for line in move["lines."]} == {"valid"}
    first, second = (int(move["number"]) for move in moves)
    assert second == first + 1


async def test_id_and_link_are_tryton_s_own(books: Books, database: Database) -> None:
    (found,) = await books.book(books.entry())
    model, _, number = found.id.partition(",")
    assert model == "account.move"
    assert found.url == f"{database.url}/#{database.name}/model/account.move/{number}"


async def test_a_bill_is_a_supplier_invoice(books: Books, database: Database) -> None:
    cost = books.line("6200", "100.00", tax=tax("VAT20", "100.00", "20.00"))
    vat = books.line("2201", "20.00", "tax-ingoing")
    bill = books.bill(cost, vat, invoice_number="R-17", final=True)
    (found,) = await books.book(bill)
    assert found.id.startswith("account.invoice,")
    assert dict(found.lines) == {line.account: line.amount for line in bill.lines}
    (invoice,) = database.service().read(
        *("account.invoice", [], "state", "reference", "untaxed_amount", "tax_amount"),
        *("total_amount", "invoice_date", "accounting_date"),
    )
    assert (invoice["state"], invoice["reference"]) == ("posted", "R-17")
    amounts = [invoice[name] for name in ("untaxed_amount", "tax_amount", "total_amount")]
    assert amounts == [Decimal("100.00"), Decimal("20.00"), Decimal("120.00")]
    assert (invoice["invoice_date"], invoice["accounting_date"]) == (day(6, 1), day())


async def test_a_draft_bill_is_found_with_the_lines_it_will_have(books: Books) -> None:
    cost = books.line("6200", "100.00", tax=tax("VAT20", "100.00", "20.00"))
    bill = books.bill(cost, books.line("2201", "20.00", "tax-ingoing"))
    (found,) = await books.book(bill)
    assert found.state is EntryState.DRAFT
    assert dict(found.lines) == {line.account: line.amount for line in bill.lines}


async def test_a_credit_note_is_an_invoice_with_negative_lines(
    books: Books, database: Database
) -> None:
    note = books.bill(books.line("6200", "-40.00"), final=True)
    (found,) = await books.book(note)
    assert dict(found.lines) == {line.account: line.amount for line in note.lines}
    (invoice,) = database.service().read("account.invoice", [], "total_amount", "type")
    assert (invoice["type"], invoice["total_amount"]) == ("in", Decimal("-40.00"))


async def test_with_the_module_a_reference_is_unique(books: Books) -> None:
    assert books.system.capabilities.uniqueness is Uniqueness.UNIQUE_REFERENCE
    assert books.system.capabilities.advice is None

"""What is done to a record later: receipts, posting, settling, taking back, notes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Document, Part, Reference
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.contract import EntryState
from tests.tryton.tryton_books import Books, booked, day, tax
from tests.tryton.tryton_server import Database

pytestmark = pytest.mark.slow


def receipt(folder: Path, content: bytes = b"%PDF-1.4 a receipt") -> Document:
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    path.write_bytes(content)
    return Document(
        path=path, sha256=digest, size=len(content), media_type="application/pdf", name="Æ.pdf"
    )


async def test_a_receipt_is_attached_once(books: Books, database: Database, tmp_path: Path) -> None:
    entry, document = books.entry(final=True), receipt(tmp_path)
    (found,) = await books.book(entry)
    for _ in range(2):
        await books.system.attach(found.id, document)
    assert (await books.found(entry)).receipts == {document.sha256}
    (held,) = database.service().read("ir.attachment", [], "name", "data")
    assert (held["name"], held["data"]) == ("Æ.pdf", document.path.read_bytes())


async def test_drafts_are_posted_by_hand_or_by_us_once(books: Books) -> None:
    entry, bill = books.entry(), books.bill()
    found = await books.book(entry, bill)
    for _ in range(2):
        await books.system.post([each.id for each in found])
    assert {(await books.found(each)).state for each in (entry, bill)} == {EntryState.POSTED}


async def test_a_payment_is_settled_with_its_bill(books: Books, database: Database) -> None:
    bill, payment = books.bill(final=True), books.payment(final=True)
    owed, paid = await books.book(bill, payment)
    for _ in range(2):
        await books.system.settle(paid.id, owed.id)
    assert [(await books.found(each)).settled for each in (bill, payment)] == [True, True]
    (invoice,) = database.service().read("account.invoice", [], "state", "amount_to_pay")
    assert (invoice["state"], invoice["amount_to_pay"]) == ("paid", Decimal(0))


async def test_two_payments_settle_a_bill_with_the_last_of_them(books: Books) -> None:
    bill = books.bill(final=True)
    parts = [books.payment("60.00", final=True), books.payment("40.00", final=True)]
    owed, first, second = await books.book(bill, *parts)
    with pytest.raises(RefusedByBooks, match=r"60\.00 GBP stand against 100\.00 GBP"):
        await books.system.settle(first.id, owed.id)
    await books.system.settle(second.id, owed.id)
    assert (await books.found(bill)).settled


async def test_a_payment_of_another_vendor_settles_nothing(books: Books) -> None:
    owed, paid = await books.book(books.bill(final=True), books.payment(vendor="V002", final=True))
    with pytest.raises(RefusedByBooks, match="no open lines on one account"):
        await books.system.settle(paid.id, owed.id)


async def test_a_draft_entry_is_gone_when_it_is_voided(books: Books) -> None:
    entry = books.entry()
    (found,) = await books.book(entry)
    for _ in range(2):
        await books.system.void(found.id)
    assert await books.every(entry) == ()


async def test_a_draft_bill_is_cancelled_and_may_come_again(books: Books) -> None:
    bill = books.bill()
    (found,) = await books.book(bill)
    await books.system.void(found.id)
    assert (await books.found(bill)).state is EntryState.VOIDED
    again = replace(bill, reference=replace(bill.reference, attempt=2))
    assert await books.record(again) == booked(again)
    assert [each.state for each in await books.every(bill)] == [
        EntryState.VOIDED,
        EntryState.DRAFT,
    ]


async def test_a_posted_entry_is_not_voided(books: Books) -> None:
    (found,) = await books.book(books.entry(final=True))
    with pytest.raises(RefusedByBooks, match="reverse it instead"):
        await books.system.void(found.id)


async def test_a_reversed_entry_leaves_no_balance_and_no_tax(
    books: Books, database: Database
) -> None:
    entry = books.entry(
        books.line(
            *("6100", "10.00"),
            tax=tax("VAT20", "10.00", "2.00"),
            dimensions=(("PROJECT", "APOLLO"),),
        ),
        books.line("2201", "2.00", "tax-ingoing"),
        books.line("1800", "-12.00", "wallet"),
        final=True,
    )
    (found,) = await books.book(entry)
    for _ in range(2):
        await books.system.reverse(found.id, day(6, 20))
    assert (await books.found(entry)).state is EntryState.REVERSED
    rpc = database.service()
    moves = rpc.read("account.move", [], "date", "state", "external_id")
    assert [(move["date"], move["state"]) for move in moves] == [
        (day(), "posted"),
        (day(6, 20), "posted"),
    ]
    for model, fields in (
        ("account.move.line", ("debit", "credit")),
        ("analytic_account.line", ("debit", "credit")),
    ):
        sums = {name: sum(row[name] for row in rpc.read(model, [], *fields)) for name in fields}
        assert sums["debit"] == sums["credit"]
    assert sum(row["amount"] for row in rpc.read("account.tax.line", [], "amount")) == 0


async def test_a_reversed_entry_may_come_again(books: Books) -> None:
    entry = books.entry(final=True)
    (found,) = await books.book(entry)
    await books.system.reverse(found.id, day())
    again = replace(entry, reference=replace(entry.reference, attempt=2))
    assert await books.record(again) == booked(again)
    states = [each.state for each in await books.every(entry)]
    assert states == [EntryState.REVERSED, EntryState.POSTED]


async def test_a_posted_bill_is_cancelled(books: Books, database: Database) -> None:
    bill = books.bill(final=True)
    (found,) = await books.book(bill)
    await books.system.reverse(found.id, day())
    assert (await books.found(bill)).state is EntryState.REVERSED
    lines = database.service().read("account.move.line", [], "debit", "credit")
    assert sum(line["debit"] - line["credit"] for line in lines) == 0


async def test_a_payment_that_is_taken_back_opens_its_bill(books: Books) -> None:
    bill, payment = books.bill(final=True), books.payment(final=True)
    owed, paid = await books.book(bill, payment)
    await books.system.settle(paid.id, owed.id)
    await books.system.reverse(paid.id, day())
    again = await books.found(bill)
    assert (again.state, again.settled) == (EntryState.POSTED, False)


async def test_what_people_reverse_in_tryton_is_seen(books: Books, database: Database) -> None:
    entry = books.entry(final=True)
    (found,) = await books.book(entry)
    rpc = database.service()
    move = int(found.id.rpartition(",")[2])
    session, _, _ = rpc("wizard.account.move.cancel.create", rpc.context)
    chosen = {"default": {"description": None, "reversal": True}}
    context = {**rpc.context, "active_model": "account.move", "active_id": move}
    rpc(
        "wizard.account.move.cancel.execute",
        *(session, chosen, "cancel", {**context, "active_ids": [move]}),
    )
    (after,) = await books.every(entry)
    assert after.state is EntryState.REVERSED


async def test_a_copy_by_hand_is_none_of_ours(books: Books, database: Database) -> None:
    entry = books.entry()
    (found,) = await books.book(entry)
    rpc = database.service()
    rpc.model("account.move", "copy", [int(found.id.rpartition(",")[2])])
    assert len(rpc.read("account.move", [], "id")) == 2
    assert len(await books.every(entry)) == 1


async def test_a_remark_stays_with_its_record(books: Books, database: Database) -> None:
    (found,) = await books.book(books.entry())
    await books.system.note(found.id, "Looked at by Anna")
    (note,) = database.service().read("ir.note", [], "resource", "message")
    assert (note["resource"], note["message"]) == (found.id, "Looked at by Anna")


async def test_all_records_and_what_others_posted(books: Books, database: Database) -> None:
    entry, bill = books.entry(final=True), books.bill(final=True)
    await books.book(entry, bill)
    rpc = database.service()
    theirs = [
        {
            "account": rpc.one("account.account", ["code", "=", code]),
            "debit": debit,
            "credit": credit,
        }
        for code, debit, credit in (
            ("1800", Decimal(7), Decimal(0)),
            ("6100", Decimal(0), Decimal(7)),
        )
    ]
    rpc.make(
        "account.move",
        journal=rpc.one("account.journal", ["code", "=", "MISC"]),
        period=rpc.one("account.period", ["start_date", "=", day(6, 1)]),
        date=day(6, 15),
        description="By hand",
        lines=[["create", theirs]],
    )
    references = {found.reference for found in await books.system.all_records()}
    assert references == {entry.reference, bill.reference}
    assert await books.system.all_records(day(6, 11)) == []
    (other,) = await books.system.other_postings([books.account("1800")])
    assert (other.amount, other.currency, other.date) == (Decimal(7), "GBP", day(6, 15))
    assert other.text == "By hand"


async def test_records_of_another_attempt_are_found_by_their_part(books: Books) -> None:
    entry = books.entry(reference=Reference("e-1", Part.ENTRY, 7))
    await books.book(entry)
    assert (await books.found(entry)).reference.attempt == 7

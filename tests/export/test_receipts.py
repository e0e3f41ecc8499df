"""Every document reaches its entry: fetched ahead, made to fit, and what is missing is kept."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pikepdf
import pytest_asyncio

from counterfoil.bookkeeping.entries import Attachments
from counterfoil.errors import ReceiptUploadFailure
from counterfoil.export.policies import ReceiptPolicy
from counterfoil.register import WithoutReceipt
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.model import Receipt
from counterfoil.testing.world import World

ONE_PDF = Attachments(limit=1, types=frozenset({"application/pdf"}))


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """Give a world with books in memory."""
    async with World() as made:
        yield made


def a_receipt(width: int = 200) -> Receipt:
    """Make a PDF of one page."""
    made = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(width, 100))
        pdf.save(made)
    return Receipt(made.getvalue())


def take(world: World, attachments: Attachments | None) -> None:
    """Let the books take these documents."""
    world.ledger.capabilities = replace(world.ledger.capabilities, attachments=attachments)


def held(world: World, entry_id: str) -> int:
    """Count the documents that a booking holds."""
    return len(world.ledger.of(entry_id)[0].receipts)


def downloads(world: World) -> int:
    """Count the receipts that were asked for."""
    return sum(e.kind == "request" and "/files/" in str(e.path) for e in world.state.events)


async def missing(world: World, connection: str | None = None) -> list[WithoutReceipt]:
    """Read what the register says is missing."""
    async with world.ready() as (register, _):
        return register.missing_receipts.all(connection)


async def test_books_that_take_one_document_get_all_receipts_in_one(world: World) -> None:
    take(world, ONE_PDF)
    entry = world.company.add_item(receipts=[a_receipt(), a_receipt(300)])
    await world.export()
    assert held(world, entry) == 1
    await world.export(entry)
    assert (held(world, entry), world.ledger.copies(entry)) == (1, 1)


async def test_what_cannot_be_made_to_fit_fails_its_item_alone(world: World) -> None:
    take(world, ONE_PDF)
    good = world.company.add_item(receipts=[a_receipt()])
    bad = world.company.add_item(receipts=[Receipt(b"name;amount", "text/csv")])
    job = world.queue()
    await world.drain()
    failed = world.item(job, bad)
    assert failed.failure_reason_type == "receipt_conversion_failure"
    assert failed.failure_reason.endswith(
        "Replace the receipt in Pleo. Put the receipt right in Pleo if need be, then export again."
    )
    assert world.ledger.copies(bad) == 0
    assert held(world, good) == 1


async def test_receipts_of_later_chunks_are_fetched_once(world: World) -> None:
    entries = [world.company.add_item(receipts=[a_receipt()]) for _ in range(120)]
    await world.export()
    assert downloads(world) == 120
    assert all(held(world, entry) == 1 for entry in entries)


async def test_what_is_booked_already_is_not_fetched_again(world: World) -> None:
    entry = world.company.add_item(receipts=[a_receipt()])
    await world.export()
    await world.export(entry)
    assert downloads(world) == 1


async def test_books_that_take_no_documents_are_given_none(world: World) -> None:
    take(world, None)
    world.company.add_item(receipts=[a_receipt()])
    await world.export()
    assert downloads(world) == 0
    assert await missing(world) == []


async def test_what_is_missing_is_kept_until_an_export_adds_it(world: World) -> None:
    world.receipt_policy = ReceiptPolicy.BEST_EFFORT
    world.ledger.receipts_with_entry = False
    entry = world.company.add_item(receipts=[a_receipt()])
    world.fault(Kind.WRONG_SIZE, "get_receipt", times=1)
    await world.export()
    (lacking,) = await missing(world)
    assert await missing(world, lacking.connection) == [lacking]
    assert await missing(world, "another") == []
    assert (lacking.entry_id, lacking.external_id) == (entry, world.ledger.of(entry)[0].id)
    assert "Receipt 1 of 1" in lacking.why
    await world.export(entry)
    assert held(world, entry) == 1
    assert await missing(world) == []


async def test_what_the_books_did_not_take_is_told_and_kept(world: World) -> None:
    world.ledger.receipts_with_entry = False
    entry = world.company.add_item(receipts=[a_receipt()])
    world.ledger.document_failure = ReceiptUploadFailure("the archive is full")
    job = world.queue()
    await world.drain()
    row = world.item(job, entry)
    assert row.failure_reason_type == "receipt_upload_failure"
    booked = world.ledger.of(entry)[0].id
    assert f"Booked as {booked}, but: the archive is full" in row.failure_reason
    (lacking,) = await missing(world)
    assert "the archive is full" in lacking.why
    world.ledger.document_failure = None
    await world.export(entry)
    assert (held(world, entry), world.ledger.copies(entry)) == (1, 1)
    assert await missing(world) == []


async def test_without_requiring_them_an_upload_that_fails_is_listed(world: World) -> None:
    world.receipt_policy = ReceiptPolicy.BEST_EFFORT
    world.ledger.receipts_with_entry = False
    entry = world.company.add_item(receipts=[a_receipt()])
    world.ledger.document_failure = ReceiptUploadFailure("the archive is full")
    job = world.queue()
    await world.drain()
    assert world.item(job, entry).status == "successful"
    assert len(await missing(world)) == 1


async def test_a_record_that_holds_another_document_is_left_to_a_person(world: World) -> None:
    """Where it takes one, and somebody attached another by hand."""
    take(world, None)
    entry = world.company.add_item(receipts=[a_receipt(), a_receipt(300)])
    await world.export()
    take(world, Attachments(limit=2))
    world.ledger.receipts_with_entry = False
    world.ledger.change(world.ledger.of(entry)[0].id, receipts=frozenset({"f" * 64}))
    job = world.queue(entry)
    await world.drain()
    assert "takes no more than 2" in world.item(job, entry).failure_reason
    assert held(world, entry) == 2


async def test_one_document_is_all_of_the_receipts_or_none(world: World) -> None:
    """Half of them would take the only place."""
    world.receipt_policy = ReceiptPolicy.BEST_EFFORT
    world.ledger.receipts_with_entry = False
    take(world, ONE_PDF)
    entry = world.company.add_item(receipts=[a_receipt(), a_receipt(300)])
    world.fault(Kind.WRONG_SIZE, "get_receipt", times=1)
    await world.export()
    assert (held(world, entry), len(await missing(world))) == (0, 1)
    await world.export(entry)
    assert (held(world, entry), await missing(world)) == (1, [])

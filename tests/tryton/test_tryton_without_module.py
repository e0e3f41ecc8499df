"""A Tryton as it comes, without our module: references stand in descriptions, nothing is unique."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from counterfoil.bookkeeping.entries import Reference
from counterfoil.systems.contract import EntryState, Uniqueness
from tests.tryton.tryton_books import Books, day, options
from tests.tryton.tryton_server import Database, Tryton, in_database, set_module

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def plain(tryton: Tryton, tmp_path: Path) -> AsyncIterator[tuple[Books, Database]]:
    """Enter a company whose database does not have our module."""
    with tryton.database(without=["counterfoil"]) as database:
        async with Books.of(options(database, tmp_path / "password"), tmp_path) as books:
            yield books, database


async def test_it_says_what_would_be_safer(plain: tuple[Books, Database]) -> None:
    capabilities = plain[0].system.capabilities
    assert capabilities.uniqueness is Uniqueness.PROBE_ONLY
    assert capabilities.settle_seconds > 0
    assert "trytond_counterfoil" in (capabilities.advice or "")


async def test_records_are_found_by_their_descriptions(plain: tuple[Books, Database]) -> None:
    books, database = plain
    entry, bill = books.entry(final=True), books.bill(final=True)
    await books.book(entry, bill)
    (move,) = database.service().read("account.move", [["origin", "=", None]], "description")
    assert move["description"] == f"Taxi to the airport [Pleo {entry.reference}]"
    references = {found.reference for found in await books.system.all_records()}
    assert references == {entry.reference, bill.reference}


async def test_ids_that_are_alike_are_told_apart(plain: tuple[Books, Database]) -> None:
    books, _ = plain
    alike = [books.entry(reference=Reference(id)) for id in ("a_1", "ab1", "a_1.x", "xa_1")]
    await books.book(*alike)
    assert [found.reference for found in await books.every(alike[0])] == [alike[0].reference]


async def test_a_reversal_by_hand_is_no_record_of_ours(plain: tuple[Books, Database]) -> None:
    books, _ = plain
    entry = books.entry(final=True)
    (found,) = await books.book(entry)
    await books.system.reverse(found.id, day())
    (after,) = await books.every(entry)
    assert after.state is EntryState.REVERSED


async def test_what_was_booked_before_the_module_came_is_found(
    tryton: Tryton, tmp_path: Path
) -> None:
    with tryton.database(without=["counterfoil"]) as database:
        chosen = options(database, tmp_path / "password")
        async with Books.of(chosen, tmp_path) as before:
            entry = before.entry()
            await before.book(entry)
        url = in_database(tryton.postgres, database.name)
        tryton.stop()
        set_module(url, "counterfoil", "activated")
        tryton.start()
        tryton.serve(database.name)
        async with Books.of(chosen, tmp_path) as after:
            assert after.system.capabilities.uniqueness is Uniqueness.UNIQUE_REFERENCE
            assert (await after.found(entry)).state is EntryState.DRAFT

"""Steps that an entry still misses, and taking one back: each may be repeated."""

from __future__ import annotations

from datetime import date

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.contract import EntryState
from tests.systems.ledgers import COFFEE, TAXI, LedgerFolder, entry, look_up, only

pytestmark = pytest.mark.slow

COFFEE_ID = f"{COFFEE}/entry"
TAXI_ID = f"{TAXI}/entry"


async def test_a_draft_is_voided_and_stays_as_a_comment(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE), entry(TAXI)])
        await books.void(COFFEE_ID)
        await books.void(COFFEE_ID)
        assert (await only(books, COFFEE)).state is EntryState.VOIDED
        await books.record([entry(COFFEE, attempt=2)])
    assert ledger.errors() == ""
    assert f';;   pleo_entry: "{COFFEE}"' in ledger.month.read_text()
    async with ledger.books() as books:
        (again,) = await look_up(books, COFFEE)
        assert (again.id, again.state) == (f"{COFFEE}/entry/2", EntryState.DRAFT)
        assert (await only(books, TAXI)).state is EntryState.DRAFT


async def test_a_posted_entry_is_reversed_as_it_is_and_never_voided(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(final=True)])
        ledger.edit(ledger.month, "10.00", "12.00")
        with pytest.raises(RefusedByBooks, match="reverse it instead"):
            await books.void(COFFEE_ID)
        await books.reverse(COFFEE_ID, date(2026, 4, 1))
        await books.reverse(COFFEE_ID, date(2026, 4, 2))
        assert (await only(books)).state is EntryState.REVERSED
    async with ledger.books() as books:
        assert (await only(books)).state is EntryState.REVERSED
    assert ledger.errors() == ""
    assert ledger.ask(
        "select date, links, account, number where entry_meta('pleo_reverses') ~ '.'"
    ) == [
        ["2026-04-01", COFFEE, "Expenses:Travel", "-12.00"],
        ["2026-04-01", COFFEE, "Assets:Wallet", " 12.00"],
    ]


async def test_a_reversal_that_beancount_refuses_is_not_written(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(final=True)])
        with pytest.raises(RefusedByBooks, match="inactive account"):
            await books.reverse(COFFEE_ID, date(2019, 1, 1))
        assert (await only(books)).state is EntryState.POSTED
    assert ledger.errors() == ""


async def test_a_payment_names_the_bill_it_settles(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE, part=Part.BILL), entry(TAXI, part=Part.PAYMENT)])
        assert not (await only(books, COFFEE, Part.BILL)).settled
        for _ in range(2):
            await books.settle(f"{TAXI}/payment", f"{COFFEE}/bill")
        assert (await only(books, COFFEE, Part.BILL)).settled
        assert (await only(books, TAXI, Part.PAYMENT)).settled
    async with ledger.books() as books:
        assert (await only(books, COFFEE, Part.BILL)).settled
    assert ledger.errors() == ""
    assert len(ledger.ask(f"select account where '{COFFEE}' in links")) == 4
    assert ledger.month.read_text().count("pleo_settles") == 1


async def test_entries_that_people_moved_are_left_to_them(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry()])
        ledger.month.rename(ledger.write("moved.beancount", ""))
        with ledger.main.open("a") as file:
            file.write('include "moved.beancount"\n')
        with pytest.raises(RefusedByBooks, match=r"moved or rewritten by hand .*moved\.beancount"):
            await books.post([COFFEE_ID])
        with pytest.raises(RefusedByBooks, match="is not in"):
            await books.post([TAXI_ID])


async def test_a_block_with_a_string_over_several_lines_is_left_to_people(
    ledger: LedgerFolder,
) -> None:
    async with ledger.books() as books:
        await books.record([entry()])
        ledger.edit(ledger.month, '"Coffee with Acme"', '"Coffee\nwith Acme"')
        with pytest.raises(RefusedByBooks, match="rewritten by hand"):
            await books.void(COFFEE_ID)
    assert ledger.errors() == ""

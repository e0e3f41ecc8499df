"""The system in memory keeps the contract, and fails only as it was told to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.errors import PeriodClosed, ReceiptUploadFailure, RefusedByBooks
from counterfoil.systems.contract import (
    Booked,
    BooksNotReady,
    Capabilities,
    EntryState,
    Found,
    Refused,
    Uniqueness,
    Unknown,
)
from counterfoil.testing.charts import chart_of
from counterfoil.testing.kind import memory_kind
from counterfoil.testing.memory import Fate, MemoryBooks, MemoryLedger
from tests.systems.ledgers import COFFEE, TAXI, document, entry


@pytest.fixture
def ledger() -> MemoryLedger:
    """Make an honest ledger."""
    return MemoryLedger(chart_of("1800", "6100"))


async def found(books: MemoryBooks, id: str = COFFEE) -> Found:
    """Return the one record of an item's entry."""
    (only,) = (await books.find([(id, Part.ENTRY)]))[id, Part.ENTRY]
    return only


async def test_what_was_booked_outlives_the_process(ledger: MemoryLedger, tmp_path: Path) -> None:
    receipt = document(tmp_path)
    async with MemoryBooks(ledger) as books:
        assert await books.ready() == []
        assert (await books.chart()).by_code["6100"].id == "account-6100"
        assert await books.record([entry(documents=(receipt,))]) == [
            Booked(reference=entry().reference)
        ]
    kind = memory_kind(ledger)
    async with kind.open(kind.options(), tmp_path) as later:
        here = (await later.find([(COFFEE, Part.ENTRY), (TAXI, Part.ENTRY)]))[COFFEE, Part.ENTRY]
    assert [each.receipts for each in here] == [{receipt.sha256}]
    assert here[0].lines[0] == ("Expenses:Travel", Decimal("10.00"))


async def test_an_exclusive_file_takes_one_writer(ledger: MemoryLedger) -> None:
    async with MemoryBooks(ledger):
        with pytest.raises(BooksNotReady, match="another Counterfoil"):
            await MemoryBooks(ledger).__aenter__()
    dying = MemoryBooks(ledger)
    await dying.__aenter__()
    ledger.process_died()
    async with MemoryBooks(ledger) as books:
        assert await books.ready() == []


@pytest.mark.parametrize(
    ("uniqueness", "second", "copies"),
    [
        (Uniqueness.EXCLUSIVE_FILE, Booked, 1),
        (Uniqueness.UNIQUE_REFERENCE, Refused, 1),
        (Uniqueness.NATIVE_KEY, Booked, 1),
        (Uniqueness.PROBE_ONLY, Booked, 2),
    ],
)
async def test_a_second_write_does_what_the_uniqueness_says(
    uniqueness: Uniqueness, second: type, copies: int
) -> None:
    ledger = MemoryLedger(chart_of("1800"), Capabilities(uniqueness=uniqueness))
    async with MemoryBooks(ledger) as books:
        await books.record([entry()])
        (result,) = await books.record([entry()])
    assert isinstance(result, second)
    assert ledger.copies(COFFEE) == copies
    assert bool(ledger.doubles()) == (copies > 1)


async def test_scripted_refusals_and_interruptions(ledger: MemoryLedger) -> None:
    ledger.refuse(COFFEE, PeriodClosed("closed"))
    ledger.interrupt("find", after=1)
    async with MemoryBooks(ledger) as books:
        refused, booked = await books.record([entry(), entry(TAXI)])
        assert isinstance(refused, Refused)
        assert isinstance(refused.failure, PeriodClosed)
        assert isinstance(booked, Booked)
        assert await books.find([(COFFEE, Part.ENTRY)]) == {}
        with pytest.raises(BooksNotReady, match="do not answer"):
            await books.find([])
        ledger.accept(COFFEE)
        assert isinstance((await books.record([entry()]))[0], Booked)
    assert [call for call, _ in ledger.calls] == ["record", "find", "find", "record"]


async def test_lost_replies_take_effect_now_later_or_never(ledger: MemoryLedger) -> None:
    ledger.lose_reply(COFFEE, Fate.NOT_BOOKED, Fate.BOOKED_LATE, Fate.BOOKED)
    async with MemoryBooks(ledger) as books:
        for copies in (0, 0, 1):
            assert isinstance((await books.record([entry()]))[0], Unknown)
            assert ledger.copies(COFFEE) == copies
    ledger.deliver()
    assert ledger.copies(COFFEE) == 1


async def test_each_step_may_be_repeated(ledger: MemoryLedger, tmp_path: Path) -> None:
    receipt = document(tmp_path)
    async with MemoryBooks(ledger) as books:
        await books.record([entry(), entry(TAXI, part=Part.PAYMENT)])
        id, payment = (await found(books)).id, ledger.of(TAXI)[0].id
        for _ in range(2):
            await books.attach(id, receipt)
            await books.post([id])
            await books.settle(payment, id)
        here = await found(books)
        assert here.state is EntryState.POSTED
        assert here.receipts == {receipt.sha256}
        assert here.settled
        with pytest.raises(RefusedByBooks):
            await books.void(id)
        await books.void(payment)
        for _ in range(2):
            await books.reverse(id, date(2026, 4, 1))
        assert (await found(books)).state is EntryState.REVERSED
    assert ledger.copies(COFFEE) == 0
    assert len(ledger.records) == 3


async def test_what_a_system_cannot_do_it_refuses(ledger: MemoryLedger, tmp_path: Path) -> None:
    ledger.capabilities = Capabilities(uniqueness=Uniqueness.PROBE_ONLY)
    async with MemoryBooks(ledger) as books:
        await books.record([entry()])
        id = ledger.of(COFFEE)[0].id
        with pytest.raises(ReceiptUploadFailure):
            await books.attach(id, document(tmp_path))
        with pytest.raises(RefusedByBooks):
            await books.void(id)
        with pytest.raises(RefusedByBooks):
            await books.reverse(id, date(2026, 4, 1))
        with pytest.raises(RefusedByBooks):
            await books.post(["nothing"])


async def test_people_change_the_books(ledger: MemoryLedger) -> None:
    async with MemoryBooks(ledger) as books:
        await books.record([entry(), entry(TAXI)])
        ledger.change(ledger.of(COFFEE)[0].id, lines=(("other", Decimal(1)),))
        ledger.delete(ledger.of(TAXI)[0].id)
        ledger.faults.append("unbalanced")
        assert (await found(books)).lines == (("other", Decimal(1)),)
        assert await books.find([(TAXI, Part.ENTRY)]) == {}
        assert await books.check() == ["unbalanced"]

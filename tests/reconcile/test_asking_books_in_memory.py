"""Books in memory tell for a comparison what a ledger does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from counterfoil.systems.contract import OtherPosting
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger
from tests.systems.ledgers import COFFEE, HOTEL, entry

BANK = OtherPosting(
    account="1800",
    amount=Decimal("5.00"),
    currency="EUR",
    date=date(2026, 3, 5),
    text="Bank",
    place="7",
)


async def test_records_are_told_from_a_day_on() -> None:
    ledger = MemoryLedger(chart_of("1800", "6100"))
    ledger.book(entry(COFFEE, day=date(2026, 3, 1)))
    ledger.book(entry(HOTEL, day=date(2026, 4, 1)))
    books = MemoryBooks(ledger)
    assert [each.reference.entry_id for each in await books.all_records()] == [COFFEE, HOTEL]
    recent = await books.all_records(date(2026, 3, 2))
    assert [each.reference.entry_id for each in recent] == [HOTEL]


async def test_postings_of_others_are_told_by_account_and_day() -> None:
    ledger = MemoryLedger(chart_of("1800", "1899"), others=[BANK])
    books = MemoryBooks(ledger)
    assert await books.other_postings({"1800"}) == [BANK]
    assert await books.other_postings({"1899"}) == []
    assert await books.other_postings({"1800"}, date(2026, 3, 6)) == []

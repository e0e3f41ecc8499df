"""What a ledger tells for a comparison: every record of ours, and what others posted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.systems.contract import BooksNotReady, EntryState, Found, OtherPosting
from tests.systems.ledgers import COFFEE, MAIN, TAXI, LedgerFolder, entry

pytestmark = pytest.mark.slow

BANK = """
2026-03-20 * "Bank" "Topped up"
  Assets:Wallet  500.00 EUR
  Equity:Bank  -500.00 EUR
"""


QUESTIONS = 4
"""Accounts, entries, postings of ours; postings of others."""


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFolder:
    """Make a ledger with an account of the bank's beside those that entries use."""
    folder = LedgerFolder(tmp_path / "books")
    folder.root.mkdir()
    folder.main.write_text(
        f"{MAIN}2020-01-01 open Equity:Bank\n2020-01-01 open Assets:Wallet:Old\n"
    )
    return folder


async def booked(ledger: LedgerFolder) -> None:
    """Book a coffee in March and a taxi in April; reverse the taxi."""
    async with ledger.books() as books:
        taxi = entry(TAXI, "20.00", day=date(2026, 4, 2), final=True)
        await books.record([entry(COFFEE, "10.00"), taxi])
        await books.reverse(f"{TAXI}/entry", date(2026, 4, 3))


async def asked(
    ledger: LedgerFolder, *accounts: str, since: date | None = None
) -> tuple[list[Found], list[OtherPosting]]:
    """Ask for all records, and for the postings of others on these accounts."""
    async with ledger.books().reading() as books:
        return list(await books.all_records(since)), list(
            await books.other_postings(accounts, since)
        )


async def test_every_record_is_told_live_or_not(ledger: LedgerFolder) -> None:
    await booked(ledger)
    records, _ = await asked(ledger)
    assert [(each.reference.entry_id, each.state) for each in records] == [
        (COFFEE, EntryState.DRAFT),
        (TAXI, EntryState.REVERSED),
    ]
    assert dict(records[0].lines)["Assets:Wallet"] == Decimal("-10.00")


async def test_a_copy_that_somebody_made_is_told_too(ledger: LedgerFolder) -> None:
    await booked(ledger)
    ledger.write("counterfoil/2026-05.beancount", ledger.month.read_text())
    records, _ = await asked(ledger)
    assert [each.reference.entry_id for each in records].count(COFFEE) == 2


async def test_records_are_told_from_a_day_on(ledger: LedgerFolder) -> None:
    await booked(ledger)
    records, _ = await asked(ledger, since=date(2026, 4, 2))
    assert [each.reference.entry_id for each in records] == [TAXI]


async def test_an_entry_in_two_currencies_says_so(ledger: LedgerFolder) -> None:
    await booked(ledger)
    ledger.edit(ledger.month, "-10.00 EUR", "-12.00 USD @@ 10.00 EUR")
    ledger.edit(ledger.main, "Assets:Wallet EUR", "Assets:Wallet")
    records, _ = await asked(ledger)
    assert records[0].currency == "EUR/USD"


async def test_what_others_posted_is_told_with_its_place(ledger: LedgerFolder) -> None:
    await booked(ledger)
    with ledger.main.open("a") as file:
        file.write(BANK)
    _, others = await asked(ledger, "Assets:Wallet", "Assets:VAT")
    (posting,) = others
    assert (posting.account, posting.amount, posting.currency, posting.date) == (
        "Assets:Wallet",
        Decimal("500.00"),
        "EUR",
        date(2026, 3, 20),
    )
    assert posting.text == "Bank · Topped up"
    name, _, line = posting.place.partition(":")
    assert "Topped up" in ledger.main.read_text().splitlines()[int(line) - 1]
    assert name == "main.beancount"


async def test_what_others_posted_is_told_from_a_day_on(ledger: LedgerFolder) -> None:
    with ledger.main.open("a") as file:
        file.write(BANK)
    assert (await asked(ledger, "Assets:Wallet", since=date(2026, 3, 20)))[1]
    assert not (await asked(ledger, "Assets:Wallet", since=date(2026, 3, 21)))[1]


async def test_neither_entries_of_ours_nor_their_reversals_are_of_others(
    ledger: LedgerFolder,
) -> None:
    await booked(ledger)
    assert (await asked(ledger, "Assets:Wallet"))[1] == []


async def test_an_entry_whose_reference_was_taken_away_is_of_others(ledger: LedgerFolder) -> None:
    await booked(ledger)
    ledger.edit(ledger.month, f'  pleo_entry: "{COFFEE}"\n', "")
    records, others = await asked(ledger, "Assets:Wallet")
    assert COFFEE not in {each.reference.entry_id for each in records}
    assert [posting.amount for posting in others] == [Decimal("-10.00")]


async def test_an_account_below_is_another_account(ledger: LedgerFolder) -> None:
    with ledger.main.open("a") as file:
        file.write(BANK.replace("Assets:Wallet", "Assets:Wallet:Old"))
    assert (await asked(ledger, "Assets:Wallet"))[1] == []


async def test_nothing_is_asked_about_no_accounts(ledger: LedgerFolder) -> None:
    assert (await asked(ledger))[1] == []


class Meddler:
    """Somebody who writes into the ledger each time after it was read and asked about others."""

    def __init__(self, ledger: LedgerFolder, times: int) -> None:
        self.ledger, self.times, self.asked = ledger, times, 0

    def before(self, effect: Effect) -> None:
        """Let it happen."""

    def after(self, effect: Effect) -> None:
        self.asked += effect.name == "beancount.query"
        if self.asked == QUESTIONS and self.times:
            self.asked, self.times = 0, self.times - 1
            with self.ledger.main.open("a") as file:
                file.write(BANK)


async def test_a_ledger_that_changed_is_asked_again(ledger: LedgerFolder) -> None:
    await booked(ledger)
    with observe(Meddler(ledger, times=1)):
        _, others = await asked(ledger, "Assets:Wallet")
    assert [posting.amount for posting in others] == [Decimal("500.00")]


async def test_a_ledger_that_changes_all_the_time_cannot_be_compared(ledger: LedgerFolder) -> None:
    await booked(ledger)
    with observe(Meddler(ledger, times=3)), pytest.raises(BooksNotReady, match="all the time"):
        await asked(ledger, "Assets:Wallet")

"""What Tryton cannot take fails alone, with its own type and sentence; nothing stays behind."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.errors import (
    InvalidSetting,
    ItemFailure,
    MissingSetting,
    PeriodClosed,
    RefusedByBooks,
)
from counterfoil.systems.contract import Booked, EntryState, Refused
from counterfoil.systems.tryton.booking import SimilarBill
from tests.tryton.tryton_books import FIRST_YEAR, Books, booked, day, options, tax
from tests.tryton.tryton_server import Database, today

pytestmark = pytest.mark.slow


async def refused(books: Books, entry: Entry) -> ItemFailure:
    (result,) = await books.record(entry)
    assert isinstance(result, Refused)
    assert await books.every(entry) == ()
    return result.failure


@pytest.mark.parametrize("month", [1, 2])
async def test_a_closed_or_locked_period(books: Books, month: int) -> None:
    failure = await refused(books, books.entry(date=day(month, year=FIRST_YEAR)))
    assert isinstance(failure, PeriodClosed)
    assert f"{FIRST_YEAR}-0{month}" in str(failure)


async def test_a_journal_that_is_closed_for_a_period(books: Books) -> None:
    march = day(3, year=FIRST_YEAR)
    failure = await refused(books, books.entry(date=march))
    assert isinstance(failure, PeriodClosed)
    assert "journal" in str(failure)
    assert any(march in span for span in books.chart.closed)


async def test_a_period_that_is_closed_in_the_middle_of_a_job(
    books: Books, database: Database
) -> None:
    rpc = database.admin()
    for code, values in (("MISC", books.entry()), ("EXP", books.bill(final=True))):
        period = rpc.one("account.period", ["start_date", "=", day(6, 1)])
        rpc.model("account.period", "close", [period])
        failure = await refused(books, values)
        assert isinstance(failure, PeriodClosed), code
        assert "Tryton says:" in str(failure)
        rpc.model("account.period", "reopen", [period])
        for row in rpc.read("account.journal.period", [["period", "=", period]], "id"):
            rpc.model("account.journal.period", "reopen", [row["id"]])


async def test_a_day_without_a_period(books: Books) -> None:
    failure = await refused(books, books.entry(date=day(year=today().year + 5)))
    assert isinstance(failure, MissingSetting)
    assert "no period of Acme Ltd" in str(failure)


async def test_a_currency_without_a_rate(books: Books) -> None:
    failure = await refused(books, books.entry(currency="SEK"))
    assert isinstance(failure, MissingSetting)
    assert "no rate of SEK" in str(failure)


async def test_a_day_before_the_first_rate(books: Books, database: Database) -> None:
    rpc = database.admin()
    euro = rpc.one("currency.currency", ["code", "=", "EUR"])
    rates = rpc.read("currency.currency.rate", [["currency", "=", euro]], "id")
    rpc.write("currency.currency.rate", rates[0]["id"], date=today())
    async with Books.of(books.system._options, books.system._base) as again:
        failure = await refused(again, again.entry(currency="EUR"))
    assert isinstance(failure, MissingSetting)


async def test_a_currency_that_tryton_does_not_have(books: Books) -> None:
    failure = await refused(books, books.entry(currency="CHF"))
    assert isinstance(failure, MissingSetting)
    assert "no currency CHF" in str(failure)


async def test_a_tax_without_accounts(books: Books) -> None:
    cost = books.line("6100", "12.00", tax=tax("EMPTY", "10.00", "2.00"))
    failure = await refused(books, books.entry(cost, books.line("1800", "-12.00")))
    assert isinstance(failure, InvalidSetting)
    assert "The tax EMPTY has no accounts" in str(failure)


async def test_nobody_to_owe_to(database: Database, tmp_path: Path) -> None:
    chosen = options(database, tmp_path / "password", fallback_party=None)
    async with Books.of(chosen, tmp_path) as books:
        failure = await refused(books, replace(books.bill(), vendor=None))
    assert isinstance(failure, MissingSetting)
    assert "fallback_party" in str(failure)


async def test_an_account_that_ended(books: Books) -> None:
    line = books.line("6999", "12.00")
    failure = await refused(books, books.entry(line, books.line("1800", "-12.00")))
    assert isinstance(failure, RefusedByBooks)


async def test_more_digits_than_a_pound_has(books: Books) -> None:
    lines = books.line("6100", "12.005"), books.line("1800", "-12.005")
    failure = await refused(books, books.entry(*lines))
    assert isinstance(failure, RefusedByBooks)
    assert "digits" in str(failure)


async def test_a_bad_one_among_many_fails_alone(books: Books) -> None:
    entries = [books.entry(final=True) for _ in range(20)]
    bad = books.entry(books.line("6999", "1.00"), books.line("1800", "-1.00"), final=True)
    entries.insert(13, bad)
    results = await books.record(*entries)
    assert [isinstance(result, Booked) for result in results] == [
        entry is not bad for entry in entries
    ]
    founds = [await books.found(entry) for entry in entries if entry is not bad]
    assert {found.state for found in founds} == {EntryState.POSTED}
    numbers = [int(found.id.rpartition(",")[2]) for found in founds]
    assert numbers == sorted(numbers)


async def test_a_second_record_of_one_reference_is_kept_out(books: Books) -> None:
    entry = books.entry()
    await books.book(entry)
    (result,) = await books.record(entry)
    assert isinstance(result, Refused)
    assert "unique" in str(result.failure)
    assert len(await books.every(entry)) == 1


async def test_a_similar_bill_is_asked_about(books: Books) -> None:
    await books.book(books.bill(invoice_number="R-1", final=True))
    failure = await refused(books, books.bill(invoice_number="R-1", final=True))
    assert isinstance(failure, SimilarBill)
    assert "accept_similar_bills" in str(failure)


async def test_a_similar_bill_is_accepted_where_that_is_wished(
    database: Database, tmp_path: Path
) -> None:
    chosen = options(database, tmp_path / "password", accept_similar_bills=True)
    async with Books.of(chosen, tmp_path) as books:
        first, second = (books.bill(invoice_number="R-1", final=True) for _ in range(2))
        assert await books.record(first, second) == booked(first, second)
        assert (await books.found(second)).state is EntryState.POSTED


async def test_hostile_texts_are_only_texts(books: Books, database: Database) -> None:
    text = "'; DROP TABLE account_move; -- <script>%_\\ \u202e 🎉 \n two"
    entry = books.entry(narration=text, details={"note": text})
    await books.book(entry)
    (move,) = database.service().read("account.move", [], "description", "external_data")
    assert move["description"] == " ".join(text.split())
    assert Decimal(len(await books.every(entry))) == 1

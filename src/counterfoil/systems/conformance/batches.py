"""Stories of batches: results in order, a bad entry refused alone, unknown codes, closed days."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.errors import ItemFailure
from counterfoil.systems.conformance.asking import (
    all_of,
    book_all,
    cites,
    job,
    needs,
    record,
    shown_once,
)
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import entry, many, taxed
from counterfoil.systems.contract import (
    AccountingSystem,
    Booked,
    Chart,
    RecordResult,
    Refused,
)

__all__ = ["Batches", "Refusals"]


class Batches:
    """Many entries in one call."""

    @cites(AccountingSystem.record)
    async def test_nothing_is_nothing(self, book: FreshBook) -> None:
        """An empty batch has an empty answer."""
        async with job(book) as books:
            assert list(await books.record([])) == []

    @cites(AccountingSystem.record)
    async def test_a_whole_batch_is_booked_in_order(self, book: FreshBook) -> None:
        """As many entries as batch_size says (at most 100, as an export sends), none twice."""
        async with job(book) as books:
            made = many(book, min(books.capabilities.batch_size, 100))
            await book_all(books, *made)
        await shown_once(book, *made)

    @cites(AccountingSystem.record, Refused)
    async def test_a_bad_entry_is_refused_alone(self, book: FreshBook) -> None:
        """The others are booked, nothing of the bad ones is, and the answers keep their order."""
        sound: list[Entry] = []
        async with job(book) as books:
            for bad in [{0}, {3}, {6}, {0, 6}, {2, 3}, {1, 3, 5}, set(range(7))]:
                made = _with_bad_ones(book, bad)
                results = await record(books, made)
                _in_order(results, made)
                answers = [isinstance(one, Refused) for one in results]
                assert answers == [number in bad for number in range(7)], f"bad were {bad}"
                for number in bad:
                    assert await all_of(books, made[number]) == []
                sound += [one for number, one in enumerate(made) if number not in bad]
        await shown_once(book, *sound)

    @cites(AccountingSystem.record)
    async def test_days_and_currencies_mix_in_a_batch(self, book: FreshBook) -> None:
        """Entries of several days, final ones and drafts, in any order."""
        later = book.day.replace(day=min(book.day.day + 1, 28))
        made = [
            entry(book, currency=currency, day=day, final=final)
            for currency in book.currencies
            for day in (later, book.day)
            for final in (True, False)
        ]
        async with job(book) as books:
            await book_all(books, *made)
        await shown_once(book, *made)


class Refusals:
    """What a system does not take is refused in its words, and nothing of it is written."""

    @cites(Refused, ItemFailure)
    async def test_an_unknown_account_is_refused(self, book: FreshBook) -> None:
        """The reason is a sentence that a bookkeeper can act on."""
        await _refused(book, entry(book, debit=book.unknown_account))

    @cites(Refused, ItemFailure)
    async def test_an_unknown_currency_is_refused(self, book: FreshBook) -> None:
        """An amount in a currency that the book does not have is not booked in another."""
        if book.unknown_currency is None:
            pytest.skip(f"{type(book).__name__} names no currency that it refuses")
        await _refused(book, entry(book, "10.00", currency=book.unknown_currency))

    @cites(Refused, Chart)
    async def test_an_unknown_dimension_is_refused(self, book: FreshBook) -> None:
        """Where the chart lists the dimensions, others are refused; where not, any is taken."""
        made = entry(book, dimensions=(book.unknown_dimension,))
        async with job(book) as books:
            needs(books.capabilities.dimensions, "dimensions")
            if (await books.chart()).dimensions is None:
                await book_all(books, made)
                return
        await _refused(book, made)

    @cites(AccountingSystem.record, Refused)
    async def test_an_unknown_tax_code_is_booked_or_refused(self, book: FreshBook) -> None:
        """Pleo may name the tax's account itself: the figures are booked so, or not at all."""
        made, usual = taxed(book, book.debit, "NO-SUCH", Decimal("0.2")), entry(book)
        async with job(book) as books:
            result, other = await record(books, [made, usual])
            assert other == Booked(reference=usual.reference)
            assert isinstance(result, Booked | Refused)
            if isinstance(result, Refused):
                assert await all_of(books, made) == []
        await shown_once(book, usual, *([made] if isinstance(result, Booked) else []))

    @cites(Chart, Refused)
    async def test_a_closed_day_is_told_or_refused(self, book: FreshBook) -> None:
        """The chart says so before anything is written, or record() refuses; both are best."""
        if book.closed_day is None:
            pytest.skip(f"{type(book).__name__} names no closed day")
        made, usual = entry(book, day=book.closed_day), entry(book)
        async with job(book) as books:
            told = _closed(await books.chart(), book)
            result, other = await record(books, [made, usual])
            assert other == Booked(reference=usual.reference)
            assert told or isinstance(result, Refused), f"{book.closed_day} is booked like any day"
            if isinstance(result, Refused):
                assert await all_of(books, made) == []
        await shown_once(book, usual)


def _closed(chart: Chart, book: FreshBook) -> bool:
    """Whether the chart says that a book's closed day takes nothing."""
    day = book.closed_day
    if day is None or any(day in span for span in chart.closed):
        return True
    accounts = (chart.accounts[id] for id in (book.debit, book.credit))
    return any(
        (account.closed_before is not None and day < account.closed_before)
        or (account.opened is not None and day < account.opened)
        or (account.closed is not None and day >= account.closed)
        for account in accounts
    )


def _with_bad_ones(book: FreshBook, bad: set[int]) -> list[Entry]:
    """Make seven entries, those with these numbers on an account that is not there."""
    return [
        entry(book, number + 1, debit=book.unknown_account if number in bad else book.debit)
        for number in range(7)
    ]


def _in_order(results: Sequence[RecordResult], made: Sequence[Entry]) -> None:
    answered = [result.reference for result in results]
    assert answered == [one.reference for one in made], "the answers are in another order"


async def _refused(book: FreshBook, bad: Entry) -> None:
    """Record a bad entry between two good ones, in a new job."""
    good = entry(book), entry(book)
    async with job(book) as books:
        results = await record(books, [good[0], bad, good[1]])
        _in_order(results, [good[0], bad, good[1]])
        refused = results[1]
        assert isinstance(refused, Refused)
        assert str(refused.failure).strip(), "the refusal has no words"
        assert len(refused.failure.reason) <= 500
        assert await all_of(books, bad) == []
    await shown_once(book, *good)

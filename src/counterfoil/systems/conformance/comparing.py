"""Stories of comparing the books with Pleo: all records of ours, and the postings of others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from counterfoil.bookkeeping.entries import Part
from counterfoil.systems.conformance.asking import all_of, book_all, cites, job, only
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import entry, many, with_attempt
from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["Comparing"]


class Comparing:
    """What ``reconcile`` asks for."""

    @cites(AccountingSystem.all_records)
    async def test_all_records_are_those_that_find_tells(self, book: FreshBook) -> None:
        """Every part and attempt, each once, exactly as find() tells it."""
        made = [*many(book, 3), *(entry(book, part=part) for part in Part)]
        made.append(with_attempt(book, made[0], 2))
        async with job(book) as books:
            assert list(await books.all_records()) == []
            await book_all(books, *made)
            told = await books.all_records()
            found = [await only(books, one) for one in made]
        assert _by_id(told) == _by_id(found)
        async with book.open().reading() as reader:
            assert _by_id(await reader.all_records()) == _by_id(found)

    @cites(AccountingSystem.all_records)
    async def test_all_records_begin_on_a_day(self, book: FreshBook) -> None:
        """The day itself is included, what is older is not."""
        later = _next(book.day)
        old, new = entry(book), entry(book, day=later)
        async with job(book) as books:
            await book_all(books, old, new)
            told = {since: await books.all_records(since) for since in (book.day, later)}
            after = await books.all_records(later + timedelta(days=1))
        assert {one.reference for one in told[book.day]} == {old.reference, new.reference}
        assert {one.reference for one in told[later]} == {new.reference}
        assert list(after) == []

    @cites(AccountingSystem.all_records, AccountingSystem.other_postings)
    async def test_what_was_taken_back_is_no_posting_of_others(self, book: FreshBook) -> None:
        """Voided and reversed records are told as find() does, reversals not at all."""
        draft, final = entry(book), entry(book, final=True)
        async with job(book) as books:
            await book_all(books, draft, final)
            ids = [(await only(books, one)).id for one in (draft, final)]
            await books.post(ids[1:])
            if books.capabilities.void and books.capabilities.drafts:
                await books.void(ids[0])
            if books.capabilities.reverse:
                await books.reverse(ids[1], book.day)
            found = [*await all_of(books, draft), *await all_of(books, final)]
            assert _by_id(await books.all_records()) == _by_id(found)
            assert list(await books.other_postings([book.debit, book.credit])) == []

    @cites(AccountingSystem.other_postings)
    async def test_what_others_post_is_told_apart(self, book: FreshBook) -> None:
        """By account and day, with amount and sign; it is no record of ours."""
        made = entry(book)
        async with job(book) as books:
            await book_all(books, made)
        await book.person_books(Decimal("7.50"))
        async with job(book) as books:
            assert [one.reference for one in await books.all_records()] == [made.reference]
            both = await books.other_postings([book.debit, book.credit], book.day)
            one = await books.other_postings({book.debit})
            later = await books.other_postings([book.debit, book.credit], _next(book.day))
            nothing = await books.other_postings([])
        told = sorted((posting.account, posting.amount) for posting in both)
        assert told == sorted([(book.debit, Decimal("7.50")), (book.credit, Decimal("-7.50"))])
        assert [(each.account, each.date, each.currency) for each in one] == [
            (book.debit, book.day, book.currencies[0])
        ]
        assert all(posting.place for posting in both)
        assert list(later) == list(nothing) == []


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _by_id(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=lambda one: one.id)

"""Stories of booking exactly once: twice the same, two sessions, requests that arrive late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.effects import observe
from counterfoil.systems.conformance.asking import (
    all_of,
    book_all,
    cites,
    job,
    live_of,
    obstacle,
    only,
    record,
    shown_once,
)
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import entry
from counterfoil.systems.conformance.watching import Delay, Tally
from counterfoil.systems.contract import (
    AccountingSystem,
    Booked,
    BooksNotReady,
    RecordResult,
    Refused,
    Uniqueness,
)

__all__ = ["Once"]


class Once:
    """What each class of uniqueness promises."""

    @cites(Uniqueness, AccountingSystem.record)
    async def test_the_same_reference_is_booked_once(self, book: FreshBook) -> None:
        """In the same session and in a later one; the figures count once."""
        await _not_probe_only(book)
        made = entry(book, final=True)
        for _ in range(2):
            async with job(book) as books:
                for _ in range(2):
                    (result,) = await books.record([made])
                    assert isinstance(result, Booked | Refused)
                    assert result.reference == made.reference
                await books.post([(await only(books, made)).id])
        await shown_once(book, made)
        balance = await book.balance(book.debit)
        assert balance in {None, made.amount}, "the figures count more than once"

    @cites(Uniqueness, AccountingSystem.record)
    async def test_a_reference_twice_in_a_batch_is_booked_once(self, book: FreshBook) -> None:
        """Each of the two has its answer, and the neighbours are booked."""
        await _not_probe_only(book)
        made, other = entry(book), entry(book)
        async with job(book) as books:
            results = await record(books, [made, other, made])
            references = [result.reference for result in results]
            assert references == [made.reference, other.reference, made.reference]
            assert results[1] == Booked(reference=other.reference)
        await shown_once(book, made, other)

    @cites(Uniqueness, AccountingSystem.__aenter__)
    async def test_a_second_writer_is_kept_out(self, book: FreshBook) -> None:
        """An exclusive file has one writer: the other is told that waiting may help."""
        if await _uniqueness(book) is not Uniqueness.EXCLUSIVE_FILE:
            pytest.skip("several sessions may write: the adapter is no exclusive_file")
        made = entry(book)
        async with job(book) as books:
            problem = await obstacle(book.open())
            assert problem.passing, "the second writer is not told that the lock passes"
            assert problem.message
            await book_all(books, made)
        async with job(book) as books:
            await only(books, made)

    @cites(Uniqueness, AccountingSystem)
    async def test_two_sessions_book_side_by_side(self, book: FreshBook) -> None:
        """Nothing of either is lost."""
        await _not_exclusive(book)
        mine, theirs = ([entry(book, number) for number in range(1, 6)] for _ in range(2))
        async with job(book) as first, job(book) as second:
            await asyncio.gather(book_all(first, *mine), book_all(second, *theirs))
        await shown_once(book, *mine, *theirs)

    @cites(Uniqueness, AccountingSystem)
    async def test_two_sessions_with_the_same_entries_book_them_once(self, book: FreshBook) -> None:
        """Whoever comes second is refused or told that it is booked."""
        await _not_exclusive(book)
        await _not_probe_only(book)
        made = [entry(book, number) for number in range(1, 6)]
        async with job(book) as first, job(book) as second:
            answers = await asyncio.gather(record(first, made), record(second, made))
            for results in answers:
                assert [one.reference for one in results] == [one.reference for one in made]
        await shown_once(book, *made)

    @cites(Uniqueness, AccountingSystem.find)
    async def test_a_request_that_arrives_late_books_nothing_twice(self, book: FreshBook) -> None:
        """While it hangs, another session looks, finds nothing and books; then it arrives."""
        await _not_exclusive(book)
        await _not_probe_only(book)
        for number in range(1, 1 + await _count_of_effects(book)):
            made = entry(book)
            delay = Delay(number, book.reads)
            late = asyncio.create_task(asyncio.to_thread(_in_a_loop_of_its_own, book, made, delay))
            await asyncio.to_thread(delay.held.wait, delay.patience)
            try:
                booked = await _look_and_book(book, made)
            finally:
                delay.let_go.set()
            answers = await late
            assert [answer.reference for answer in answers] == [made.reference]
            if not booked:
                await _look_and_book(book, made)
            await shown_once(book, made)

    @cites(Uniqueness)
    async def test_a_system_that_is_only_searched_shows_at_once_what_it_booked(
        self, book: FreshBook
    ) -> None:
        """probe_only: the look-up is all there is, so a booked entry is found right away."""
        if await _uniqueness(book) is not Uniqueness.PROBE_ONLY:
            pytest.skip("the system itself keeps a second record out: it is not probe_only")
        made = entry(book)
        async with job(book) as books:
            await book_all(books, made)
            assert len(await all_of(books, made)) == 1
        await shown_once(book, made)


async def _uniqueness(book: FreshBook) -> Uniqueness:
    async with job(book) as books:
        return books.capabilities.uniqueness


async def _not_probe_only(book: FreshBook) -> None:
    if await _uniqueness(book) is Uniqueness.PROBE_ONLY:
        pytest.skip("probe_only: the system takes a second record; the export waits and looks")


async def _not_exclusive(book: FreshBook) -> None:
    if await _uniqueness(book) is Uniqueness.EXCLUSIVE_FILE:
        pytest.skip("exclusive_file: a second session cannot be opened")


async def _count_of_effects(book: FreshBook) -> int:
    """Count the effects of recording one entry."""
    async with job(book) as books:
        with observe(tally := Tally(book.reads)):
            await book_all(books, entry(book))
    return tally.count


def _in_a_loop_of_its_own(book: FreshBook, made: Entry, delay: Delay) -> Sequence[RecordResult]:
    async def record() -> Sequence[RecordResult]:
        async with job(book) as books:
            with observe(delay):
                return await books.record([made])

    try:
        return asyncio.run(record())
    finally:
        delay.held.set()


async def _look_and_book(book: FreshBook, made: Entry) -> bool:
    """Do what an export does; False where the other one's request keeps it from writing."""
    try:
        async with job(book) as books:
            if await live_of(books, made):
                return True
            (result,) = await books.record([made])
            return isinstance(result, Booked)
    except BooksNotReady:
        return False

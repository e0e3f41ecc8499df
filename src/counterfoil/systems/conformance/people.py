"""Stories of people, who work in the same books: what they did is what ``find`` tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.systems.conformance.asking import (
    all_of,
    book_all,
    cites,
    job,
    live_of,
    needs,
    only,
    shown_once,
)
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import entry, with_attempt
from counterfoil.systems.contract import AccountingSystem, EntryState, Found

__all__ = ["People"]

Hand = Callable[[FreshBook, str], Awaitable[None]]


async def _voids(book: FreshBook, id: str) -> None:
    await book.person_voids(id)


async def _reverses(book: FreshBook, id: str) -> None:
    await book.person_reverses(id)


async def _removes(book: FreshBook, id: str) -> None:
    await book.person_removes(id)


class People:
    """Voided, reversed, removed, posted and edited by hand."""

    @pytest.mark.parametrize("hand", [_voids, _removes], ids=["voided", "removed"])
    @cites(AccountingSystem.find, EntryState)
    async def test_a_draft_that_people_took_out_counts_no_more(
        self, book: FreshBook, hand: Hand
    ) -> None:
        """It is told as voided or not at all, in the running job already, and booked anew."""
        await _taken_out(book, entry(book), hand)

    @cites(AccountingSystem.find, EntryState)
    async def test_a_record_that_people_reversed_counts_no_more(self, book: FreshBook) -> None:
        """It is told as reversed, and the reversal is no record of ours."""
        await _taken_out(book, entry(book, final=True), _reverses)

    @cites(AccountingSystem.find, AccountingSystem.post)
    async def test_a_draft_that_people_posted_is_posted(self, book: FreshBook) -> None:
        """In the running job already; posting it once more changes nothing."""
        made = entry(book)
        async with job(book) as books:
            needs(books.capabilities.drafts, "drafts")
            await book_all(books, made)
            id = (await only(books, made)).id
            await book.person_posts(id)
            assert (await only(books, made)).state is EntryState.POSTED
            await books.post([id])
        (found,) = await shown_once(book, made)
        assert found.state is EntryState.POSTED

    @cites(AccountingSystem.find, Found)
    async def test_an_edited_record_is_told_as_it_is_now(self, book: FreshBook) -> None:
        """Its reference finds it, with the amount that people gave it."""
        made, amount = entry(book), Decimal(77)
        async with job(book) as books:
            await book_all(books, made)
            id = (await only(books, made)).id
            await book.person_edits(id, amount)
            _has(await all_of(books, made), amount)
        async with job(book) as later:
            _has(await all_of(later, made), amount)


async def _taken_out(book: FreshBook, made: Entry, hand: Hand) -> None:
    neighbour, anew = entry(book), with_attempt(book, made, 2)
    async with job(book) as books:
        await book_all(books, made, neighbour)
        id = (await only(books, made)).id
        if made.final:
            await books.post([id])
        await hand(book, id)
        assert await live_of(books, made) == [], "what people took out is told as live"
        await book_all(books, anew)
    async with job(book) as later:
        assert [one.reference for one in await live_of(later, made)] == [anew.reference]
        await only(later, neighbour)


def _has(every: list[Found], amount: Decimal) -> None:
    (found,) = every
    assert found.state.live
    assert sorted(value for _, value in found.lines) == [-amount, amount]

"""Stories of what breaks: killed at each effect, lines cut, systems away, wrong credentials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from counterfoil import effects
from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.effects import observe
from counterfoil.errors import ItemFailure, JobFailureType
from counterfoil.systems.conformance.asking import (
    book_all,
    cites,
    drafts_of,
    job,
    live_of,
    needs,
    obstacle,
    only,
    shown_once,
)
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import document, entry
from counterfoil.systems.conformance.watching import Breaker, Killer, around_the_gate
from counterfoil.systems.contract import (
    AccountingSystem,
    Booked,
    BooksNotReady,
    EntryState,
    Problem,
    RecordResult,
    Refused,
    Unknown,
)

__all__ = ["Breaking", "Killing"]

MOST_POINTS = 1000
"""So many effects no job has; an adapter with more of them repeats one for ever."""


class Killing:
    """Killed anywhere, the next job ends in the same place."""

    @cites(AccountingSystem, effects.effect)
    async def test_killed_at_every_effect_a_booking_ends_as_one(self, book: FreshBook) -> None:
        """Before and after each effect in turn: looked up and recorded anew, there is one."""

        async def prove(entries: Sequence[Entry]) -> None:
            first, bill, payment = await shown_once(book, *entries)
            assert {one.state for one in (first, bill, payment)} == {EntryState.POSTED}
            assert bill.settled
            held = {each.sha256 for each in entries[0].documents}
            assert first.receipts in (held, frozenset())

        await _sweep(_book_fully, prove, _Sweep(book, _three_parts))

    @cites(AccountingSystem.void, AccountingSystem.reverse, effects.effect)
    async def test_killed_at_every_effect_a_taking_back_ends_as_one(self, book: FreshBook) -> None:
        """However often it was interrupted, nothing is live, and nothing is taken back twice."""
        async with job(book) as books:
            needs(books.capabilities.void or books.capabilities.reverse, "void or reverse")

        async def take_back(books: AccountingSystem, entries: Sequence[Entry]) -> None:
            for one in entries:
                await _take_back(books, one)

        async def prove(entries: Sequence[Entry]) -> None:
            async with job(book) as books:
                stay = [one for one in entries if not _may_go(books, one)]
                assert [one for one in entries if await live_of(books, one)] == stay
            if not stay:
                assert await book.balance(book.debit) in {None, 0}

        await _sweep(take_back, prove, _Sweep(book, _draft_and_bill, _book_and_post))


Work = Callable[[AccountingSystem, Sequence[Entry]], Awaitable[None]]


@dataclass(frozen=True)
class _Sweep:
    """What is swept: a book, the entries of a round, what happens to them before."""

    book: FreshBook
    make: Callable[[FreshBook], Sequence[Entry]]
    prepare: Work | None = None


async def _sweep(
    work: Work, prove: Callable[[Sequence[Entry]], Awaitable[None]], over: _Sweep
) -> None:
    """Do a work on new entries again and again, killed at another effect each time."""
    killer = Killer(over.book.reads)
    while len(killer.done) < MOST_POINTS:
        made = over.make(over.book)
        if over.prepare is not None:
            async with job(over.book) as books:
                await over.prepare(books, made)
        points = len(killer.done)
        while await _is_killed(over.book, work, made, killer):
            pass
        await prove(made)
        if len(killer.done) == points:
            assert points, "no effect is announced: the adapter changes things outside effect()"
            return
    pytest.fail(f"more than {MOST_POINTS} effects: {sorted(killer.done)[:5]} and so on")


async def _is_killed(book: FreshBook, work: Work, made: Sequence[Entry], killer: Killer) -> bool:
    killer.begin()
    try:
        with observe(killer):
            async with job(book) as books:
                await work(books, made)
    except BaseException:
        # A group of errors, or another one while it was dying, is its end all the same.
        if not killer.struck:
            raise
    return killer.struck is not None


def _three_parts(book: FreshBook) -> list[Entry]:
    """Make an entry with a receipt, a bill and its payment, all final."""
    return [
        entry(book, final=True, documents=(document(book),)),
        entry(book, part=Part.BILL, final=True),
        entry(book, part=Part.PAYMENT, final=True),
    ]


def _draft_and_bill(book: FreshBook) -> list[Entry]:
    """Make a draft, to be voided where the system can, and a bill to be reversed."""
    return [entry(book), entry(book, part=Part.BILL, final=True)]


async def _book_fully(books: AccountingSystem, entries: Sequence[Entry]) -> None:
    """Do what an export does: look up, record what is absent, read back, finish."""
    absent = [one for one in entries if not await live_of(books, one)]
    if absent:
        await book_all(books, *absent)
    found = [await only(books, one) for one in entries]
    if books.capabilities.attachments is not None:
        for one, there in zip(entries, found, strict=True):
            for receipt in one.documents:
                if receipt.sha256 not in there.receipts:
                    await books.attach(there.id, receipt)
    if drafts := drafts_of(found):
        await books.post(drafts)
    if not found[1].settled:
        await books.settle(found[2].id, found[1].id)


async def _book_and_post(books: AccountingSystem, entries: Sequence[Entry]) -> None:
    """Record entries; without void in the Capabilities, a draft could not be taken back."""
    await book_all(books, *entries)
    final = [one for one in entries if one.final or not books.capabilities.void]
    if drafts := drafts_of([await only(books, one) for one in final]):
        await books.post(drafts)


async def _take_back(books: AccountingSystem, made: Entry) -> None:
    for found in await live_of(books, made):
        if found.state is EntryState.DRAFT and books.capabilities.void:
            await books.void(found.id)
        elif books.capabilities.reverse:
            await books.reverse(found.id, made.date + timedelta(days=7))


def _may_go(books: AccountingSystem, made: Entry) -> bool:
    able = books.capabilities
    return able.reverse or (able.void and able.drafts and not made.final)


class Breaking:
    """A line that is cut, a system that is away, a door that stays shut."""

    @cites(AccountingSystem.record, Unknown, Refused, BooksNotReady)
    async def test_a_cut_line_is_told_as_it_is(self, book: FreshBook) -> None:
        """At each effect, before and after it: the answer says no more than what is known."""
        breaker = Breaker(book.reads, error=book.lost)
        book.lost()
        while len(breaker.done) < MOST_POINTS:
            made = [entry(book, number) for number in range(1, 4)]
            breaker.begin()
            answers = await _record_over(book, made, breaker)
            async with job(book) as books:
                for one, answer in zip(made, answers, strict=True):
                    _is_true(answer, len(await live_of(books, one)), breaker)
                absent = [one for one in made if not await live_of(books, one)]
                await book_all(books, *absent)
            await shown_once(book, *made)
            if breaker.struck is None:
                return
        pytest.fail(f"more than {MOST_POINTS} effects: {sorted(breaker.done)[:5]} and so on")

    @cites(AccountingSystem.ready, Problem, BooksNotReady)
    async def test_a_system_that_is_away_is_said(self, book: FreshBook) -> None:
        """A sentence, a fitting type, and that waiting may help."""
        made = entry(book)
        with book.away():
            problem = await obstacle(book.open())
        assert problem.passing
        assert problem.message
        assert problem.failure_type in {
            JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
            JobFailureType.ACCOUNTING_SYSTEM_TIMEOUT,
            JobFailureType.SERVICE_UNREACHABLE,
        }
        async with job(book) as books:
            await book_all(books, made)

    @cites(AccountingSystem.record, AccountingSystem.find, BooksNotReady)
    async def test_a_system_that_goes_away_in_the_middle(self, book: FreshBook) -> None:
        """Nothing is told as booked or absent meanwhile; the session goes on afterwards."""
        before, during = entry(book), entry(book)
        async with job(book) as books:
            await book_all(books, before)
            with book.away():
                with pytest.raises(BooksNotReady):
                    await live_of(books, before)
                answers = await _answers(books, [during])
                assert isinstance(answers[0], Unknown | BooksNotReady)
            assert await live_of(books, during) == []
            await only(books, before)
            await book_all(books, during)
        await shown_once(book, before, during)

    @cites(AccountingSystem.ready, Problem)
    async def test_wrong_credentials_are_said(self, book: FreshBook) -> None:
        """By their own failure type; waiting does not help, and nothing is shown."""
        problem = await obstacle(book.open_denied())
        assert problem.message
        assert not problem.passing
        assert problem.failure_type in {
            JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
            JobFailureType.AUTHORIZATION_FAILURE,
        }

    @cites(effects.effect, AccountingSystem)
    async def test_every_effect_goes_through_the_gate(self, book: FreshBook) -> None:
        """Files, processes and connections are opened inside effect() and nowhere else."""
        made = _three_parts(book)
        with around_the_gate() as escaped:
            async with job(book) as books:
                await _book_fully(books, made)
                with suppress(ItemFailure):
                    await books.note((await only(books, made[0])).id, "a remark")
                await _take_back(books, made[0])
                await books.check()
            async with book.open().reading() as reader:
                await reader.chart()
        assert escaped == []


async def _record_over(
    book: FreshBook, made: Sequence[Entry], breaker: Breaker
) -> Sequence[RecordResult | BooksNotReady]:
    async with job(book) as books:
        with observe(breaker):
            return await _answers(books, made)


async def _answers(
    books: AccountingSystem, made: Sequence[Entry]
) -> Sequence[RecordResult | BooksNotReady]:
    """Record batch by batch, and take a BooksNotReady as the answer to each of its entries."""
    size = books.capabilities.batch_size
    answers: list[RecordResult | BooksNotReady] = []
    for start in range(0, len(made), size):
        batch = made[start : start + size]
        try:
            answers += await books.record(batch)
        except BooksNotReady as error:
            answers += [error] * len(batch)
    return answers


def _is_true(answer: RecordResult | BooksNotReady, copies: int, breaker: Breaker) -> None:
    """Hold an answer against what the book shows."""
    allowed = {Booked: {1}, Refused: {0}, BooksNotReady: {0}, Unknown: {0, 1}}[type(answer)]
    told = f"{type(answer).__name__} was answered, but the book shows {copies}"
    assert copies in allowed, f"{told}; the line was cut {breaker.struck}"

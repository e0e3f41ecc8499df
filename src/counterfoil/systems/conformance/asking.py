"""How the kit asks and judges: jobs, look-ups, and failures that cite the contract."""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import wraps
from typing import ParamSpec

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.bookkeeping.money import minor_unit
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.contract import (
    AccountingSystem,
    Booked,
    BooksNotReady,
    Capabilities,
    EntryState,
    Found,
    Problem,
    RecordResult,
)

__all__ = [
    "all_of",
    "book_all",
    "cites",
    "differences",
    "job",
    "live_of",
    "needs",
    "obstacle",
    "only",
    "record",
    "shown_once",
]

P = ParamSpec("P")


def cites(
    *rules: object,
) -> Callable[[Callable[P, Awaitable[None]]], Callable[P, None]]:
    """Run a story in an event loop of its own; where it fails, cite what the contract says."""

    def decorate(story: Callable[P, Awaitable[None]]) -> Callable[P, None]:
        @wraps(story)
        def run(*arguments: P.args, **named: P.kwargs) -> None:
            async def told() -> None:
                await story(*arguments, **named)

            try:
                asyncio.run(told())
            except (Exception, pytest.fail.Exception) as error:
                error.add_note(_wanted(story, rules))
                raise

        return run

    return decorate


def _wanted(story: Callable[..., object], rules: Iterable[object]) -> str:
    cited = (
        f"The contract, {getattr(rule, '__qualname__', rule)}:\n    “{inspect.getdoc(rule)}”"
        for rule in rules
    )
    return "\n".join([f"\nWhat is wanted: {inspect.getdoc(story)}", *cited])


def needs(declared: object, capability: str) -> None:
    """Skip a test of something that the adapter does not declare."""
    if not declared:
        pytest.skip(f"the adapter's Capabilities do not declare {capability}")


@asynccontextmanager
async def job(book: FreshBook) -> AsyncIterator[AccountingSystem]:
    """Open the book as an export does: enter it, find it ready, read its chart."""
    async with book.open() as books:
        problems = await books.ready()
        assert not problems, f"a fresh book is not ready: {problems[0].message}"
        await books.chart()
        yield books


async def obstacle(books: AccountingSystem) -> Problem:
    """Return why a book cannot be worked with, however the adapter tells it."""
    try:
        async with books:
            problems = await books.ready()
    except BooksNotReady as error:
        return error.problem
    assert problems, "ready() tells no problem, and entering raised no BooksNotReady"
    return problems[0]


async def record(books: AccountingSystem, entries: Sequence[Entry]) -> list[RecordResult]:
    """Record entries as an export does: never more than a batch in one call."""
    size = books.capabilities.batch_size
    batches = [entries[start : start + size] for start in range(0, len(entries), size)]
    return [result for batch in batches for result in await books.record(batch)]


async def book_all(books: AccountingSystem, *entries: Entry) -> None:
    """Record entries, each of which the system has every reason to take."""
    results = await record(books, entries)
    assert results == [Booked(reference=entry.reference) for entry in entries]


async def all_of(books: AccountingSystem, entry: Entry) -> list[Found]:
    """Look up all records of an entry's part, every attempt."""
    (found,) = await _all_of_each(books, [entry])
    return found


async def _all_of_each(books: AccountingSystem, entries: Sequence[Entry]) -> list[list[Found]]:
    keys = [(entry.reference.entry_id, entry.reference.part) for entry in entries]
    answer = await books.find(keys)
    every = [list(answer.get(key, ())) for key in keys]
    for key, found in zip(keys, every, strict=True):
        others = [one for one in found if (one.reference.entry_id, one.reference.part) != key]
        assert others == [], f"find() tells records of other items under {key}"
    return every


async def live_of(books: AccountingSystem, entry: Entry) -> list[Found]:
    """Look up the records of an entry's part that count."""
    return [found for found in await all_of(books, entry) if found.state.live]


async def only(books: AccountingSystem, entry: Entry) -> Found:
    """Return the one record of an entry's reference, with the figures that were sent."""
    return _only(await all_of(books, entry), entry, books.capabilities)


def _only(every: Sequence[Found], entry: Entry, capabilities: Capabilities) -> Found:
    same = [one for one in every if one.reference == entry.reference]
    assert len(same) == 1, f"find() shows {len(same)} records of {entry.reference}, not one"
    wrong = differences(same[0], entry, capabilities)
    assert not wrong, "\n".join([f"find() shows of {entry.reference}:", *wrong])
    return same[0]


async def shown_once(book: FreshBook, *entries: Entry) -> list[Found]:
    """Return the one live record that a new job finds of each entry."""
    async with job(book) as books:
        every = await _all_of_each(books, entries)
        return [
            _one_live(each, entry, books.capabilities)
            for each, entry in zip(every, entries, strict=True)
        ]


def _one_live(every: Sequence[Found], entry: Entry, capabilities: Capabilities) -> Found:
    found = _only(every, entry, capabilities)
    live = [one for one in every if one.state.live]
    assert live == [found], f"{entry.reference} is not the one record that counts: {live}"
    return found


def differences(found: Found, entry: Entry, capabilities: Capabilities) -> list[str]:
    """Say where a record differs from what was sent, as the export would."""
    told = {
        "date": (found.date, entry.date),
        "currency": (found.currency, entry.currency),
        "fingerprint": (found.fingerprint, found.fingerprint and entry.fingerprint),
    }
    wrong = [f"{name} {is_!r}, not {sent!r}" for name, (is_, sent) in told.items() if is_ != sent]
    return [*wrong, *_figures(found, entry, capabilities)]


def _figures(found: Found, entry: Entry, capabilities: Capabilities) -> list[str]:
    taxed = sum(line.tax is not None for line in entry.lines) if capabilities.computes_tax else 0
    allowed = taxed * minor_unit(entry.currency)
    held = _by_account(found.lines)
    sent = _by_account((line.account, line.amount) for line in entry.lines)
    return [
        f"{held[account]} {found.currency} on {account}, not {sent[account]}"
        for account in sorted(held.keys() | sent.keys())
        if abs(held[account] - sent[account]) > allowed
    ]


def _by_account(lines: Iterable[tuple[str, Decimal]]) -> defaultdict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for account, amount in lines:
        sums[account] += amount
    return sums


def drafts_of(found: Sequence[Found]) -> list[str]:
    """Return the ids of those records that are drafts."""
    return [one.id for one in found if one.state is EntryState.DRAFT]

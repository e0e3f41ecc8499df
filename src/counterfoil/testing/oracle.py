"""The oracle: whether each expense is booked once, and whether Pleo was told the truth.

It reads only what a sandbox holds and what the books hold, and shares no rule with the engine that
it judges: it does not plan, parse or look anything up as an export does. Call it at any moment;
with ``ended=True`` also for whether everything came to its end::

    assert violations(world.state, memory_bookings(world.ledger), ended=True) == []

What people do by hand in the books it cannot know: tell it with ``People``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from counterfoil.testing.bookings import Booking, beancount_bookings, memory_bookings

if TYPE_CHECKING:
    from counterfoil.sandbox.model import AccountingEntry, Job, JobItem
    from counterfoil.sandbox.state import State

__all__ = [
    "Booking",
    "Expected",
    "People",
    "beancount_bookings",
    "memory_bookings",
    "violations",
]

FINAL_EVENTS = ("completed", "completed_with_errors", "failed")
REPORTED = ("successful", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What people did by hand since Pleo was told, by accounting entry id."""

    removed: Collection[str] = ()
    """Their records were deleted, voided or reversed in the books."""
    changed: Collection[str] = ()
    """Their figures were changed in the books, or kept as they are although Pleo's changed."""
    vouched: Collection[str] = ()
    """A person said that they are booked under another reference, or not at all."""
    taken_over: Collection[str] = ()
    """Ids of jobs that another integration started and a person took over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What else must be true of whatever Pleo has as successful."""

    parts: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By accounting entry id: the parts that must be live, no more and no fewer."""
    receipts: bool = False
    """All documents of the expense lie with its records."""
    final: bool = False
    """Its records are posted."""


NOBODY = People()
NOTHING_ELSE = Expected()


def violations(
    state: State,
    bookings: Iterable[Booking],
    *,
    people: People = NOBODY,
    expected: Expected = NOTHING_ELSE,
    ended: bool = False,
) -> list[str]:
    """Return what is wrong between the books and what Pleo was told, a sentence each.

    ``ended``: everything exported should have come to its end, so that no job is open, no item
    without outcome, and nothing booked that Pleo does not know.
    """
    every = list(bookings)
    live = _by_entry(booking for booking in every if booking.live)
    stories = _stories(state)
    return [
        *_unbalanced(every),
        *_doubles(live),
        *_strangers(live, stories),
        *(
            sentence
            for story in stories.values()
            for sentence in _judge(story, live.get(story.id, []), people, expected, ended=ended)
        ),
        *_totals(stories.values(), live, people),
        *_events(state, people),
        *(_open_jobs(state) if ended else ()),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """An expense, and the last job that had it."""

    entry: AccountingEntry
    job: Job | None
    item: JobItem | None

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def successful(self) -> bool:
        return self.item is not None and self.item.status == "successful"

    @property
    def unchanged(self) -> bool:
        """Whether the expense is still the one that was reported: an edit queues it again."""
        return self.entry.exported or self.entry.job_id is not None

    @property
    def money(self) -> tuple[Decimal, str]:
        """The amount that the wallet paid, in major units, without its sign."""
        amount = self.entry.item["amount"]["inWalletCurrency"]
        return abs(Decimal(amount["value"])) / 100, str(amount["currency"])


def _stories(state: State) -> dict[str, _Story]:
    last = {entry_id: job for job in state.jobs.values() for entry_id in job.items}
    return {
        entry.id: _Story(
            entry=entry,
            job=last.get(entry.id),
            item=last[entry.id].items[entry.id] if entry.id in last else None,
        )
        for company in state.companies.values()
        for entry in company.entries.values()
    }


def _by_entry(bookings: Iterable[Booking]) -> dict[str, list[Booking]]:
    found: dict[str, list[Booking]] = {}
    for booking in bookings:
        found.setdefault(booking.entry_id, []).append(booking)
    return found


def _unbalanced(bookings: Iterable[Booking]) -> Iterator[str]:
    for booking in bookings:
        for currency, rest in booking.per_currency().items():
            if rest:
                yield f"{booking.id} does not balance: {rest} {currency} are left over."


def _doubles(live: Mapping[str, Sequence[Booking]]) -> Iterator[str]:
    """One live booking per entry, part and attempt; one live attempt; one way to book it."""
    for entry_id, bookings in live.items():
        for reference, count in Counter(booking.reference for booking in bookings).items():
            if count > 1:
                yield f"{reference} is booked {count} times."
        attempts: dict[str, set[int]] = {}
        for booking in bookings:
            attempts.setdefault(booking.part, set()).add(booking.attempt)
        for part, numbers in attempts.items():
            if len(numbers) > 1:
                yield f"{entry_id}/{part} is live in attempts {sorted(numbers)} at once."
        firsts = sorted(set(attempts) - {"payment"})
        if len(firsts) > 1:
            yield f"{entry_id} is booked as {' and as '.join(firsts)} at once."


def _strangers(
    live: Mapping[str, Sequence[Booking]], stories: Mapping[str, _Story]
) -> Iterator[str]:
    for entry_id in live.keys() - stories.keys():
        yield f"{entry_id} is booked, and Pleo never had such an expense."


def _judge(
    story: _Story,
    live: Sequence[Booking],
    people: People,
    expected: Expected,
    *,
    ended: bool,
) -> Iterator[str]:
    if story.item is None or story.id in people.vouched:
        return
    if story.successful:
        if story.id not in people.removed:
            yield from _judge_success(story, story.item, live, people, expected)
    elif story.item.status == "failed":
        yield from _judge_failure(story, story.item, live)
    elif ended:
        yield f"{story.id} has no outcome: Pleo has it as {story.item.status}."


def _judge_success(
    story: _Story,
    item: JobItem,
    live: Sequence[Booking],
    people: People,
    expected: Expected,
) -> Iterator[str]:
    told = next((booking for booking in live if booking.id == item.external_id), None)
    if told is None:
        there = ", ".join(booking.id for booking in live) or "nothing"
        yield f"Pleo has {story.id} as booked under {item.external_id}; live is {there}."
    elif story.unchanged and story.id not in people.changed and not _moves(told, *story.money):
        amount, currency = story.money
        yield f"Pleo has {story.id} as {amount} {currency}; {told.id} moves no such amount."
    yield from _judge_parts(story, live, expected)


def _judge_parts(story: _Story, live: Sequence[Booking], expected: Expected) -> Iterator[str]:
    parts = {booking.part for booking in live}
    if parts != set(expected.parts.get(story.id, parts)):
        wanted = ", ".join(sorted(expected.parts[story.id]))
        yield f"{story.id} is successful with {', '.join(sorted(parts))}; it needs {wanted}."
    filed = {sha256 for booking in live for sha256 in booking.receipts}
    if expected.receipts and (missing := _documents(story) - filed):
        yield f"{story.id} is successful without {len(missing)} of its receipts."
    for booking in live:
        if expected.final and booking.state != "posted":
            yield f"{story.id} is successful, and {booking.id} is a {booking.state}."


def _documents(story: _Story) -> set[str]:
    return {hashlib.sha256(receipt.data).hexdigest() for receipt in story.entry.receipts}


def _moves(booking: Booking, amount: Decimal, currency: str) -> bool:
    """Whether one account moves by what was paid; the rest follows, as the entry balances."""
    moves = booking.per_account().items()
    return any(unit == currency and abs(moved) == amount for (_, unit), moved in moves)


def _judge_failure(story: _Story, item: JobItem, live: Sequence[Booking]) -> Iterator[str]:
    """Ask of a failure of something booked that it names the booking: nobody may book it again."""
    reason = item.failure_reason or ""
    if live and not any(f"{story.id}/{booking.part}" in reason for booking in live):
        there = ", ".join(booking.id for booking in live)
        yield f"Pleo has {story.id} as failed without a word of {there}: {reason!r}"


def _totals(
    stories: Iterable[_Story], live: Mapping[str, Sequence[Booking]], people: People
) -> Iterator[str]:
    """Compare what Pleo has as exported with what the books hold of it, per currency."""
    told: dict[str, Decimal] = {}
    booked: dict[str, Decimal] = {}
    apart = {*people.removed, *people.changed, *people.vouched}
    for story in stories:
        if story.successful and story.unchanged and story.id not in apart:
            amount, currency = story.money
            told[currency] = told.get(currency, Decimal(0)) + amount
            for booking in _firsts(live.get(story.id, ())):
                for unit, moved in _moved(booking, amount, currency).items():
                    booked[unit] = booked.get(unit, Decimal(0)) + moved
    for currency in sorted(told.keys() | booked.keys()):
        ours, theirs = booked.get(currency, Decimal(0)), told.get(currency, Decimal(0))
        if ours != theirs:
            yield f"Pleo has {theirs} {currency} as exported; the books hold {ours} {currency}."


def _firsts(live: Sequence[Booking]) -> Sequence[Booking]:
    """Leave the payments of bills out: the bill has the amount already."""
    return [booking for booking in live if booking.part != "payment"] or live


def _moved(booking: Booking, amount: Decimal, currency: str) -> dict[str, Decimal]:
    """Return what a record moves: this amount where one account does, else its largest move."""
    largest: dict[str, Decimal] = {}
    for (_, unit), moved in booking.per_account().items():
        largest[unit] = max(abs(moved), largest.get(unit, Decimal(0)))
    return largest | ({currency: amount} if _moves(booking, amount, currency) else {})


def _events(state: State, people: People) -> Iterator[str]:
    """Ask that the first and the final event were accepted once a job, and of our jobs alone."""
    for job in state.jobs.values():
        started = state.count("event", "started", job.id)
        final = sum(state.count("event", event, job.id) for event in FINAL_EVENTS)
        if started > 1:
            yield f"Job {job.id} was started {started} times."
        if final > 1:
            yield f"Job {job.id} was finished {final} times."
        if final > started and job.id not in people.taken_over:
            yield f"Job {job.id} was finished by somebody who had not started it."


def _open_jobs(state: State) -> Iterator[str]:
    for job in state.jobs.values():
        if job.open:
            yield f"Job {job.id} is still {job.status}."

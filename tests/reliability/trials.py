"""Single faults, each told as a story whose end the oracle judges.

A trial returns what is wrong at its end. The right engine passes all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.effects import Effect, observe
from counterfoil.errors import CounterfoilError, JobFailureType, RefusedByBooks
from counterfoil.sandbox import lifecycle
from counterfoil.sandbox.faults import Kind
from counterfoil.systems.contract import (
    EntryState,
    Found,
    PartKey,
    Problem,
    RecordResult,
    Refused,
    Uniqueness,
)
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import ALL_CAPABLE, Fate, MemoryBooks
from tests.reliability.desk import CODES, Desk, OpenLedger
from tests.reliability.stories import four_expenses
from tests.reliability.sweep import quietly

__all__ = ["TRIALS", "Trial", "outcome_of"]

Trial: TypeAlias = "Callable[[], Awaitable[list[str]]]"

AWAY = Problem(
    message="the books do not answer",
    failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
)


class Killed(BaseException):
    """The process is dead: no handler of errors sees this."""


@dataclass
class Killer:
    """Kills the process after an effect."""

    name: str

    def before(self, effect: Effect) -> None:
        """Let it happen."""

    def after(self, effect: Effect) -> None:
        if effect.name == self.name:
            raise Killed


async def told() -> tuple[Desk, list[str]]:
    """Begin with four expenses in a job."""
    desk = Desk()
    return desk, await four_expenses(desk)


def not_booked(desk: Desk) -> Iterator[str]:
    """Say which expenses Pleo does not have as booked."""
    for entry in desk.company.entries.values():
        if not entry.exported:
            yield f"{entry.id} is not booked."


async def until_quiet(desk: Desk) -> list[str]:
    """Run, and run again where Pleo's trouble stopped it; everything must be booked then."""
    with suppress(CounterfoilError):
        await desk.run()
    await desk.run()
    return [*desk.judge(ended=True), *not_booked(desk)]


async def killed(desk: Desk, effect: str) -> None:
    """Run until the process dies after an effect."""
    with suppress(Killed), observe(Killer(effect)):
        await desk.run()
    desk.ledger.process_died()


async def reply_to_started_lost() -> list[str]:
    desk, _ = await told()
    desk.fault(Kind.DROP_AFTER, "post_event")
    return await until_quiet(desk)


async def reply_to_started_lost_and_killed() -> list[str]:
    desk, _ = await told()
    desk.fault(Kind.DROP_AFTER, "post_event")
    await killed(desk, "pleo.get_job")
    return await until_quiet(desk)


async def reply_to_final_event_lost() -> list[str]:
    desk, _ = await told()
    desk.fault(Kind.DROP_AFTER, "post_event", skip=1)
    return await until_quiet(desk)


async def reply_to_outcomes_lost() -> list[str]:
    desk, _ = await told()
    desk.fault(Kind.ERROR_AFTER, "update_items")
    return await until_quiet(desk)


async def some_outcomes_refused() -> list[str]:
    desk, _ = await told()
    desk.fault(Kind.PARTIAL, "update_items")
    return await until_quiet(desk)


async def outcome_refused_to_the_last() -> list[str]:
    """Close the job with what Pleo took; the rest comes back and is adopted."""
    desk, _ = await told()
    desk.fault(Kind.PARTIAL, "update_items", times=1000)
    await desk.run()
    desk.state.faults.clear()
    desk.queue()
    return await until_quiet(desk)


async def small_pages() -> list[str]:
    desk, _ = await told()
    desk.state.max_page_size = 1
    return await until_quiet(desk)


async def repeated_pages() -> list[str]:
    desk, _ = await told()
    desk.state.max_page_size = 2
    desk.fault(Kind.REPEAT_PAGE, "*", times=2)
    return await until_quiet(desk)


async def torn_page() -> list[str]:
    desk, _ = await told()
    desk.state.max_page_size = 2
    desk.fault(Kind.TORN, "list_export_items", skip=1, times=3)
    return await until_quiet(desk)


async def anothers_job() -> list[str]:
    """Leave alone what another integration has started."""
    desk, _ = await told()
    (job,) = desk.state.jobs.values()
    lifecycle.start(desk.state, job)
    await desk.run()
    touched = ["Another's job was worked on."] if desk.ledger.records else []
    desk.state.expire(job.id)
    desk.queue()
    return [*touched, *await until_quiet(desk)]


async def claimed_just_before() -> list[str]:
    """Leave alone what another integration starts just before us."""
    desk, _ = await told()
    desk.fault(Kind.CLAIM_FIRST, "post_event")
    await desk.run()
    touched = ["Another's job was worked on."] if desk.ledger.records else []
    (job,) = desk.state.jobs
    desk.state.expire(job)
    desk.queue()
    return [*touched, *await until_quiet(desk)]


async def register_deleted() -> list[str]:
    """Export what is booked once more, without a register."""
    desk, entries = await told()
    await desk.run()
    desk.lose_register()
    desk.queue(*entries)
    return await until_quiet(desk)


async def removed_by_hand() -> list[str]:
    """Book anew what people deleted, voided or reversed, and only that."""
    desk, entries = await told()
    await desk.run()
    for entry, state in zip(entries, (None, EntryState.VOIDED, EntryState.REVERSED), strict=False):
        (record,) = desk.ledger.of(entry)
        if state is None:
            desk.ledger.delete(record.id)
        else:
            desk.ledger.change(record.id, state=state)
    desk.queue(*entries)
    return await until_quiet(desk)


async def reply_of_books_lost() -> list[str]:
    desk, entries = await told()
    desk.ledger.lose_reply(entries[0], Fate.BOOKED)
    return await until_quiet(desk)


async def request_to_books_lost() -> list[str]:
    desk, entries = await told()
    desk.ledger.lose_reply(entries[0], Fate.NOT_BOOKED)
    return await until_quiet(desk)


async def request_lands_late() -> list[str]:
    """Call uncertain what may yet land, and adopt it once it has."""
    able = replace(ALL_CAPABLE, uniqueness=Uniqueness.PROBE_ONLY, settle_seconds=60)
    desk = Desk(OpenLedger(chart_of(*CODES), able), posting=PostingMode.DRAFT)
    entries = await four_expenses(desk)
    desk.ledger.lose_reply(entries[0], Fate.BOOKED_LATE)
    await desk.run()
    wrong = desk.judge(ended=True)
    desk.ledger.deliver()
    wrong += desk.judge(ended=True)
    desk.queue(entries[0])
    return [*wrong, *await until_quiet(desk)]


async def books_slower_than_the_job() -> list[str]:
    """Write nothing more when the job is about to end at Pleo."""
    able = replace(ALL_CAPABLE, batch_size=1)
    desk = Desk(OpenLedger(chart_of(*CODES), able, write_seconds=1700))
    entries = await four_expenses(desk)
    await desk.run()
    late = desk.state.count("expired")
    wrong = [*desk.judge(ended=True), *["The job ran out while we were writing."][:late]]
    for _ in entries:
        if desk.company.queued():
            desk.queue()
            await desk.run()
    return [*wrong, *await until_quiet(desk)]


class Overtaken(MemoryBooks):
    """Books that are slow to answer a look-up: meanwhile another worker does all the work."""

    def __init__(self, ledger: OpenLedger, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(ledger)
        self._meanwhile = meanwhile

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        found = await super().find(keys)
        await self._meanwhile()
        return found


async def two_workers() -> list[str]:
    """Lose the lock to another worker without knowing, between look-up and write."""
    able = replace(ALL_CAPABLE, uniqueness=Uniqueness.PROBE_ONLY)
    desk = Desk(OpenLedger(chart_of(*CODES), able))
    await four_expenses(desk)
    usual = desk.books

    async def work() -> None:
        desk.books = usual
        await desk.run()

    first = [Overtaken(desk.ledger, work)]
    desk.books = lambda: first.pop() if first else usual()
    return await until_quiet(desk)


@dataclass
class Picky(OpenLedger):
    """Books that refuse payments for now."""

    refusing: bool = True

    def receive(self, entry: Entry) -> RecordResult:
        if self.refusing and entry.reference.part is Part.PAYMENT:
            return Refused(reference=entry.reference, failure=RefusedByBooks("no payments today"))
        return super().receive(entry)


async def half_refused() -> list[str]:
    """Tell of the bill when its payment is refused, and add only the payment next time."""
    ledger = Picky(chart_of(*CODES), ALL_CAPABLE)
    desk = Desk(ledger)
    await four_expenses(desk)
    desk.settles = False
    await desk.run()
    wrong = desk.judge(ended=True)
    ledger.refusing = False
    desk.settles = True
    desk.queue()
    return [*wrong, *await until_quiet(desk)]


async def books_away_after_a_kill() -> list[str]:
    """Call uncertain what was being written when the books went away with us, and only that."""
    desk = Desk(OpenLedger(chart_of(*CODES), replace(ALL_CAPABLE, batch_size=1)))
    await four_expenses(desk)
    await killed(desk, "memory.record")
    for _ in range(10):
        desk.ledger.interrupt("find", AWAY)
    await desk.run()
    wrong = desk.judge(ended=True)
    uncertain = [
        item.id
        for job in desk.state.jobs.values()
        for item in job.items.values()
        if "not certain" in (item.failure_reason or "")
    ]
    if uncertain != [record.reference.entry_id for record in desk.ledger.records]:
        wrong.append(f"{uncertain} are called uncertain, and only one was sent.")
    desk.ledger.mend()
    desk.queue()
    return [*wrong, *await until_quiet(desk)]


async def outcome_of(trial: Trial) -> list[str]:
    """Return what is wrong at a trial's end; whatever stops it is wrong, too."""
    with quietly():
        try:
            return await trial()
        except Exception as error:  # noqa: BLE001 -- whatever stops a run is a finding
            return [f"it stopped with {type(error).__name__}: {error}"]


TRIALS: tuple[Trial, ...] = (
    reply_to_started_lost,
    reply_to_started_lost_and_killed,
    reply_to_final_event_lost,
    reply_to_outcomes_lost,
    some_outcomes_refused,
    outcome_refused_to_the_last,
    small_pages,
    repeated_pages,
    torn_page,
    anothers_job,
    claimed_just_before,
    register_deleted,
    removed_by_hand,
    reply_of_books_lost,
    request_to_books_lost,
    request_lands_late,
    books_slower_than_the_job,
    two_workers,
    half_refused,
    books_away_after_a_kill,
)

"""Turns that an export seldom takes, and where money would be lost if it took them wrongly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Unpack
from zoneinfo import ZoneInfo

import pytest

from counterfoil.bookkeeping.chart import Chart, ChartAccount
from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.effects import Effect, observe
from counterfoil.errors import ItemFailure, ReceiptUploadFailure
from counterfoil.export.claim import claim
from counterfoil.export.close import Verdict, close
from counterfoil.export.policies import OnChange, ReceiptPolicy
from counterfoil.export.ports import Clock
from counterfoil.export.preview import Preview, preview
from counterfoil.export.undo import take_back
from counterfoil.export.work import ItemWork
from counterfoil.pleo.errors import PleoBadRequest, PleoForbidden
from counterfoil.register import KeptItem
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.model import JobItem, Receipt
from counterfoil.systems.contract import Problem, RecordResult, Uniqueness
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import Changes, Fate, MemoryLedger, MemoryRecord
from counterfoil.testing.world import World

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
CLOSED = Problem(message="The books are closed.")


@dataclass
class OddLedger(MemoryLedger):
    """Books that do what few do."""

    refuses_calls: dict[str, ItemFailure] = field(default_factory=dict)
    """Calls of the contract that are refused, with why."""
    surcharge: Decimal = Decimal(0)
    """What the books add to the first line of what they are given, and take from the last."""
    converts_to: str | None = None
    """The currency that the books write down in place of the one they are given."""
    late: bool = False
    """Whether late requests come in just before the next one."""
    lands_at: datetime | None = None
    """When late requests come in by themselves."""
    keeps: bool = False
    """Whether a record stays as it is though it was said to be taken back."""

    def called(self, call: str, about: Sequence[str] = ()) -> None:
        if self.lands_at is not None and self.clock() >= self.lands_at:
            self.deliver()
        super().called(call, about)
        if call in self.refuses_calls:
            raise self.refuses_calls[call]

    def receive(self, entry: Entry) -> RecordResult:
        if self.late:
            self.deliver()
        return super().receive(entry)

    def book(self, entry: Entry) -> MemoryRecord | None:
        record = super().book(replace(entry, currency=self.converts_to or entry.currency))
        if record is not None and self.surcharge:
            (first, debit), *middle, (last, credit) = record.lines
            lines = ((first, debit + self.surcharge), *middle, (last, credit - self.surcharge))
            self.change(record.id, lines=lines)
        return record

    def change(self, id: str, **changes: Unpack[Changes]) -> None:
        if not (self.keeps and "state" in changes):
            super().change(id, **changes)


@pytest.fixture
def ledger() -> OddLedger:
    """Set up odd books."""
    return OddLedger(chart_of("1800", "2900", "1899", "2000", "6100", "6300"))


@pytest.fixture
async def odd(ledger: OddLedger) -> AsyncIterator[World]:
    """Start a world on odd books."""
    async with World(ledger) as world:
        yield world


@dataclass(frozen=True)
class Ahead:
    """A clock that is ahead of Pleo's."""

    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.by

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


async def test_a_claim_on_record_outlives_a_key_that_is_refused(world: World) -> None:
    """The first ``started`` may have arrived, so the job is not forgotten."""
    job, key = world.queue(world.company.add_item()), world.company.api_key
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, register.connections.raise_fence(world.company.id))
        world.fault(Kind.DROP_BEFORE, "post_event", times=1)
        assert await claim(export, job) is None
        world.state.add_key(world.company.id, scopes=["export-jobs:read"], secret=key)
        with pytest.raises(PleoForbidden):
            await claim(export, job)
        assert register.jobs.get(job) is not None
    world.state.add_key(world.company.id, secret=key)
    await world.drain()
    assert world.status(job) == "completed"


async def test_a_job_started_long_before_we_tried_is_not_taken_for_ours(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.fault(Kind.DROP_AFTER, "post_event", times=1)
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, register.connections.raise_fence(world.company.id))
        ahead = replace(export, clock=Ahead(world.clock, timedelta(minutes=5)))
        assert await claim(ahead, job) is None
        assert register.jobs.get(job) is None


async def test_payloads_without_a_job_item_are_passed_over(world: World) -> None:
    entry, stranger = world.company.add_item(), world.company.build()
    job = world.queue(entry)
    world.state.job(job).strays.append(stranger)
    await world.drain()
    assert world.status(job) == "completed"
    assert world.ledger.copies(entry) == 1
    assert world.ledger.copies(stranger["accountingEntryId"]) == 0


async def test_payloads_of_strangers_alone_book_nothing(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue(entry)
    del world.company.entries[entry]
    world.state.job(job).strays.append(world.company.build())
    await world.drain()
    assert world.item(job, entry).failure_reason_type == "unexpected_failure"
    assert world.ledger.records == []


class Torn(frozenset[str]):
    """What cannot be read."""

    def __contains__(self, item: object) -> bool:
        raise RuntimeError("torn")


async def test_an_item_that_breaks_the_planning_fails_alone(world: World) -> None:
    """As a mistake of our own would; the others are booked."""
    accounts = dict(world.ledger.chart.accounts)
    torn = ChartAccount(id="account-6300", code="6300", currencies=Torn({"GBP"}))
    world.ledger.chart = Chart(accounts=accounts | {torn.id: torn})
    broken, whole = world.company.add_item(account="6300"), world.company.add_item()
    job = world.queue()
    await world.drain()
    assert world.item(job, broken).failure_reason_type == "unexpected_failure"
    assert "please report it" in world.item(job, broken).failure_reason
    assert world.item(job, whole).status == "successful"


async def test_a_late_request_that_bars_its_own_repetition_counts_as_booked(
    odd: World, ledger: OddLedger
) -> None:
    """The first request lands after it was looked for, so the second is refused as a double."""
    able = ledger.capabilities
    ledger.capabilities = replace(able, uniqueness=Uniqueness.UNIQUE_REFERENCE)
    ledger.late = True
    entry = odd.company.add_item()
    ledger.lose_reply(entry, Fate.BOOKED_LATE)
    job = odd.queue()
    await odd.drain()
    assert odd.item(job, entry).status == "successful"
    assert ledger.copies(entry) == 1


async def test_books_that_go_away_before_a_repetition_leave_it_uncertain(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue()
    world.ledger.lose_reply(entry, Fate.BOOKED_LATE)
    world.ledger.interrupt("record", CLOSED, after=1)
    world.ledger.interrupt("record", CLOSED)
    await world.drain()
    assert "It is not certain that this was booked" in world.item(job, entry).failure_reason
    world.ledger.deliver()
    await world.export(entry)
    assert world.ledger.copies(entry) == 1


async def test_an_intent_without_an_outcome_is_given_time_to_land(
    odd: World, ledger: OddLedger
) -> None:
    """A run died right after its request: absence proves nothing until that is over."""
    able = ledger.capabilities
    ledger.capabilities = replace(able, uniqueness=Uniqueness.PROBE_ONLY, settle_seconds=30)
    entry = odd.company.add_item()
    ledger.lose_reply(entry, Fate.BOOKED_LATE)
    with observe(Meanwhile("memory.record", die, afterwards=True)), pytest.raises(Killed):
        await odd.export()
    ledger.lands_at = odd.clock.now() + timedelta(seconds=20)
    (result,), _ = await odd.drain()
    assert result.outcome == "completed"
    assert ledger.copies(entry) == 1


async def test_outcomes_that_a_killed_run_kept_are_reported_by_the_next(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue()
    with observe(Meanwhile("pleo.put_items", die)), pytest.raises(Killed):
        await world.drain()
    await world.drain()
    assert world.item(job, entry).status == "successful"
    assert world.ledger.copies(entry) == 1


@pytest.mark.parametrize(("times", "outcome"), [(1, "completed"), (9, "completed_with_errors")])
async def test_items_that_pleo_lists_only_later_are_booked_too(
    world: World, times: int, outcome: str
) -> None:
    """Up to a number of times; after that they are named when the job closes."""
    world.company.add_item()
    job = world.queue()

    def list_another() -> None:
        entry = world.company.add_item()
        world.state.job(job).items[entry] = JobItem(entry)

    with observe(Meanwhile("pleo.put_items", list_another, times)):
        (result,), _ = await world.drain()
    assert (result.outcome, world.status(job)) == (outcome, outcome)
    booked = sum(world.ledger.copies(entry) for entry in world.company.entries)
    assert booked == min(len(world.company.entries), 3)


async def test_a_booked_item_that_cannot_be_read_any_more_waits_for_a_person(
    world: World,
) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    world.state.edit_item(entry, {"accountingEntryLines": "none"})
    job = world.queue(entry)
    await world.drain()
    reason = world.item(job, entry).failure_reason
    assert reason.startswith(f"Already booked as {record.id} on ")
    assert "it cannot be read any more" in reason


async def test_other_figures_in_the_books_than_were_sent_are_told(
    odd: World, ledger: OddLedger
) -> None:
    ledger.surcharge = Decimal("0.01")
    entry = odd.company.add_item(value=1200)
    job = odd.queue()
    await odd.drain()
    item = odd.item(job, entry)
    assert item.failure_reason_type == "accounting_system_validation_failure"
    assert "the books hold 12.01 GBP where 12.00 GBP was sent" in item.failure_reason


async def test_a_late_request_of_an_item_that_changed_since_waits_for_a_person(
    odd: World, ledger: OddLedger
) -> None:
    """What lands is the item as it was, and bars the item as it is."""
    able = ledger.capabilities
    ledger.capabilities = replace(able, uniqueness=Uniqueness.UNIQUE_REFERENCE)
    entry = odd.company.add_item(account="6100")
    ledger.lose_reply(entry, Fate.BOOKED_LATE, Fate.NOT_BOOKED, Fate.NOT_BOOKED)
    await odd.export()
    ledger.late = True
    lines = odd.company.build(account="6300")["accountingEntryLines"]
    odd.state.edit_item(entry, {"accountingEntryLines": lines})
    job = odd.queue(entry)
    await odd.drain()
    assert "as the item was before it changed in Pleo" in odd.item(job, entry).failure_reason
    assert ledger.copies(entry) == 1


async def test_a_booked_item_that_cannot_be_looked_up_is_not_called_unbooked(
    world: World,
) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    world.ledger.interrupt("find", CLOSED)
    job = world.queue(entry)
    await world.drain()
    reason = world.item(job, entry).failure_reason
    assert f"By our register it is booked as {record.id}" in reason
    assert "Nothing was booked" not in reason


async def test_a_day_that_another_time_zone_moves_waits_for_a_person(world: World) -> None:
    """Nothing changed in Pleo, yet the entry would be another one today."""
    entry = world.company.add_item(date=datetime(2026, 3, 5, 23, 30, tzinfo=UTC))
    await world.export()
    world.settings = replace(world.settings, zone=ZoneInfo("Europe/Copenhagen"))
    job = world.queue(entry)
    await world.drain()
    assert "its figures are not those that were booked" in world.item(job, entry).failure_reason
    assert world.ledger.copies(entry) == 1


async def test_what_was_taken_back_is_not_taken_back_again(world: World) -> None:
    entry = world.company.add_item()
    await world.export()
    books, chart = world.books(), world.ledger.chart
    (found,) = (await books.find([(entry, Part.ENTRY)]))[entry, Part.ENTRY]
    await take_back(books, found, chart, world.settings)
    await take_back(books, found, chart, world.settings)
    assert [call for call, _ in world.ledger.calls if call in {"void", "reverse"}] == ["void"]


async def test_another_currency_in_the_books_than_was_sent_is_told(
    odd: World, ledger: OddLedger
) -> None:
    ledger.converts_to = "EUR"
    entry = odd.company.add_item(currency="GBP")
    job = odd.queue()
    await odd.drain()
    assert "the books hold EUR where GBP was sent" in odd.item(job, entry).failure_reason


@pytest.mark.parametrize("policy", list(ReceiptPolicy))
async def test_a_receipt_that_the_books_refuse_is_told_unless_it_may_be_missing(
    odd: World, ledger: OddLedger, policy: ReceiptPolicy
) -> None:
    ledger.receipts_with_entry = False
    ledger.refuses_calls["attach"] = ReceiptUploadFailure("no PDF today")
    odd.receipt_policy = policy
    entry = odd.company.add_item(receipts=[Receipt(PDF, "application/pdf")])
    job = odd.queue()
    await odd.drain()
    item = odd.item(job, entry)
    told = (item.status, item.failure_reason_type)
    required = policy is ReceiptPolicy.REQUIRE
    assert told == (("failed", "receipt_upload_failure") if required else ("successful", None))
    assert ledger.copies(entry) == 1


async def test_a_record_that_stays_though_it_was_taken_back_is_not_booked_anew(
    odd: World, ledger: OddLedger
) -> None:
    odd.on_change = OnChange.AMEND
    entry = odd.company.add_item(account="6100")
    await odd.export()
    ledger.keeps = True
    lines = odd.company.build(account="6300")["accountingEntryLines"]
    odd.state.edit_item(entry, {"accountingEntryLines": lines})
    job = odd.queue(entry)
    await odd.drain()
    assert "is still there; take it out in the books" in odd.item(job, entry).failure_reason
    assert ledger.copies(entry) == 1


async def test_several_dead_urls_are_replaced_by_reading_the_data_once(world: World) -> None:
    entries = [world.company.add_item(receipts=[Receipt(PDF, "application/pdf")]) for _ in range(9)]
    world.queue()
    world.fault(Kind.URL_EXPIRED, "get_receipt", times=4)
    await world.drain()
    assert all(len(world.ledger.of(entry)[0].receipts) == 1 for entry in entries)


@dataclass
class Meanwhile:
    """Lets something happen before an effect of a name, or after it, so many times."""

    name: str
    happens: Callable[[], None]
    times: int = 1
    afterwards: bool = False

    def before(self, effect: Effect) -> None:
        self._see(effect, afterwards=False)

    def after(self, effect: Effect) -> None:
        self._see(effect, afterwards=True)

    def _see(self, effect: Effect, *, afterwards: bool) -> None:
        if effect.name == self.name and self.afterwards is afterwards and self.times:
            self.times -= 1
            self.happens()


class Killed(BaseException):
    """The process dies."""


def die() -> None:
    raise Killed


async def test_fresh_data_that_cannot_be_read_leaves_an_item_as_it_was(world: World) -> None:
    entry = world.company.add_item(receipts=[Receipt(PDF, "application/pdf")])
    job = world.queue()
    world.fault(Kind.URL_EXPIRED, "get_receipt")
    spoil = partial(world.state.entry(entry).change, {"accountingEntryLines": "none"})
    with observe(Meanwhile("receipts.download", spoil)):
        await world.drain()
    assert world.item(job, entry).failure_reason_type == "receipt_download_failure"
    assert world.ledger.copies(entry) == 0


async def test_a_final_event_that_pleo_cannot_read_is_an_error(world: World) -> None:
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, fence=1)
        with pytest.raises(PleoBadRequest):
            await close(export, "no-uuid", Verdict("completed"))


def test_what_the_books_do_not_show_is_not_called_booked() -> None:
    """Nothing failed and nothing is there: no such item is ever reported as successful."""
    kept = KeptItem(
        job_id="job",
        entry_id="entry",
        pleo_status="pending",
        sort_key="",
        payload=None,
        outcome=None,
        reported=False,
    )
    outcome = ItemWork(kept).outcome()
    assert (outcome.status, outcome.failure_type) == ("failed", "unexpected_failure")


async def test_a_preview_says_what_changed_since_an_item_was_booked(world: World) -> None:
    entry = world.company.add_item(account="6100")
    await world.export()
    changed = world.company.build(account="6300", id=entry)
    shown = await previewed(world, changed)
    assert shown.entries == ()
    assert "account 6100 became 6300" in shown.failures[0].failure_reason


async def test_a_previews_hash_is_that_of_its_figures(world: World) -> None:
    item = world.company.build(note="one")
    first = await previewed(world, item)
    assert (await previewed(world, item | {"note": "two"})).hash == first.hash
    other = world.company.build(id=item["accountingEntryId"], date=item["date"], value=1300)
    assert (await previewed(world, other)).hash != first.hash


async def previewed(world: World, *items: dict[str, object]) -> Preview:
    """Preview these items on the world's books."""
    today = world.clock.now().date()
    async with world.ready() as (register, _):
        return await preview(
            [items],
            world.books(),
            world.ledger.chart,
            world.settings,
            today=today,
            register=register,
        )

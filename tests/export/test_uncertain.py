"""Requests that got no answer: settled by looking up, or called uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.errors import JobFailureType
from counterfoil.pleo.errors import PleoRateLimited
from counterfoil.register import PartState, open_register
from counterfoil.sandbox.faults import Kind
from counterfoil.systems.contract import (
    AccountingSystem,
    Attachments,
    Capabilities,
    EntryState,
    Problem,
    RecordResult,
    Uniqueness,
)
from counterfoil.testing.memory import Fate, MemoryBooks
from counterfoil.testing.world import World

AWAY = Problem(
    message="The books are away.",
    failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
    passing=True,
)


def unique(world: World, uniqueness: Uniqueness, *, settle_seconds: int = 0) -> None:
    """Let the books keep references unique in this way."""
    world.ledger.capabilities = Capabilities(
        uniqueness=uniqueness, settle_seconds=settle_seconds, attachments=Attachments()
    )


@pytest.mark.parametrize("uniqueness", list(Uniqueness))
async def test_a_lost_reply_to_a_booking_is_settled_by_looking_up(
    world: World, uniqueness: Uniqueness
) -> None:
    unique(world, uniqueness)
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.BOOKED)
    (result,) = await world.export()
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


@pytest.mark.parametrize(
    "uniqueness",
    [Uniqueness.EXCLUSIVE_FILE, Uniqueness.UNIQUE_REFERENCE, Uniqueness.NATIVE_KEY],
)
async def test_a_request_that_came_to_nothing_is_sent_again_where_that_is_safe(
    world: World, uniqueness: Uniqueness
) -> None:
    unique(world, uniqueness)
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.NOT_BOOKED, Fate.NOT_BOOKED)
    (result,) = await world.export()
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


async def test_where_absence_proves_nothing_the_item_is_called_uncertain(world: World) -> None:
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=30)
    entry = world.company.add_item()
    job = world.queue()
    world.ledger.lose_reply(entry, Fate.BOOKED_LATE)
    await world.drain()
    item = world.item(job, entry)
    assert item.failure_reason_type == "accounting_system_timeout"
    assert f"It is not certain that this was booked (reference {entry}/entry)" in (
        item.failure_reason
    )
    with open_register(world.register_url) as register:
        (record,) = register.parts.of("memory:books", [entry])[entry]
    assert record.state is PartState.UNKNOWN
    world.ledger.deliver()
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


async def test_an_uncertain_item_is_booked_by_the_next_export_if_it_is_not_there(
    world: World,
) -> None:
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=30)
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.NOT_BOOKED)
    await world.export()
    before = world.clock.now()
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1
    assert world.clock.now() - before < timedelta(minutes=2)


async def test_a_young_intent_is_waited_for(world: World) -> None:
    """The next run starts while a request of the last one may still be under way."""
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=600)
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.BOOKED_LATE)
    world.ledger.interrupt("find", None, after=1)
    await world.export()
    before = world.clock.now()
    world.ledger.deliver()
    await world.export(entry)
    assert world.ledger.copies(entry) == 1
    assert world.clock.now() >= before


async def test_books_that_fail_in_the_middle_are_waited_for(world: World) -> None:
    entry = world.company.add_item()
    for call in ("find", "record"):
        world.ledger.interrupt(call, AWAY)
    (result,) = await world.export()
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


async def test_books_that_stay_away_fail_what_was_not_sent(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue()
    world.ledger.interrupt("record", replace(AWAY, passing=False))
    await world.drain()
    item = world.item(job, entry)
    assert item.failure_reason_type == "accounting_system_unreachable"
    assert "Nothing was booked" in item.failure_reason
    (result,) = await world.export()
    assert result.outcome == "completed"


async def test_books_away_before_the_look_up_fail_the_chunk(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue()
    for _ in range(400):
        world.ledger.interrupt("find", AWAY)
    await world.drain()
    assert world.item(job, entry).failure_reason_type == "accounting_system_unreachable"
    assert world.ledger.copies(entry) == 0


async def test_books_away_after_an_unanswered_request_leave_it_uncertain(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue()
    world.ledger.lose_reply(entry, Fate.BOOKED)
    world.ledger.interrupt("find", replace(AWAY, passing=False), after=1)
    for _ in range(2):
        world.ledger.interrupt("find", replace(AWAY, passing=False))
    await world.drain()
    assert "not certain" in world.item(job, entry).failure_reason
    later = world.queue(entry)
    for _ in range(2):
        world.ledger.interrupt("find", replace(AWAY, passing=False))
    await world.drain()
    assert "not certain" in world.item(later, entry).failure_reason
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


async def test_a_second_part_refused_names_the_first(world: World) -> None:
    entry = world.company.add_item(method="accounts_payable")
    job = world.queue()
    world.ledger.lose_reply(entry, Fate.BOOKED)
    for _ in range(3):
        world.ledger.interrupt("record", replace(AWAY, passing=False), after=1)
    await world.drain()
    assert "bill " in world.item(job, entry).failure_reason
    assert "the next export adds only the payment" in world.item(job, entry).failure_reason
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.doubles() == []


async def test_drafts_are_posted_where_the_books_make_drafts_first(world: World) -> None:
    world.ledger.final_with_entry = False
    world.settings = replace(world.settings, posting=PostingMode.FINAL)
    entry = world.company.add_item()
    await world.export()
    assert world.ledger.of(entry)[0].state is EntryState.POSTED


async def test_an_entry_that_could_not_be_posted_is_finished_by_the_next_export(
    world: World,
) -> None:
    world.ledger.final_with_entry = False
    world.settings = replace(world.settings, posting=PostingMode.FINAL)
    entry = world.company.add_item()
    job = world.queue()
    world.ledger.interrupt("post", AWAY)
    await world.drain()
    assert "Booked as" in world.item(job, entry).failure_reason
    assert "the next export finishes it" in world.item(job, entry).failure_reason
    await world.export(entry)
    assert world.ledger.of(entry)[0].state is EntryState.POSTED
    assert world.ledger.copies(entry) == 1


class FaultyBooks(MemoryBooks):
    """Books whose adapter has a bug after it has sent its request."""

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        await super().record(entries)
        raise KeyError("a bug of the adapter")

    async def post(self, ids: Sequence[str]) -> None:
        raise KeyError(f"another bug, with {len(ids)} entries")


class FaultyWorld(World):
    """A world with such an adapter."""

    def books(self) -> AccountingSystem:
        return FaultyBooks(self.ledger)


async def test_a_bug_of_an_adapter_is_an_answer_that_did_not_come() -> None:
    async with FaultyWorld() as world:
        entry = world.company.add_item()
        (result,) = await world.export()
        assert result.outcome == "completed"
        assert world.ledger.copies(entry) == 1


async def test_a_bug_while_finishing_fails_its_item_alone() -> None:
    async with FaultyWorld() as world:
        world.ledger.final_with_entry = False
        world.settings = replace(world.settings, posting=PostingMode.FINAL)
        entry = world.company.add_item()
        job = world.queue()
        await world.drain()
        item = world.item(job, entry)
        assert item.failure_reason_type == "unexpected_failure"
        assert "Booked as" in item.failure_reason


async def test_an_old_request_that_lands_late_does_not_pass_for_the_new_state(
    world: World,
) -> None:
    unique(world, Uniqueness.UNIQUE_REFERENCE)
    entry = world.company.add_item(account="6100")
    world.ledger.lose_reply(entry, Fate.BOOKED_LATE, Fate.NOT_BOOKED, Fate.NOT_BOOKED)
    await world.export()
    lines = world.company.build(account="6300")["accountingEntryLines"]
    world.state.edit_item(entry, {"accountingEntryLines": lines})
    job = world.queue(entry)
    world.ledger.deliver()
    await world.drain()
    item = world.item(job, entry)
    assert item.status == "failed"
    assert f"counterfoil resolve {entry}" in item.failure_reason
    assert world.ledger.copies(entry) == 1


async def test_a_clock_set_back_makes_nobody_wait_longer(world: World) -> None:
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=30)
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.NOT_BOOKED)
    await world.export()
    world.state.clock.advance(timedelta(days=-1))
    before = world.clock.now()
    await world.export(entry)
    assert world.clock.now() - before < timedelta(minutes=5)


class LateBooks(MemoryBooks):
    """Books in which an old request lands just before the new one."""

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        self.ledger.deliver()
        return await super().record(entries)


class LateWorld(World):
    """A world with such books."""

    def books(self) -> AccountingSystem:
        return LateBooks(self.ledger)


async def test_an_old_request_that_lands_between_look_up_and_write_is_told() -> None:
    async with LateWorld() as world:
        unique(world, Uniqueness.NATIVE_KEY)
        entry = world.company.add_item(account="6100")
        world.ledger.lose_reply(entry, Fate.NOT_BOOKED, Fate.NOT_BOOKED, Fate.BOOKED_LATE)
        await world.export()
        lines = world.company.build(account="6300")["accountingEntryLines"]
        world.state.edit_item(entry, {"accountingEntryLines": lines})
        job = world.queue(entry)
        await world.drain()
        item = world.item(job, entry)
        assert "as the item was before it changed in Pleo" in item.failure_reason
        assert world.ledger.copies(entry) == 1
        again = world.queue(entry)
        await world.drain()
        assert f"counterfoil resolve {entry}" in world.item(again, entry).failure_reason


async def test_the_first_export_of_a_young_register_waits_for_what_it_cannot_know_of(
    world: World,
) -> None:
    """The register was lost together with a process whose request was still under way."""
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=60)
    before = world.clock.now()
    await world.export(world.company.add_item())
    assert world.clock.now() - before >= timedelta(seconds=60)
    between = world.clock.now()
    await world.export(world.company.add_item())
    assert world.clock.now() - between < timedelta(seconds=60)


async def test_an_old_intent_is_waited_for_like_a_young_one(world: World) -> None:
    """When it was meant to be sent is not when it was sent, and clocks jump."""
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=60)
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.NOT_BOOKED)
    await world.export()
    world.state.clock.advance(timedelta(hours=2))
    before = world.clock.now()
    await world.export(entry)
    assert world.clock.now() - before >= timedelta(seconds=60)


async def test_an_intent_is_open_though_an_earlier_attempt_is_in_the_books(world: World) -> None:
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=60)
    entry = world.company.add_item()
    await world.export()
    world.ledger.change(world.ledger.of(entry)[0].id, state=EntryState.VOIDED)
    world.ledger.lose_reply(entry, Fate.NOT_BOOKED)
    await world.export(entry)
    before = world.clock.now()
    await world.export(entry)
    assert world.clock.now() - before >= timedelta(seconds=60)
    assert world.ledger.copies(entry) == 1


async def test_what_is_uncertain_is_asked_for_once_more_before_the_job_ends(world: World) -> None:
    """The books could not be read back in the middle, and can be at the end."""
    entry, other = world.company.add_item(), world.company.add_item()
    job = world.queue()
    world.ledger.lose_reply(entry, Fate.BOOKED)
    world.ledger.interrupt("find", replace(AWAY, passing=False), after=1)
    (result,), _ = await world.drain()
    assert result.outcome == "completed"
    assert world.item(job, entry).external_id == world.ledger.of(entry)[0].id
    assert world.ledger.copies(entry) == world.ledger.copies(other) == 1
    assert world.state.count("update", "failed", job) == 0


async def test_a_run_that_died_with_something_uncertain_is_followed_by_one_that_asks(
    world: World,
) -> None:
    """Its outcome was kept and not yet told, so it may still turn out well."""
    unique(world, Uniqueness.PROBE_ONLY, settle_seconds=30)
    entry = world.company.add_item()
    job = world.queue()
    world.ledger.lose_reply(entry, Fate.BOOKED_LATE)
    world.fault(Kind.RATE_LIMIT, "update_items")
    with pytest.raises(PleoRateLimited):
        await world.drain()
    world.state.faults.clear()
    world.ledger.deliver()
    await world.drain()
    assert world.status(job) == "completed"
    assert world.item(job, entry).status == "successful"
    assert world.ledger.copies(entry) == 1


async def test_what_was_found_in_the_books_is_not_called_uncertain_any_more(world: World) -> None:
    entry = world.company.add_item()
    world.ledger.lose_reply(entry, Fate.BOOKED)
    for after in (1, 0, 0):
        world.ledger.interrupt("find", replace(AWAY, passing=False), after=after)
    await world.export()
    await world.export(entry)
    with open_register(world.register_url) as register:
        (record,) = register.parts.of("memory:books", [entry])[entry]
    assert (record.state, record.external_id) == (PartState.BOOKED, f"{entry}/entry#1")


async def test_what_an_old_request_booked_is_told_by_every_later_export(world: World) -> None:
    """It was adopted with the fingerprint of what is booked, not of what was to be sent."""
    unique(world, Uniqueness.UNIQUE_REFERENCE)
    entry = world.company.add_item(account="6100")
    world.ledger.lose_reply(entry, Fate.BOOKED_LATE, Fate.NOT_BOOKED, Fate.NOT_BOOKED)
    await world.export()
    lines = world.company.build(account="6300")["accountingEntryLines"]
    world.state.edit_item(entry, {"accountingEntryLines": lines})
    world.ledger.lose_reply(entry, Fate.NOT_BOOKED, Fate.NOT_BOOKED, Fate.NOT_BOOKED)
    await world.export(entry)
    world.ledger.deliver()
    for _ in range(2):
        job = world.queue(entry)
        await world.drain()
        assert f"counterfoil resolve {entry}" in world.item(job, entry).failure_reason
    assert world.ledger.copies(entry) == 1

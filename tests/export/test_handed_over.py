"""After the move from the old API: what the old program booked is not booked again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio

from counterfoil.register import Decision, DecisionKind, ItemOutcome, JobRecord, JobState
from counterfoil.systems.elsewhere import TARGET
from counterfoil.testing.world import World

NOW = datetime(2026, 3, 5, tzinfo=UTC)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """Give a world with books in memory."""
    async with World() as made:
        yield made


async def bridge(world: World, entry_id: str, status: str) -> None:
    """Let the old program have exported an expense through the bridge."""
    job = JobRecord(
        job_id="bridged",
        connection="acme",
        company_id=world.company.id,
        target=TARGET,
        state=JobState.CLOSED,
        created_at=NOW,
        first_sent_at=NOW,
    )
    async with world.ready() as (register, _):
        register.jobs.intend_claim(job)
        register.items.save_statuses("bridged", {entry_id: "pending"})
        told = {entry_id: ItemOutcome(status=status)}
        register.parts.settle([], job_id="bridged", outcomes=told)


async def decide(world: World, entry_id: str, target: str, kind: DecisionKind) -> None:
    """Let a person decide about it."""
    async with world.ready() as (register, _):
        register.decisions.add(
            Decision(
                target=target,
                entry_id=entry_id,
                kind=kind,
                fingerprint="",
                made_at=NOW,
                made_by="somebody",
            )
        )


async def test_what_it_exported_waits_for_a_person(world: World) -> None:
    entry, other = world.company.add_items(2)
    await bridge(world, entry, "successful")
    job = world.queue()
    await world.drain()
    assert world.item(job, entry).failure_reason_type == "validation_failure"
    assert f"counterfoil resolve {entry} --not-booked" in world.item(job, entry).failure_reason
    assert [world.ledger.copies(each) for each in (entry, other)] == [0, 1]


async def test_a_person_who_looked_lets_it_be_booked(world: World) -> None:
    entry = world.company.add_item()
    await bridge(world, entry, "successful")
    await decide(world, entry, "memory:books", DecisionKind.NOT_BOOKED)
    await world.export()
    assert world.ledger.copies(entry) == 1


async def test_what_was_taken_out_of_the_old_books_is_booked(world: World) -> None:
    """As ``expenses again`` was told."""
    entry = world.company.add_item()
    await bridge(world, entry, "successful")
    await decide(world, entry, TARGET, DecisionKind.NOT_BOOKED)
    await world.export()
    assert world.ledger.copies(entry) == 1


async def test_another_decision_does_not_let_it_be_booked(world: World) -> None:
    entry = world.company.add_item()
    await bridge(world, entry, "successful")
    await decide(world, entry, "memory:books", DecisionKind.AMEND)
    await world.export()
    assert world.ledger.copies(entry) == 0


async def test_what_it_did_not_export_is_booked(world: World) -> None:
    entry = world.company.add_item()
    await bridge(world, entry, "failed")
    await world.export()
    assert world.ledger.copies(entry) == 1

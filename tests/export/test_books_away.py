"""While an accounting system is away, pending jobs are left to wait, as long as they have time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterfoil.errors import JobFailureType
from counterfoil.export.mind_books import BooksAreAway
from counterfoil.systems.contract import Problem
from counterfoil.testing.world import World

MINUTE = 7
"""How often books that are away are asked for a job that was claimed."""
LASTING = Problem(message="no such company", failure_type=JobFailureType.INVALID_CONFIGURATION)


def away(world: World, times: int, problem: Problem | None = None) -> None:
    """Let the books be away the next times they are asked whether they are ready."""
    for _ in range(times):
        world.ledger.interrupt("ready", problem)


async def failed_once(world: World) -> None:
    """Let a first job find out that the books are away."""
    world.company.add_item(account="6100")
    away(world, MINUTE)
    (result,) = await world.export()
    assert (result.outcome, result.reason) == ("failed", "the books do not answer")


async def test_the_next_job_waits_unclaimed_until_the_books_are_there_again(world: World) -> None:
    await failed_once(world)
    job = world.queue()
    away(world, 2)
    for _ in range(2):
        with pytest.raises(BooksAreAway, match=f"the books do not answer Job {job} waits"):
            await world.drain()
    assert world.status(job) == "pending"
    assert world.state.count("event", "started", job) == 0
    (result,), _ = await world.drain()
    assert (result.job_id, result.outcome) == (job, "completed")
    world.company.add_item(account="6100")
    assert [result.outcome for result in await world.export()] == ["completed"]


@pytest.mark.parametrize("minutes_off", [0, -20, 20])
async def test_fifteen_minutes_before_it_expires_it_is_claimed_and_fails(
    world: World, minutes_off: int
) -> None:
    world.clock.off = timedelta(minutes=minutes_off)
    await failed_once(world)
    job = world.queue()
    world.state.clock.advance(timedelta(minutes=44))
    away(world, 1)
    with pytest.raises(BooksAreAway):
        await world.drain()
    world.state.clock.advance(timedelta(minutes=2))
    away(world, 1 + MINUTE)
    (result,), _ = await world.drain()
    assert (result.job_id, result.outcome) == (job, "failed")
    assert world.state.job(job).failure_reason == "the books do not answer"
    assert world.state.job(job).failure_reason_type == "accounting_system_unreachable"


async def test_what_waiting_does_not_mend_fails_the_job_at_once(world: World) -> None:
    await failed_once(world)
    away(world, 2, LASTING)
    (result,) = await world.export()
    assert (result.outcome, result.reason) == ("failed", "no such company")
    (result,) = await world.export()
    assert result.outcome == "completed"


async def test_books_that_go_away_in_the_middle_are_known_to_be_away(world: World) -> None:
    world.company.add_item(account="6100")
    first = world.queue()
    world.state.job(first).expires_in = 600
    world.ledger.interrupt("find")
    await world.drain()
    assert world.status(first) == "failed"
    job = world.queue()
    away(world, 1)
    with pytest.raises(BooksAreAway):
        await world.drain()
    assert world.status(job) == "pending"

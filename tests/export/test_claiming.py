"""Which job is run, and whose it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterfoil.pleo.errors import PleoForbidden, PleoRateLimited, PleoUnanswered
from counterfoil.register import JobState, open_register
from counterfoil.runner.drain import drain
from counterfoil.sandbox.faults import Kind
from counterfoil.testing.world import World


async def test_jobs_run_oldest_first(world: World) -> None:
    young = world.queue(world.company.add_item())
    old = world.queue(world.company.add_item(), age=timedelta(minutes=10))
    results, _ = await world.drain()
    assert [result.job_id for result in results] == [old, young]


async def test_a_reply_to_started_that_is_lost_is_looked_up(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.fault(Kind.DROP_AFTER, "post_event", times=1)
    await world.drain()
    assert world.status(job) == "completed"
    assert world.state.count("event", "started", job) == 1


@pytest.mark.parametrize("kind", [Kind.DROP_BEFORE, Kind.UNAVAILABLE, Kind.RATE_LIMIT])
async def test_a_started_that_did_not_arrive_is_sent_again(world: World, kind: Kind) -> None:
    job = world.queue(world.company.add_item())
    world.fault(kind, "post_event", times=1)
    await world.drain()
    assert world.status(job) == "completed"
    assert world.state.count("event", "started", job) == 1


async def test_a_long_wait_is_left_to_the_next_run_and_a_short_one_ends_when_told_to_stop(
    world: World,
) -> None:
    world.queue(world.company.add_item())
    world.fault(Kind.RATE_LIMIT, "post_event", value=3000, times=1)
    with pytest.raises(PleoRateLimited, match="asks us to wait for 3000 seconds"):
        await world.drain()
    world.fault(Kind.RATE_LIMIT, "post_event", value=50)
    begun = world.clock.now()
    soon = begun + timedelta(seconds=3)
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, register.connections.raise_fence(world.company.id))
        export = replace(export, stopping=lambda: world.clock.now() >= soon)
        assert await drain(lambda: export, []) == ()
    assert world.clock.now() - begun < timedelta(seconds=10)


async def test_a_job_that_another_integration_claims_first_is_left_to_it(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue(entry)
    world.fault(Kind.CLAIM_FIRST, "post_event", times=1)
    results, foreign = await world.drain()
    assert (results, foreign) == ([], (job,))
    assert world.ledger.copies(entry) == 0
    with open_register(world.register_url) as register:
        assert register.jobs.get(job) is None


async def test_no_newer_job_is_started_while_anothers_runs(world: World) -> None:
    running = world.queue(world.company.add_item(), age=timedelta(minutes=1))
    world.fault(Kind.CLAIM_FIRST, "post_event", times=1)
    await world.drain()
    waiting = world.queue(world.company.add_item())
    results, foreign = await world.drain()
    assert (results, foreign) == ([], (running,))
    assert world.status(waiting) == "pending"


async def test_a_person_may_say_that_a_running_job_is_ours(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue(entry)
    world.fault(Kind.CLAIM_FIRST, "post_event", times=1)
    await world.drain()
    results, _ = await world.drain(take=job)
    assert [result.outcome for result in results] == ["completed"]
    assert world.ledger.copies(entry) == 1


async def test_a_job_that_is_over_cannot_be_taken(world: World) -> None:
    job = world.queue(world.company.add_item())
    await world.drain()
    results, _ = await world.drain(take=job)
    assert results == []


async def test_an_interrupted_claim_is_ours_when_the_job_was_started_after_it(
    world: World,
) -> None:
    """The process died between sending ``started`` and noting the answer."""
    job = world.queue(world.company.add_item())
    world.fault(Kind.DROP_AFTER, "post_event", times=1)
    world.fault(Kind.UNAVAILABLE, "get_job", skip=1)
    with pytest.raises(PleoUnanswered):
        await world.drain()
    world.state.faults.clear()
    results, foreign = await world.drain()
    assert ([result.job_id for result in results], foreign) == ([job], ())
    assert world.state.count("event", "started", job) == 1


async def test_a_job_started_long_before_our_try_is_anothers(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.fault(Kind.DROP_AFTER, "post_event", times=1)
    world.fault(Kind.UNAVAILABLE, "get_job", skip=1)
    with pytest.raises(PleoUnanswered):
        await world.drain()
    world.state.faults.clear()
    world.state.job(job).started_at = world.clock.now() - timedelta(minutes=5)
    _, foreign = await world.drain()
    assert foreign == (job,)


async def test_a_job_closed_between_the_list_and_the_look_is_passed_over(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.fault(Kind.CLOSE_JOB, "get_job", times=1)
    results, foreign = await world.drain()
    assert (results, foreign) == ([], ())
    assert world.status(job) == "failed"


async def test_a_claim_that_never_gets_through_is_given_up_for_now(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.fault(Kind.DROP_BEFORE, "post_event")
    with pytest.raises(PleoUnanswered, match="could not be started"):
        await world.drain()
    assert world.status(job) == "pending"


async def test_without_the_right_to_claim_nothing_is_claimed(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.company.api_key = world.state.add_key(world.company.id, scopes=["export-jobs:read"])
    with pytest.raises(PleoForbidden):
        await world.drain()
    with open_register(world.register_url) as register:
        assert register.jobs.get(job) is None


async def test_a_claimed_job_is_on_record(world: World) -> None:
    job = world.queue(world.company.add_item())
    await world.drain()
    with open_register(world.register_url) as register:
        record = register.jobs.get(job)
    assert record is not None
    assert (record.state, record.outcome) == (JobState.CLOSED, "completed")


async def test_without_the_right_to_read_the_data_the_job_fails_and_says_so(world: World) -> None:
    job = world.queue(world.company.add_item())
    scopes = ["export-jobs:read", "export-jobs:write"]
    world.company.api_key = world.state.add_key(world.company.id, scopes=scopes)
    (result,), _ = await world.drain()
    assert result.outcome == "failed"
    assert world.state.job(job).failure_reason_type == "authorization_failure"

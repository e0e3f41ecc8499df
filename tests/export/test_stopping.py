"""Told to stop, a run reports the chunk at hand and leaves; the next one goes on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.export.run import JobResult
from counterfoil.runner.drain import drain
from counterfoil.testing.world import World


async def run_until(world: World, *, answers: list[bool]) -> list[JobResult]:
    """Drain with these answers to whether it should stop, then always yes."""
    results: list[JobResult] = []

    def stopping() -> bool:
        return answers.pop(0) if answers else True

    async with world.ready() as (register, pleo):
        fence = register.connections.raise_fence(world.company.id)
        await drain(
            lambda: replace(world.exporting(register, pleo, fence), stopping=stopping), results
        )
    return results


async def test_the_chunk_at_hand_is_reported_and_the_rest_is_left() -> None:
    async with World() as world:
        entries = world.company.add_items(150)
        job = world.queue()
        (result,) = await run_until(world, answers=[False, False, True])
        assert result.outcome == "interrupted"
        assert world.status(job) == "in_progress"
        told = [world.item(job, entry).status for entry in entries]
        assert (told.count("successful"), told.count("pending")) == (100, 50)
        (ended,), _ = await world.drain()
        assert (ended.job_id, ended.outcome) == (job, "completed")
        assert [world.ledger.copies(entry) for entry in entries] == [1] * 150


async def test_nothing_is_begun_by_a_run_that_is_told_to_stop() -> None:
    async with World() as world:
        world.company.add_items(2)
        job = world.queue()
        assert await run_until(world, answers=[]) == []
        assert world.status(job) == "pending"

"""An export that is held to a plan claims and writes what was planned, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counterfoil.export.ports import AgreedPlan
from counterfoil.export.preview import digest
from counterfoil.export.run import JobResult
from counterfoil.runner.drain import drain
from counterfoil.testing.world import World

COFFEE = "59540ed2-2c4f-4f3d-9a0e-8f5a2b1c7d6e"
LUNCH = "6a651fe3-3d5a-4a4e-8b1f-9a6b3c2d8e7f"


async def export_planned(
    world: World, *jobs: str, entries: frozenset[str] = frozenset()
) -> Sequence[JobResult]:
    planned = AgreedPlan(entries=entries, jobs=frozenset(jobs))
    results: list[JobResult] = []
    async with world.ready() as (register, pleo):
        fence = register.connections.raise_fence(world.company.id)
        await drain(
            lambda: replace(world.exporting(register, pleo, fence), planned=planned), results
        )
    return results


async def test_an_entry_that_is_not_in_the_plan_fails_its_item_alone() -> None:
    async with World() as twin:
        twin.company.add_item(id=COFFEE, date="2026-01-05T12:00:00.000Z")
        await twin.export()
        planned = frozenset(digest(record.entry) for record in twin.ledger.records)
    async with World() as world:
        world.company.add_item(id=COFFEE, date="2026-01-05T12:00:00.000Z")
        world.company.add_item(id=LUNCH)
        job = world.queue()
        (result,) = await export_planned(world, job, entries=planned)
        assert result.outcome == "completed_with_errors"
        assert (world.ledger.copies(COFFEE), world.ledger.copies(LUNCH)) == (1, 0)
        failed = world.item(job, LUNCH)
        assert (failed.status, failed.failure_reason_type) == ("failed", "validation_failure")
        assert failed.failure_reason.startswith("This would not be booked as planned: plan again")


async def test_what_is_booked_already_needs_no_plan() -> None:
    async with World() as world:
        entry_id = world.company.add_item()
        await world.export()
        world.state.entry(entry_id).exported = False
        job = world.queue(entry_id)
        (result,) = await export_planned(world, job)
        assert result.outcome == "completed"
        assert world.ledger.copies(entry_id) == 1


async def test_a_job_that_was_clicked_after_the_plan_is_left_as_it_is() -> None:
    async with World() as world:
        planned = world.queue(world.company.add_item())
        newer = world.queue(world.company.add_item())
        (result,) = await export_planned(world, planned)
        assert (result.job_id, world.status(newer)) == (planned, "pending")

"""Whoever drains a company goes on until nobody wants it looked at any more."""

from __future__ import annotations

from counterfoil.effects import Effect, observe
from counterfoil.export.run import JobResult
from counterfoil.register import Register
from counterfoil.runner.drain import drain
from counterfoil.testing.world import World


class Export:
    """Clicks Export as soon as the jobs have been listed, and calls."""

    def __init__(self, world: World, register: Register, clicks: int) -> None:
        self.world, self.register, self.clicks = world, register, clicks
        self.listings = 0

    def before(self, effect: Effect) -> None:
        """See nothing."""

    def after(self, effect: Effect) -> None:
        """Click when a listing was answered."""
        if effect.name != "pleo.list_jobs":
            return
        self.listings += 1
        if self.clicks:
            self.clicks -= 1
            self.world.company.add_items(1)
            self.world.queue()
            self.register.wakeups.look(self.world.company.id)


async def drained(world: World, *, clicks: int) -> tuple[list[JobResult], int]:
    """Drain while somebody clicks Export behind our back; return results and listings."""
    results: list[JobResult] = []
    async with world.ready() as (register, pleo):
        fence = register.connections.raise_fence(world.company.id)
        with observe(clerk := Export(world, register, clicks)):
            await drain(lambda: world.exporting(register, pleo, fence), results)
        assert register.wakeups.waiting() == ()
    return results, clerk.listings


async def test_a_job_made_behind_a_listing_is_found_by_the_same_drain(world: World) -> None:
    results, _ = await drained(world, clicks=1)
    assert [each.outcome for each in results] == ["completed"]


async def test_a_flag_that_is_clear_costs_no_further_listing(world: World) -> None:
    results, listings = await drained(world, clicks=0)
    assert (results, listings) == ([], 1)


async def test_a_flag_is_cleared_before_jobs_are_listed(world: World) -> None:
    """A call that was answered by a listing is not answered by another one."""
    async with world.ready() as (register, _):
        register.wakeups.look(world.company.id)
    _, listings = await drained(world, clicks=0)
    assert listings == 1

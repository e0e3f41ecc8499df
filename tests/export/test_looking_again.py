"""Whoever drains a company goes on until nobody wants it looked at any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from counterfoil.effects import Effect, observe
from counterfoil.export.run import JobResult
from counterfoil.register import Delivery, Register, open_register
from counterfoil.register.sealing import Seal, new_key
from counterfoil.runner.drain import drain
from counterfoil.telemetry import hearing
from counterfoil.testing.world import World
from tests.register.test_register_webhooks import a_subscription


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


async def test_a_poll_that_finds_what_no_webhook_told_is_noted() -> None:
    """Only where one should have told, and only when it has had the time."""
    noted: list[str] = []

    def hear(what: str, _: float, labels: Mapping[str, str]) -> None:
        if what == "poll repaired":
            noted.append(labels["connection"])

    key = Seal([new_key()])
    async with World() as world, world.ready() as (_, pleo):
        with hearing(hear), open_register(world.register_url, seal=key) as register:

            async def found(*, told: bool, minutes: int) -> int:
                fence = register.connections.raise_fence(world.company.id)
                item = world.company.add_item()
                age = timedelta(minutes=minutes)
                job = world.state.queue_job(world.company.id, [item], age=age)
                if told:
                    tell = Delivery(webhook_id=job, connection="acme", company_id="c", job_id=job)
                    register.wakeups.heard([tell], now=datetime.now(UTC))
                noted.clear()
                await drain(lambda: world.exporting(register, pleo, fence), [])
                return len(noted)

            assert await found(told=False, minutes=10) == 0
            register.subscriptions.add(a_subscription())
            assert await found(told=True, minutes=10) == 0
            assert await found(told=False, minutes=0) == 0
            assert await found(told=False, minutes=10) == 1

"""A worker that was superseded changes nothing more: in the register, at Pleo, in the books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import pytest
from sqlalchemy import select

from counterfoil.effects import Effect, observe
from counterfoil.errors import FenceLost
from counterfoil.register import open_register
from counterfoil.register.advisory import AdvisoryLocks
from counterfoil.register.locks import company_lock, target_lock
from counterfoil.register.schema import metadata
from counterfoil.runner.binding import guarded
from counterfoil.testing.world import World

MOMENTS = (
    "register.intend_claim",
    "register.claimed",
    "register.save_job_items",
    "register.save_payloads",
    "register.intend",
    "register.settle",
    "register.mark_reported",
    "register.close_job",
)
OUTSIDE = ("pleo.send_event", "memory.record", "pleo.put_items")


class FreezeAt:
    """Stands still before the first effect of a name, while something else happens."""

    def __init__(self, name: str, meanwhile: Callable[[], None]) -> None:
        self.name = name
        self.meanwhile = meanwhile
        self.frozen = False

    def before(self, effect: Effect) -> None:
        if effect.name == self.name and not self.frozen:
            self.frozen = True
            self.meanwhile()

    def after(self, effect: Effect) -> None:
        pass


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Read the register whole."""
    with open_register(url) as register, register.database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=str)
            for table in metadata.sorted_tables
        }


class Superseding:
    """Does the whole work in a thread of its own, and keeps what the register holds then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.left: dict[str, list[tuple[object, ...]]] = {}

    def __call__(self) -> None:
        thread = Thread(target=lambda: asyncio.run(self._drain()))
        thread.start()
        thread.join()

    async def _drain(self) -> None:
        self.world.ledger.process_died()
        await self.world.drain()
        self.left = everything(self.world.register_url)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str | None:
    """Say where the register lives; None: in a file, where the world keeps it."""
    return None if request.param == "file" else str(request.getfixturevalue(request.param))


@pytest.mark.parametrize(
    ("url", "moment"),
    [
        *(("file", moment) for moment in MOMENTS),
        ("postgres_url", "register.settle"),
        ("postgres_url", "register.close_job"),
    ],
    indirect=["url"],
)
async def test_whoever_wakes_after_another_has_done_the_work_changes_nothing(
    url: str | None, moment: str
) -> None:
    async with World() as world:
        world.register_url = url or world.register_url
        entries = [world.company.add_item(account="6100"), world.company.add_item(account="6100")]
        job = world.queue(*entries)
        other = Superseding(world)
        sleeper = FreezeAt(moment, other)
        with observe(sleeper), suppress(FenceLost):
            await world.drain()
        assert sleeper.frozen
        assert everything(world.register_url) == other.left
        assert world.status(job) == "completed"
        assert world.ledger.doubles() == []


@pytest.mark.parametrize("moment", OUTSIDE)
async def test_whoever_was_cut_off_does_nothing_more_outside(
    postgres_url: str, moment: str
) -> None:
    async with World() as world:
        world.register_url = postgres_url
        company, target = world.company.id, world.books().target
        entry = world.company.add_item(account="6100")
        job = world.queue(entry)
        other = Superseding(world)

        def rescued() -> None:
            with open_register(postgres_url) as register:
                assert isinstance(register.locks, AdvisoryLocks)
                for lock in (company_lock(company), target_lock(target)):
                    assert register.locks.cut_off(lock) is not None
            other()

        sleeper = FreezeAt(moment, rescued)
        with (
            open_register(postgres_url) as register,
            observe(sleeper),
            suppress(FenceLost),
            guarded(register.locks, company, target),
        ):
            await world.drain()
        assert sleeper.frozen
        assert everything(postgres_url) == other.left
        assert world.status(job) == "completed"
        assert world.ledger.copies(entry) == 1
        done = [each.value for each in world.state.events if each.kind in {"event", "update"}]
        assert done == ["started", "successful", "completed"]

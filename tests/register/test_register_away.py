"""PostgreSQL goes away and comes back: told in a sentence, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.errors import FenceLost
from counterfoil.register import Register, RegisterUnavailable, open_register
from counterfoil.register.locks import company_lock
from counterfoil.testing.world import World
from tests.register.test_register_memory import job, part
from tests.register.wire import Wire

AWAY = r"The register postgresql://postgres@127\.0\.0\.1:\d+/\w+ cannot be used: .*: start Postgre"


@pytest.fixture
def wire(postgres_url: str) -> Iterator[Wire]:
    """Give a wire to a fresh register."""
    with Wire(postgres_url) as wire:
        yield wire


@pytest.fixture
def wired(wire: Wire) -> Iterator[Register]:
    """Open the register through the wire."""
    with open_register(wire.url) as register:
        yield register


def test_a_register_that_is_away_is_told_of_at_the_start(wire: Wire) -> None:
    wire.cut()
    with pytest.raises(RegisterUnavailable, match=AWAY):
        open_register(wire.url)


def test_reading_and_writing_go_on_as_soon_as_it_is_back(wire: Wire, wired: Register) -> None:
    assert wired.connections.raise_fence("company") == 1
    wire.cut()
    with pytest.raises(RegisterUnavailable, match=AWAY):
        wired.connections.raise_fence("company")
    with pytest.raises(RegisterUnavailable, match=AWAY):
        wired.jobs.all()
    wire.mend()
    assert wired.jobs.all() == ()
    assert wired.connections.raise_fence("company") == 2


def test_a_connection_that_was_cut_unnoticed_is_replaced(wire: Wire, wired: Register) -> None:
    """PostgreSQL was started anew between two polls."""
    wired.connections.raise_fence("company")
    wire.cut()
    wire.mend()
    assert wired.connections.raise_fence("company") == 2


def test_a_commit_without_an_answer_may_have_been_made(wire: Wire, wired: Register) -> None:
    fence = wired.connections.raise_fence("company")
    wire.loses_commits = True
    with pytest.raises(RegisterUnavailable, match=AWAY):
        wired.parts.intend([part(fence=fence)], company_id="company")
    wire.loses_commits = False
    assert set(wired.parts.of("book", ["entry"])) == {"entry"}
    wired.parts.intend([part(fence=fence)], company_id="company")
    assert len(wired.parts.of("book", ["entry"])["entry"]) == 1


def test_a_lock_whose_connection_was_cut_is_lost_before_the_next_intent(
    wire: Wire, wired: Register
) -> None:
    """Reading works again by then, but somebody else may hold the lock."""
    with wired.locks.hold(company_lock("company")):
        fence = wired.connections.raise_fence("company")
        wired.parts.intend([part(fence=fence)], company_id="company")
        wire.cut()
        wire.mend()
        with pytest.raises(
            FenceLost, match="the lock on company company is lost, as its session end"
        ):
            wired.parts.intend([part("other", fence=fence)], company_id="company")
        with pytest.raises(FenceLost, match="Run again"):
            wired.jobs.intend_claim(job())
        assert set(wired.parts.of("book", ["entry", "other"])) == {"entry"}
    with wired.locks.hold(company_lock("company")):
        wired.parts.intend([part("other", fence=fence)], company_id="company")


def test_a_lock_cannot_be_taken_while_it_is_away(wire: Wire, wired: Register) -> None:
    wire.cut()
    with pytest.raises(RegisterUnavailable, match=AWAY), wired.locks.hold("company 1"):
        pass


class CutAt:
    """Cuts the wire before the first effect of a name."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire = wire
        self.name = name

    def before(self, effect: Effect) -> None:
        if effect.name == self.name:
            self.wire.cut()

    def after(self, effect: Effect) -> None:
        pass


@pytest.mark.parametrize(
    "moment", ["intend_claim", "save_payloads", "intend", "settle", "close_job"]
)
async def test_an_export_goes_on_where_it_was(wire: Wire, moment: str) -> None:
    """Cut at any commit, mended, run again: each expense is booked once, and Pleo knows."""
    async with World() as world:
        world.register_url = wire.url
        entries = [world.company.add_item(), world.company.add_item()]
        job_id = world.queue(*entries)
        with observe(CutAt(wire, f"register.{moment}")), pytest.raises(RegisterUnavailable):
            await world.drain()
        wire.mend()
        await world.drain()
        assert world.status(job_id) == "completed"
        booked = [record.reference.entry_id for record in world.ledger.records]
        assert sorted(booked) == sorted(entries)
        assert world.state.count("event", "started", job_id) == 1

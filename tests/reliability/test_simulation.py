"""A thousand worlds in which everything goes wrong, and which end as they should all the same.

Each share has its own fixed seed, so that a failure here is the change's; ``make soak`` runs as
many more as wanted, with any seeds. A failure prints its steps and the command that replays them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.systems.contract import Found, PartKey, RecordResult, Uniqueness
from counterfoil.testing.memory import Fate
from tests.reliability.simulation import Simulation, Terms
from tests.reliability.simulation_parts import Books, Death
from tests.reliability.simulation_soak import SHARE, main, run_share

SHARES = 20


@pytest.mark.slow
@pytest.mark.reliability
@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_goes_wrong_it_ends_as_it_should(
    share: int, record_property: Callable[[str, int], None]
) -> None:
    record_property("examples", SHARE)
    story = run_share(share, SHARE)
    assert story is None, story


@pytest.fixture(params=Uniqueness)
def world(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    """Give a world with each way of being unique."""
    with Simulation(Terms(uniqueness=request.param)) as simulation:
        yield simulation


def test_a_world_without_trouble_books_everything(world: Simulation) -> None:
    entries = [world.spend(), world.spend(700, "accounts_payable", receipt=True)]
    world.export()
    assert world.end() == []
    assert [world.ledger.copies(entries[0]), len(world.ledger.records)] == [1, 3]


def test_a_process_that_dies_in_the_middle_is_followed_by_another(world: Simulation) -> None:
    entry = world.spend()
    world.export()
    world.start(world.installations[0], dies=Death("after", "memory.record", 0))
    world.wait(300)
    assert world.running == []
    assert world.end() == []
    assert world.ledger.copies(entry) == 1


def test_a_frozen_process_lets_nobody_else_work_and_goes_on_when_it_wakes(
    world: Simulation,
) -> None:
    entry = world.spend()
    world.export()
    frozen = world.start(world.installations[0])
    world.wait(0.5)
    frozen.freeze()
    other = world.start(world.installations[0])
    world.wait(600)
    assert [process.name for process in world.running] == [frozen.name]
    assert other.results == []
    assert world.end() == []
    assert world.ledger.copies(entry) == 1


@pytest.mark.parametrize(
    "uniqueness", [kind for kind in Uniqueness if kind is not Uniqueness.EXCLUSIVE_FILE]
)
def test_a_request_that_lands_after_its_process_died_is_not_sent_again(
    uniqueness: Uniqueness,
) -> None:
    with Simulation(Terms(uniqueness=uniqueness)) as world:
        entries = [world.spend() for _ in range(3)]
        world.export()
        world.ledger.upcoming.extend([(Fate.BOOKED_LATE, 59.0)] * 3)
        world.start(world.installations[0], dies=Death("after", "memory.record", 2))
        while world.running:
            world.wait(1)
        world.start(world.installations[0])
        world.wait(300)
        assert [world.ledger.copies(entry) for entry in entries] == [1, 1, 1]
        assert world.end() == []


@pytest.mark.parametrize("uniqueness", Uniqueness)
def test_two_registers_on_the_same_books_find_each_others_bookings(
    uniqueness: Uniqueness,
) -> None:
    with Simulation(Terms(uniqueness=uniqueness)) as world:
        entry = world.spend()
        for installation in world.installations:
            world.wait(100)
            world.export([entry])
            world.start(installation)
            world.wait(300)
        assert [job.status for job in world.state.jobs.values()] == ["completed", "completed"]
        assert world.ledger.copies(entry) == 1
        assert world.end() == []


class Blind(Books):
    """Books in which nothing is found before something was written."""

    written = False

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        return await super().find(keys) if self.written else {}

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        self.written = True
        return await super().record(entries)


def test_an_engine_that_does_not_look_is_found_out() -> None:
    with Simulation(Terms(uniqueness=Uniqueness.PROBE_ONLY), books=Blind) as world:
        entry = world.spend()
        world.export()
        assert f"{entry}/entry is live in attempts [1, 2] at once." in world.end()


def test_a_share_and_a_replay_are_one_command_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--examples=1", "--seed=1", "--workers=1"]) == 0
    assert "1 examples from seed 1" in capsys.readouterr().out
    assert main(["--replay=AAAA"]) == 0
    assert "It does not fail any more" in capsys.readouterr().out

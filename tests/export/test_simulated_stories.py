"""Stories that the simulation told: each was a fault once."""

from __future__ import annotations

from counterfoil.errors import JobFailureType
from counterfoil.systems.contract import Problem
from tests.reliability.simulation import Simulation, Terms
from tests.reliability.simulation_parts import Death

AWAY = Problem(
    message="The books are away.",
    failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
)


def test_an_item_booked_by_a_run_that_died_is_named_when_its_job_fails_as_a_whole() -> None:
    """The first was reported, the second booked; then the process died and the books went away."""
    with Simulation(Terms(chunk=1)) as world:
        for _ in range(2):
            world.spend()
        job_id = world.export()
        (machine, _) = world.installations
        world.start(machine, dies=Death("after", "register.settle", 2))
        world.wait(30)
        world.ledger.interrupt("ready", AWAY)
        world.start(machine)
        world.wait(100)
        items = world.state.jobs[job_id or ""].items.values()
        (failed,) = [item for item in items if item.status == "failed"]
        assert failed.failure_reason is not None
        assert f"By our register it is booked as {failed.id}/entry#2" in failed.failure_reason
        assert world.end() == []

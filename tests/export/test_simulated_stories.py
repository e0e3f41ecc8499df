"""Stories that the simulation told: each was a fault once."""

from __future__ import annotations

from datetime import timedelta

from counterfoil.errors import JobFailureType, ReceiptDownloadFailure
from counterfoil.export.policies import OnChange
from counterfoil.sandbox.model import Job
from counterfoil.systems.contract import Problem
from tests.reliability.simulation import Simulation, Terms
from tests.reliability.simulation_parts import Death

AWAY = Problem(
    message="The books are away.",
    failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
)


def run(world: Simulation) -> Job:
    """Export what is queued, and let one run work on it; return the job."""
    job_id = world.export()
    world.start(world.installations[0])
    world.wait(100)
    return world.state.jobs[job_id or ""]


def failure(job: Job) -> str:
    """Return why the one item of a job failed."""
    (item,) = job.items.values()
    return item.failure_reason or ""


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


def test_a_changed_item_that_cannot_be_booked_anew_names_what_stands() -> None:
    """Its new receipt does not come, so the old booking was not taken back."""
    with Simulation(Terms(on_change=OnChange.AMEND)) as world:
        entry = world.spend(receipt=True)
        run(world)
        world.correct(entry, 1300)
        world.failing_receipts.append(ReceiptDownloadFailure("The receipt did not come."))
        assert failure(run(world)) == (
            "The receipt did not come. Put the receipt right in Pleo if need be, then export "
            f"again. It stays booked as {entry}/entry#1, as it was before it changed"
        )
        assert world.end() == []


def test_a_changed_item_for_which_no_time_is_left_names_what_stands() -> None:
    with Simulation(Terms(on_change=OnChange.AMEND)) as world:
        entry = world.spend()
        run(world)
        world.correct(entry, 1300)
        job = world.export()
        world.start(world.installations[0])
        world.wait(0.5)
        world.installations[0].clock.ahead = timedelta(hours=2)
        world.wait(30)
        assert f"It stays booked as {entry}/entry#1" in failure(world.state.jobs[job or ""])
        assert world.end() == []


def test_who_lost_the_register_does_not_say_that_nothing_is_booked() -> None:
    """The books are away when they should be asked, so nobody knows."""
    with Simulation(Terms()) as world:
        entry = world.spend()
        run(world)
        world.put_back(world.installations[0])
        world.export([entry])
        world.ledger.interrupt("find", AWAY)
        world.start(world.installations[0])
        world.wait(100)
        (*_, job) = world.state.jobs.values()
        assert failure(job) == (
            "The books are away. Nothing was sent, and nobody could look whether it is booked "
            f"already (as {entry}/entry); export again when it works"
        )
        assert world.end() == []

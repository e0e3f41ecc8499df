"""What is kept for a time only, and what for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.register import ItemOutcome, JobState, PartState, Pruned, Register
from tests.register.test_register_memory import NOW, job, part

BOOKED = ItemOutcome(status="successful", external_id="R", exported_at=NOW)
NOTHING = Pruned(0, 0, 0)
LATER = NOW + timedelta(days=1)


def export(register: Register, job_id: str = "job", *, days_ago: int = 0) -> None:
    """Go through a job with one item, named as the job, so long ago."""
    register.jobs.intend_claim(job(job_id, created=NOW - timedelta(days=days_ago)))
    register.items.save_statuses(job_id, {job_id: "pending"})
    register.items.save_payloads(job_id, [(job_id, "2026-03-01", '{"id":1}')])
    fence = register.connections.raise_fence("company")
    intent = replace(part(job_id, fence=fence), job_id=job_id)
    register.parts.intend([intent], company_id="company")
    booked = replace(intent, state=PartState.BOOKED, external_id="R", booked_at=NOW)
    register.parts.settle([booked], job_id=job_id, outcomes={job_id: BOOKED})
    register.jobs.close(job_id, outcome="completed", reason=None, reason_type=None, now=NOW)


def kept(register: Register, job_id: str = "job") -> tuple[bool, bool]:
    """Say whether the payload and the planned entry are there."""
    item = register.items.get(job_id, job_id)
    (known,) = register.parts.of("book", [job_id])[job_id]
    return item is not None and item.payload is not None, known.planned is not None


def test_what_is_older_is_removed_and_the_rest_kept(register: Register) -> None:
    export(register, "old", days_ago=401)
    export(register, "young", days_ago=399)
    pruned = register.retention.prune(before=NOW - timedelta(days=400))
    assert pruned == Pruned(jobs=1, items=1, entries=1)
    assert kept(register, "old") == (False, False)
    assert kept(register, "young") == (True, True)


def test_references_and_outcomes_stay_for_ever(register: Register) -> None:
    export(register)
    before = register.parts.of("book", ["job"])["job"][0], register.items.all("job")[0]
    register.retention.prune(before=LATER)
    assert register.parts.of("book", ["job"])["job"] == [replace(before[0], entry="")]
    assert register.items.all("job") == [replace(before[1], payload=None)]
    known = register.jobs.get("job")
    assert known is not None
    assert known.outcome == "completed"


def test_pruning_again_finds_nothing(register: Register) -> None:
    assert register.retention.prune(before=LATER) == NOTHING
    export(register)
    register.retention.prune(before=LATER)
    assert register.retention.prune(before=LATER) == NOTHING


@pytest.mark.parametrize("state", [JobState.CLAIMING, JobState.RUNNING])
def test_a_job_that_has_not_ended_is_kept(register: Register, state: JobState) -> None:
    export(register, days_ago=900)
    register.jobs.take_over(replace(job(created=NOW - timedelta(days=900)), state=state))
    assert register.retention.prune(before=NOW) == NOTHING
    assert kept(register) == (True, True)


def test_what_was_never_settled_is_kept(register: Register) -> None:
    """An intent of which nobody knows, and an item that has no outcome."""
    export(register)
    (booked,) = register.parts.of("book", ["job"])["job"]
    unknown = replace(booked, state=PartState.UNKNOWN)
    register.parts.settle([unknown], job_id="job", outcomes={})
    register.items.save_statuses("job", {"open": "pending"})
    register.items.save_payloads("job", [("open", "2026-03-01", "{}")])
    assert register.retention.prune(before=LATER) == Pruned(jobs=1, items=1, entries=0)
    assert kept(register) == (False, True)
    (waiting,) = register.items.unbooked("job", limit=9)
    assert waiting.payload == "{}"


class DieAfter:
    """Stops a process after so many effects."""

    def __init__(self, count: int) -> None:
        self.left = count

    def before(self, effect: Effect) -> None:
        pass

    def after(self, effect: Effect) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt(effect.name)


def test_pruning_that_was_interrupted_goes_on(register: Register) -> None:
    for name in ("a", "b", "c"):
        export(register, name)
    with observe(DieAfter(2)), pytest.raises(KeyboardInterrupt):
        register.retention.prune(before=LATER)
    assert [kept(register, name)[0] for name in "abc"].count(True) == 1
    assert register.retention.prune(before=LATER) == Pruned(jobs=1, items=1, entries=1)


def test_the_rows_of_each_table_are_counted(register: Register) -> None:
    export(register)
    counts = register.retention.counts()
    assert (counts["jobs"], counts["job_items"], counts["parts"]) == (1, 1, 1)
    assert counts["decisions"] == 0

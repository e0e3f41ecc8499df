"""Workers are killed and frozen under load: every job is done once, in order, one at a time."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from counterfoil.sandbox.faults import Fault, Kind
from tests.workers.fleet import Fleet, ask, eventually, fleet

pytestmark = pytest.mark.slow

ACTS = 7
WORKERS = 3


def in_order(jobs: list[str]) -> list[tuple[str, str]]:
    """Say what Pleo hears where each job is done once, the oldest first, one at a time."""
    return [(event, job) for job in jobs for event in ("started", "completed")]


class Tormentor:
    """Kills or freezes one worker after the other, and has another one started for each killed."""

    def __init__(self, here: Fleet, chance: random.Random) -> None:
        self.here = here
        self.chance = chance
        self.workers = [here.worker() for _ in range(WORKERS)]
        self.frozen: list[subprocess.Popen[str]] = []

    def act(self) -> None:
        """Do one harm, and now and then wake whoever is frozen."""
        victim = self.chance.choice(self.workers)
        if victim in self.frozen:
            self.frozen.remove(victim)
            victim.send_signal(signal.SIGCONT)
        elif len(self.frozen) < WORKERS - 1 and self.chance.random() < 0.5:
            self.frozen.append(victim)
            self.here.freeze(victim)
        else:
            victim.kill()
            self.workers.remove(victim)
            self.workers.append(self.here.worker())

    def wake_all(self) -> None:
        for worker in self.frozen:
            worker.send_signal(signal.SIGCONT)


@pytest.mark.timeout(300)
def test_each_job_is_done_once_in_order_whoever_dies(tmp_path: Path, postgres_url: str) -> None:
    seed = random.randrange(10**6)  # noqa: S311 -- which harm is done
    print("seed", seed)  # noqa: T201 -- told where the test fails
    with fleet(tmp_path, postgres_url, companies=9) as here:
        here.state.faults.append(Fault(Kind.SLOW, "*", value=0.1))
        backlog = here.backlog(jobs=3, items=3)
        tormentor = Tormentor(here, random.Random(seed))  # noqa: S311 -- as above
        for _ in range(ACTS):
            time.sleep(tormentor.chance.random())
            tormentor.act()
        waiting = [job for jobs in backlog.values() for job in jobs]
        # Whoever is frozen stays so: the others rescue its companies.
        eventually(lambda: here.done(waiting), 200)
        tormentor.wake_all()
        again = {name: here.export(name) for name in here.companies}
        url = here.server()
        for name in here.companies:
            ask(url, name)
        eventually(lambda: here.done(list(again.values())), 200)
        for name, jobs in backlog.items():
            assert here.happened(name) == in_order([*jobs, again[name]])
            booked = here.booked(name)
            assert (set(booked.values()), len(booked)) == ({1}, 10)


@pytest.mark.timeout(200)
def test_a_frozen_worker_loses_its_company_and_works_again_when_it_wakes(
    tmp_path: Path, postgres_url: str
) -> None:
    with fleet(tmp_path, postgres_url, companies=1) as here:
        here.state.faults.append(Fault(Kind.SLOW, "update_items", value=2.0))
        first = here.export("c0")
        frozen = here.worker()
        eventually(lambda: ("started", first) in here.happened("c0"))
        here.freeze(frozen)
        other = here.worker()
        eventually(lambda: here.done([first]))
        assert "is cut off" in here.said()
        frozen.send_signal(signal.SIGCONT)
        other.send_signal(signal.SIGTERM)
        assert other.wait(60) == 0
        second = here.export("c0")
        ask(here.server(), "c0")
        eventually(lambda: here.done([second]) or frozen.poll() is not None)
        assert frozen.poll() is None
        assert here.happened("c0") == in_order([first, second])

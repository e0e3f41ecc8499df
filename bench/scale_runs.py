"""What is measured of a fleet: all its jobs, wakes while idle, and what a lost worker costs."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import psycopg
from psycopg import sql

from bench.processes import Used
from bench.scale_world import Fleet, Happened, Process, Sizes, fleet
from bench.usage import Usage
from bench.world import run_script
from counterfoil.register import upgrade

__all__ = ["Lost", "Run", "bare_loop", "disturbed", "measured", "new_database"]

IDLE_SECONDS = 2.0
"""Between two wakes, so that each finds everybody idle."""
GLANCE_SECONDS, WAKE_LIMIT = 0.01, 120.0
"""How often Pleo's log is looked at meanwhile, and for how long."""


@dataclass
class Run:
    """All jobs of a fleet, done by one arrangement of processes."""

    name: str
    jobs: int
    at_once: int
    seconds: float
    faults: Sequence[str]
    """Jobs that were not done once, in order, one at a time for each company."""
    used: Mapping[str, Used]
    wakes: Sequence[float] = field(default_factory=tuple)
    """Seconds from being asked to a started job, while idle."""


@dataclass(frozen=True)
class Lost:
    """A worker was lost in the middle: the seconds until each of its companies went on."""

    how: str
    seconds: Sequence[float]
    faults: Sequence[str]


@contextmanager
def new_database(server: str, name: str) -> Iterator[str]:
    """Give a fresh register on a server of PostgreSQL."""
    url = f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade(url)
    yield url


def measured(
    sizes: Sizes, *, name: str, register: str | None, workers: int, at_once: int, wakes: int
) -> Run:
    """Do all jobs with so many workers (0: embedded), then wake the idle fleet some times."""
    with fleet(sizes, register=register, at_once=at_once) as here:
        if workers:
            for number in range(workers):
                here.counterfoil(f"worker {number + 1}", "worker")
            server = here.counterfoil("serve --no-work", "serve", "--no-work")
        else:
            server = here.counterfoil("serve", "serve")
        events = _all_done(here)
        used = {process.name: process.used for process in here.processes}
        return Run(
            name=name,
            jobs=sizes.companies * sizes.jobs,
            at_once=at_once * max(1, workers),
            seconds=events[-1].at - events[0].at,
            faults=_faults(here, events),
            used=used,
            wakes=[_woken(here, server, number) for number in range(wakes)],
        )


@cache
def bare_loop(sizes: Sizes, at_once: int) -> float:
    """Return the seconds that the least code takes for the same jobs, so many beside each other."""
    with fleet(sizes, register=None, at_once=1) as here:
        folder = here.folder / "plain"
        folder.mkdir()
        out = run_script("bench.scale_loop", here.pleo, here.known, folder, at_once, at=here.folder)
        return Usage.read(out).between().clock


def disturbed(sizes: Sizes, register: str, *, how: signal.Signals, at_once: int) -> Lost:
    """Lose one of two workers in the middle, and see when its companies go on."""
    with fleet(sizes, register=register, at_once=at_once) as here:
        lost = here.counterfoil("worker 1", "worker")
        here.counterfoil("worker 2", "worker")
        here.wait(lambda: bool(_held(register, lost)))
        time.sleep(1)
        held = _held(register, lost)
        when = time.time()
        lost.popen.send_signal(how)
        events = _all_done(here)
        after = [
            [each.at - when for each in events if each.at > when and each.job in jobs]
            for company, jobs in here.jobs.items()
            if company in held
        ]
        return Lost(how.name, [min(each) for each in after if each], _faults(here, events))


def _held(register: str, worker: Process) -> set[str]:
    """Return the companies that a worker is draining."""
    with psycopg.connect(register) as connection:
        found = connection.execute(
            "SELECT connection FROM looks WHERE state = 'running' AND worker LIKE %s",
            [f"%:{worker.popen.pid}"],
        )
        return {name for (name,) in found}


def _all_done(here: Fleet) -> list[Happened]:
    """Wait until every job is done; return what happened, in order."""
    events: list[Happened] = []
    read = 0
    wanted = sum(map(len, here.jobs.values()))

    def done() -> bool:
        nonlocal read
        more, read = here.happened(read)
        events.extend(more)
        return sum(each.event == "completed" for each in events) >= wanted

    here.wait(done)
    for process in here.processes:
        process.note()
    return events


def _faults(here: Fleet, events: Sequence[Happened]) -> list[str]:
    """Tell the companies whose jobs were not done once each, the oldest first, one at a time."""
    by_job: dict[str, str] = {job: company for company, jobs in here.jobs.items() for job in jobs}
    heard: dict[str, list[tuple[str, str]]] = {company: [] for company in here.jobs}
    for each in events:
        heard[by_job[each.job]].append((each.event, each.job))
    return [
        f"company {company}: {heard[company]}"
        for company, jobs in here.jobs.items()
        if heard[company] != [(event, job) for job in jobs for event in ("started", "completed")]
    ]


def _woken(here: Fleet, server: Process, number: int) -> float:
    """Return the seconds from being asked until Pleo's log shows that the job is started."""
    time.sleep(IDLE_SECONDS)
    company = sorted(here.jobs)[number % len(here.jobs)]
    _, read = here.happened()
    job = here.export(company)
    asked = here.look(server, company)
    end = asked + WAKE_LIMIT
    while time.time() < end:
        more, read = here.happened(read)
        if any((each.event, each.job) == ("started", job) for each in more):
            return time.time() - asked
        time.sleep(GLANCE_SECONDS)
    raise RuntimeError(f"Company {company} was asked for, and nothing was started")

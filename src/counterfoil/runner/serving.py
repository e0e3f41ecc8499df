"""The embedded service: one process that drains every connection's company, again and again.

Each connection is looked at when it starts, on its schedule, and when somebody asks. Whatever asks
only sets the connection's flag "look again", so that no call is lost and many are one. Drains run
in threads with loops of their own, companies beside each other up to a limit, so that whoever asks
is answered at once. What a drain does is ``once``'s.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar

import structlog

from counterfoil.export.ports import Silent
from counterfoil.runner.once import run_connection
from counterfoil.runner.turns import Turns

if TYPE_CHECKING:
    from counterfoil.config import Connection
    from counterfoil.register import Register
    from counterfoil.runner.reports import ConnectionReport, JobReport

__all__ = [
    "ConnectionState",
    "Service",
    "Serving",
    "State",
    "doing",
    "drained",
    "drains_threads",
    "in_thread",
    "tell",
]

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)

SOON_SECONDS: Final = 30.0
"""How soon it looks again while another integration's job is under way, or a connection waits."""
PAUSE_MAX: Final = 3600.0
"""The longest pause of a connection that is broken, in seconds."""
IN_A_ROW: Final = 3
"""So many jobs that failed whole for one cause are told as such."""


class State(StrEnum):
    """What a connection is doing."""

    STARTING = "starting"
    IDLE = "idle"
    RUNNING = "running"
    BROKEN = "broken"
    """It cannot work, and is looked at less and less often; asking for it tries at once."""
    PAUSED = "paused"
    """A person paused it, and none of its jobs is looked for until it is resumed."""
    WAITING = "waiting"
    """Its accounting system is away, and a pending job is left unclaimed meanwhile; or Pleo asks
    for more patience than a request has."""


@dataclass
class ConnectionState:
    """A connection under the service: what it does, and how its last drains went."""

    connection: Connection
    again: asyncio.Event = field(default_factory=asyncio.Event)
    state: State = State.STARTING
    error: str | None = None
    """Why it is broken, paused, or waits."""
    looked_at: datetime | None = None
    """When its last drain ended, UTC."""
    foreign: Sequence[str] = ()
    busy: bool = False
    """Whether another process was at it, or the register was away."""
    broken: int = 0
    """How many drains in a row could not work."""
    causes: list[str | None] = field(default_factory=list)

    def note(self, report: ConnectionReport, now: datetime) -> None:
        """Take how a drain went."""
        self.looked_at, self.foreign, self.busy = now, report.foreign, report.busy
        self.error = report.error or report.paused or report.waiting
        is_broken = report.error is not None and not report.busy
        self.broken = self.broken + 1 if is_broken else 0
        self.state = State.BROKEN if is_broken else _idle(report)
        self.causes = [*self.causes, *map(_cause, report.jobs)][-IN_A_ROW:]

    @property
    def failing(self) -> str | None:
        """Why its last three jobs all failed whole, where that was one cause."""
        last = self.causes[0] if len(self.causes) == IN_A_ROW else None
        return last if last and set(self.causes) == {last} else None

    def pause(self, every: float) -> float:
        """Return the seconds until it is looked at by itself, on a schedule of ``every``."""
        if self.broken:
            return min(PAUSE_MAX, every * 2.0 ** min(self.broken - 1, 12))
        soon = self.foreign or self.busy or self.state is State.WAITING
        return min(every, SOON_SECONDS) if soon else every


def _idle(report: ConnectionReport) -> State:
    if report.paused:
        return State.PAUSED
    return State.WAITING if report.waiting else State.IDLE


def _cause(job: JobReport) -> str | None:
    return None if job.worked else job.reason


class Serving(Protocol):
    """What keeps connections drained, in this process or in others."""

    @property
    def states(self) -> Mapping[str, ConnectionState]:
        """How every connection is, by name."""

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""

    def look(self, name: str) -> bool:
        """Have a connection looked at as soon as possible; False if there is none of this name."""

    def stop(self) -> None:
        """Finish what is at hand and end; safe to call from a signal's handler in the loop."""

    async def run(self) -> None:
        """Go on until told to stop."""


def doing(service: Serving) -> Mapping[str, str]:
    """Return what each connection does, by its name."""
    return {name: str(each.state) for name, each in service.states.items()}


class Service:
    """Keeps every connection drained until it is told to stop."""

    def __init__(
        self,
        connections: Sequence[Connection],
        register: Register,
        *,
        every: float = 300.0,
        at_once: int = 4,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take what to keep drained: a look every so many seconds, so many companies at once."""
        self.states: Mapping[str, ConnectionState] = {
            each.name: ConnectionState(each) for each in connections
        }
        self._register = register
        self._every = every
        self._turns = Turns(at_once)
        self._threads = drains_threads(at_once)
        self._jitter = jitter
        self._stopping = Event()

    async def run(self) -> None:
        """Drain until told to stop; chunks at hand are reported before it returns."""
        async with asyncio.TaskGroup() as group:
            for state in self.states.values():
                group.create_task(self._keep(state))

    def look(self, name: str) -> bool:
        """Have a connection looked at as soon as possible; False if there is none of this name."""
        state = self.states.get(name)
        if state is not None:
            state.again.set()
        return state is not None

    def stop(self) -> None:
        """Finish what is at hand and end; safe to call from a signal's handler in the loop."""
        self._stopping.set()
        for state in self.states.values():
            state.again.set()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    async def _keep(self, state: ConnectionState) -> None:
        while not self.stopping:
            await self._drain(state)
            if not self.stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(state.pause(self._every) * self._spread()):
                        await state.again.wait()

    def _spread(self) -> float:
        """Vary a pause by a tenth, so that connections do not ask Pleo all at one moment."""
        return 0.9 + 0.2 * self._jitter()

    async def _drain(self, state: ConnectionState) -> None:
        connection = state.connection
        async with self._turns.turn(state.again.is_set):
            state.again.clear()
            if self.stopping:
                return
            state.state = State.RUNNING
            report = await in_thread(
                self._threads, drained, connection, self._register, self._stopping.is_set
            )
        state.note(report, datetime.now(UTC))
        tell(state, report)


def drains_threads(at_once: int) -> ThreadPoolExecutor:
    """Return threads for so many drains: asyncio's own are left to whoever waits for an answer."""
    return ThreadPoolExecutor(at_once, thread_name_prefix="drain")


async def in_thread(
    threads: Executor, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call in one of these threads, as ``asyncio.to_thread`` does: what listens here hears it."""
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, call)


def drained(
    connection: Connection, register: Register, stopping: Callable[[], bool]
) -> ConnectionReport:
    """Drain a connection in a loop of its own, in whichever thread this is."""
    return asyncio.run(run_connection(connection, register, progress=Silent(), stopping=stopping))


def tell(state: ConnectionState, report: ConnectionReport) -> None:
    """Log how a drain went."""
    name = state.connection.name
    for job in report.jobs:
        booked = sum(item.status == "successful" for item in job.items)
        log.info(
            "a job has ended",
            connection=name,
            job=job.job_id,
            outcome=job.outcome,
            items=len(job.items),
            booked=booked,
        )
    if state.failing:
        log.error("its last jobs all failed for one cause", connection=name, reason=state.failing)
    if state.state is State.PAUSED:
        log.info("a person paused the connection", connection=name, reason=report.paused)
    if state.broken:
        log.error("the connection is broken", connection=name, reason=report.error)

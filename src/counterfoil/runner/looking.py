"""Which connections are to be looked at, and when: by the clock, by their flags, by what died.

Any number of processes do this beside each other, over one register and one queue: a look that is
due is taken by one of them, a company waits in the queue once whoever puts it there, and a task is
taken away from a dead worker once. So each process may end at any time.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from counterfoil.register.database import RegisterUnavailable
from counterfoil.register.locks import company_lock, process_lock, target_lock, worker_lock
from counterfoil.runner.queue import Urgency

if TYPE_CHECKING:
    from procrastinate.jobs import Job

    from counterfoil.config import Connection
    from counterfoil.register import Look, Register
    from counterfoil.register.advisory import AdvisoryLocks
    from counterfoil.runner.queue import Queue

__all__ = ["Lookout"]

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 1.0
RESCUE_SECONDS: Final = 2.0
FLAG_SECONDS: Final = 5.0
CALLS_SECONDS: Final = 0.02
"""Calls that come within this time are one: a storm of them costs no more than a breeze."""


class Lookout:
    """Puts companies into the queue in time, and rescues those of dead workers."""

    def __init__(
        self,
        connections: Mapping[str, Connection],
        register: Register,
        locks: AdvisoryLocks,
        queue: Queue,
        *,
        every: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Look at these connections every so many seconds by the clock."""
        self._connections = connections
        self._register = register
        self._locks = locks
        self._queue = queue
        self._every = every
        self._chance = chance
        self._asked: set[str] = set()
        self._woken = asyncio.Event()
        self._ticked = -math.inf
        self._lost: frozenset[int | None] = frozenset()
        """The tasks that nobody was found at when this was last looked at."""
        self._flagged_at: dict[str, float] = {}
        """When companies were put into the queue for their flags, monotonic."""

    def ask(self, names: Iterable[str]) -> None:
        """Have connections looked at as soon as possible."""
        self._asked.update(names)
        self._woken.set()

    async def keep(self) -> None:
        """Look out until it is cancelled; raises RegisterUnavailable."""
        await asyncio.to_thread(self._register.looks.know, self._connections, _now())
        await self._put(await self._interrupted(), Urgency.CALLED)
        while True:
            await self._put(self._taken(), Urgency.CALLED)
            if time.monotonic() - self._ticked >= TICK_SECONDS:
                self._ticked = time.monotonic()
                await self._put(await asyncio.to_thread(self._flagged), Urgency.CALLED)
                await self._put(await asyncio.to_thread(self._due), Urgency.DUE)
            await asyncio.sleep(CALLS_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._woken.wait()

    def _taken(self) -> set[str]:
        """Take what was asked for since this was last called."""
        asked, self._asked = self._asked, set()
        self._woken.clear()
        return asked

    async def _put(self, names: Iterable[str], urgency: Urgency) -> None:
        """Put those that are ours into the queue; where that fails, they stay asked for."""
        left = deque(name for name in names if name in self._connections)
        try:
            while left:
                await self._queue.put(self._connections[left[0]], urgency)
                left.popleft()
        except (RegisterUnavailable, asyncio.CancelledError):
            self.ask(left)
            raise

    async def _interrupted(self) -> set[str]:
        """Find what was under way when its worker ended, and nobody has taken yet."""
        unfinished = await asyncio.to_thread(self._register.jobs.unfinished)
        return unfinished - {name for _, name in await self._queue.taken()}

    def _due(self) -> list[str]:
        """Take the looks whose time has come."""
        now = _now()
        ours = [
            each for each in self._register.looks.due(now) if each.connection in self._connections
        ]
        taken: list[str] = []
        try:
            taken.extend(look.connection for look in ours if self._take(look, now))
        except RegisterUnavailable:
            self._asked.update(taken)
            raise
        return taken

    def _flagged(self) -> list[str]:
        """Find who is called for; one that a person paused keeps its flag until it is resumed."""
        flagged = set(self._register.wakeups.waiting())
        paused = self._register.pauses.all() if flagged else {}
        return [
            name
            for name, company in self._companies().items()
            if company in flagged and name not in paused and self._again(company)
        ]

    def company(self, name: str) -> str | None:
        """Return a connection's company, where it is configured or known from its use."""
        return self._companies().get(name)

    def _companies(self) -> Mapping[str, str]:
        """Return each connection's company; one that is not configured is known from its use."""
        known = {each.name: each.company_id for each in self._connections.values()}
        if not all(known.values()):
            bound = {each.name: each.company_id for each in self._register.connections.all()}
            known = {name: company or bound.get(name, "") for name, company in known.items()}
        return {name: company for name, company in known.items() if company}

    def _again(self, company_id: str) -> bool:
        """Tell whether a flag that stays set is worth another task: somebody may be at it."""
        now = time.monotonic()
        if now - self._flagged_at.get(company_id, -math.inf) < FLAG_SECONDS:
            return False
        self._flagged_at[company_id] = now
        return True

    def _take(self, look: Look, now: datetime) -> bool:
        return self._register.looks.take(look, now + timedelta(seconds=self._pause(look, now)))

    def _pause(self, look: Look, now: datetime) -> float:
        """Return the seconds to the look after this one, so that all are spread over the interval.

        They are spread anew where many are due at once: when they are new, or nobody looked out.
        """
        late = (now - look.next_look).total_seconds()
        if look.looked_at is None or late > self._every:
            return self._every * self._chance()
        return self._every * (0.9 + 0.2 * self._chance())

    async def keep_rescuing(self) -> None:
        """Rescue until it is cancelled; raises RegisterUnavailable."""
        while True:
            await self._rescue()
            await asyncio.sleep(RESCUE_SECONDS)

    async def _rescue(self) -> None:
        """Give the companies of dead and frozen workers to others, once these are cut off."""
        stalled = [each for each in await self._queue.stalled() if not self._queue.is_ours(each[0])]
        for job, name in [*stalled, *await self._abandoned()]:
            connection = self._connections.get(name)
            if connection is None:
                continue
            if job.worker_id is not None:
                await asyncio.to_thread(self._cut_off, connection, job.worker_id)
            if await self._queue.drop(job):
                log.warning("a worker is dead or frozen; its company goes on", connection=name)
                await self._put([name], Urgency.LOST)

    async def _abandoned(self) -> list[tuple[Job, str]]:
        """Find the tasks that nobody is at, long before a heart is missed.

        Their worker's lock is free, or they are our own and done, which could not be noted. They
        must be found so twice: a lock may be lost for a moment, and to note it takes one.
        """
        taken = [
            (job, name, worker_lock(job.worker_id))
            for job, name in await self._queue.taken()
            if job.worker_id is not None
        ]
        locks = {lock for *_, lock in taken}
        free = await asyncio.to_thread(self._locks.free, locks) if locks else ()
        at_work = self._queue.at_work
        found = [
            (job, name)
            for job, name, lock in taken
            if (name not in at_work if self._queue.is_ours(job) else lock in free)
        ]
        before, self._lost = self._lost, frozenset(job.id for job, _ in found)
        return [(job, name) for job, name in found if job.id in before]

    def _cut_off(self, connection: Connection, number: int) -> None:
        """End the sessions by which a frozen worker holds the company and its book."""
        company = self.company(connection.name)
        frozen = self._name_of(number, connection.name)
        if company is None or frozen is None:
            return
        for lock in (
            company_lock(company),
            target_lock(connection.open_books().target),
        ):
            if (holder := self._locks.cut_off(lock, only=frozen)) is not None:
                log.warning("a worker that hangs is cut off", lock=lock, holder=str(holder))
        self._locks.end_transactions(frozen)

    def _name_of(self, number: int, name: str) -> str | None:
        """Say how the worker that has a task calls itself at PostgreSQL.

        Where its lock is gone already, other sessions of it may be there still: those of a machine
        that vanished. Then who noted that it drains the connection is meant, unless that one lives.
        """
        if (holder := self._locks.holder(worker_lock(number))) is not None:
            return holder.application
        look = self._register.looks.get(name)
        noted = None if look is None else look.worker
        return noted if noted and self._locks.free({process_lock(noted)}) else None


def _now() -> datetime:
    return datetime.now(UTC)

"""Many processes over one register on PostgreSQL: those that look out, and those that work.

Each looks out (``looking``); a ``Worker`` also drains what the queue gives it, in threads with
loops of their own as the embedded service does. What is told of a connection stands in the
register, so that each of them can show it. While PostgreSQL is away they wait for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Final

import structlog

from counterfoil.ending import see_ended
from counterfoil.errors import ConfigurationError, FenceLost
from counterfoil.register import LockHeld, Look, RegisterUnavailable
from counterfoil.register.advisory import AdvisoryLocks
from counterfoil.register.locks import process_lock, worker_lock
from counterfoil.register.queue_tables import refuse_other_queue
from counterfoil.runner.looking import Lookout
from counterfoil.runner.queue import Queue, Urgency
from counterfoil.runner.serving import (
    ConnectionState,
    State,
    drained,
    drains_threads,
    in_thread,
    tell,
)

if TYPE_CHECKING:
    from counterfoil.config import Config, Connection
    from counterfoil.register import Register

__all__ = ["Dispatcher", "Worker"]

log = structlog.get_logger(__name__)

AWAY_SECONDS: Final = 2.0
"""Before PostgreSQL is tried again."""
KNOWN_SECONDS: Final = 1.0
"""How often a process sees to it that others know that it works."""
BUSY_SECONDS: Final = 5.0
"""Before a company is looked at again that another process was working for."""


class Dispatcher:
    """Looks out for work, and leaves it to workers; told as the embedded service is."""

    def __init__(
        self, config: Config, connections: Sequence[Connection], register: Register
    ) -> None:
        """Take whose companies to look out for; raises ConfigurationError and SchemaMismatch.

        The register must be on PostgreSQL, with a queue that this Procrastinate works with.
        """
        locks = register.locks
        if not isinstance(locks, AdvisoryLocks):
            raise ConfigurationError(
                f"[register] url: {config.register_url} is a file, and workers on it would stand "
                'in each other\'s way. Name a database, url = "postgresql://USER@HOST/DATABASE", '
                "and run counterfoil register upgrade; or run counterfoil serve, which does all "
                "the work in one process"
            )
        refuse_other_queue(register.database)
        self._connections = {each.name: each for each in connections}
        self._register = register
        self._locks = locks
        self._every = config.serve.poll.total_seconds()
        self._queue = Queue(
            config.register_direct_url or config.register_url, register.database.place
        )
        self._lookout = Lookout(self._connections, register, locks, self._queue, every=self._every)
        self._process = process_lock(locks.application)
        self._known_by: set[str] = set()
        """The locks by which others see that this process works."""
        self._stopping = Event()
        self._stopped = asyncio.Event()

    @property
    def states(self) -> Mapping[str, ConnectionState]:
        """How every connection is, by name, whoever works for it."""
        known = {look.connection: look for look in self._register.looks.all()}
        return {
            name: _state(connection, known[name]) if name in known else ConnectionState(connection)
            for name, connection in self._connections.items()
        }

    def look(self, name: str) -> bool:
        """Have a connection looked at as soon as possible; False if there is none of this name."""
        if name not in self._connections:
            return False
        self._lookout.ask([name])
        return True

    def stop(self) -> None:
        """Finish what is at hand and end; safe to call from a signal's handler in the loop."""
        self._stopping.set()
        self._stopped.set()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    async def run(self) -> None:
        """Go on until told to stop; raises SchemaMismatch when the schema is changed meanwhile."""
        while not self.stopping:
            try:
                async with AsyncExitStack() as stack:
                    # In threads: where nothing answers, to connect and to end take their time.
                    holding = ExitStack()
                    stack.push_async_callback(asyncio.to_thread, holding.close)
                    alive = self._known(self._process)
                    await asyncio.to_thread(holding.enter_context, alive)
                    await stack.enter_async_context(self._queue.open())
                    await self._until_stopped(self._duties())
            except (RegisterUnavailable, LockHeld) as error:
                # Locked: it is being upgraded, or a session of ours has not ended there yet.
                log.warning("waiting for the register", reason=str(error))
                await self._wait(AWAY_SECONDS)

    def _duties(self) -> list[Awaitable[None]]:
        duties = (self._stay_known, self._lookout.keep, self._lookout.keep_rescuing)
        return [self._again(duty) for duty in duties]

    async def _again(self, duty: Callable[[], Awaitable[None]]) -> None:
        """Do a duty anew where it alone fails; raises what it does once the register is lost."""
        while True:
            try:
                await duty()
            except RegisterUnavailable as error:
                if not await asyncio.to_thread(self._alive):
                    raise
                log.warning("the register fails; once more", reason=str(error))
                await asyncio.sleep(AWAY_SECONDS)

    @contextmanager
    def _known(self, lock: str) -> Iterator[None]:
        """Be known by a lock for the block; raises what holding one does."""
        with self._locks.hold(lock):
            self._known_by.add(lock)
            try:
                yield
            finally:
                self._known_by.remove(lock)

    async def _stay_known(self) -> None:
        """Hold these locks until cancelled, also where a session ends and nothing else is lost."""
        while True:
            for lock in tuple(self._known_by):
                # Its old session may stand there for a moment still, or it is being upgraded.
                with suppress(LockHeld):
                    await asyncio.to_thread(self._locks.keep, lock)
            await asyncio.sleep(KNOWN_SECONDS)

    def _alive(self) -> bool:
        """Whether the lock is held still by which others see that this process works."""
        try:
            self._locks.confirm(self._process)
        except FenceLost:
            return False
        return True

    async def _until_stopped(self, duties: Sequence[Awaitable[None]]) -> None:
        """Do all of them until told to stop, or until one fails; then end them all."""
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        every = [*tasks, asyncio.ensure_future(self._stopped.wait())]
        try:
            await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failed = [task for task in tasks if task.done()]
            # Once is not enough: psycopg's pool waits by ``asyncio.wait_for``, and that of Python
            # 3.11 loses a cancellation that comes at the moment at which a connection is free.
            await see_ended(every, lambda: [each.cancel() for each in every])
        for task in failed:
            task.result()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return


class Worker(Dispatcher):
    """Looks out for work, and does what the queue gives it."""

    def __init__(
        self,
        config: Config,
        connections: Sequence[Connection],
        register: Register,
        *,
        at_once: int,
    ) -> None:
        """Drain so many companies beside each other; raises what a ``Dispatcher`` does."""
        super().__init__(config, connections, register)
        self._at_once = at_once
        self._threads = drains_threads(at_once)

    def _duties(self) -> list[Awaitable[None]]:
        work = self._queue.work(
            self._at_once, self._drain, lambda number: self._known(worker_lock(number))
        )
        return [*super()._duties(), work]

    async def _drain(self, name: str) -> None:
        """Drain a company; what the queue asks for again is put there before its task ends."""
        connection = self._connections.get(name)
        if connection is None:
            log.error("a task for a connection that is not configured here", connection=name)
            return
        try:
            await in_thread(self._threads, self._drain_and_note, connection)
            if self._leaves_off():
                await self._queue.put(connection, Urgency.CALLED)
        except RegisterUnavailable as error:
            self._lookout.ask([name])
            log.warning("a drain stays without a note", connection=name, reason=str(error))

    def _leaves_off(self) -> bool:
        """Whether drains are to end with the chunk at hand, and go on with whoever is next."""
        return self.stopping or self._queue.ended.is_set()

    def _drain_and_note(self, connection: Connection) -> None:
        began = datetime.now(UTC)
        begun = self._register.looks.begin(
            connection.name, worker=self._locks.application, state=State.RUNNING, now=began
        )
        state = _state(connection, begun)
        report = drained(connection, self._register, self._leaves_off)
        now = datetime.now(UTC)
        state.note(report, now)
        tell(state, report)
        if state.broken and (company := self._lookout.company(connection.name)):
            self._register.wakeups.taken(company, before=began)
        sooner = bool(report.busy or state.broken or report.foreign or report.waiting)
        pause = BUSY_SECONDS if report.busy else state.pause(self._every)
        self._register.looks.end(_look(begun, state, now + timedelta(seconds=pause)), sooner=sooner)


def _state(connection: Connection, look: Look) -> ConnectionState:
    """Read how it stands with a connection."""
    return ConnectionState(
        connection,
        state=State(look.state),
        error=look.error,
        looked_at=look.looked_at,
        broken=look.broken,
        causes=json.loads(look.causes),
        foreign=json.loads(look.foreign_jobs),
    )


def _look(begun: Look, state: ConnectionState, next_look: datetime) -> Look:
    """Write how it stands with a connection."""
    return replace(
        begun,
        next_look=next_look,
        state=str(state.state),
        error=state.error,
        looked_at=state.looked_at,
        broken=state.broken,
        causes=json.dumps(state.causes),
        foreign_jobs=json.dumps(list(state.foreign)),
    )

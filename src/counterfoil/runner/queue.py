"""The queue of companies to drain, on PostgreSQL: Procrastinate's, with what we ask of it.

A task is "drain the company of this connection". Of one company at most one task waits (its
queueing lock) and at most one is being worked on (its lock). A task says no more than that: what
there is to do is Pleo's to say, so a task that is lost, or there twice, does no harm. Whether a
company may be worked on at all is decided by the register's locks alone.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from enum import IntEnum
from threading import Event
from typing import TYPE_CHECKING, Final

import psycopg
import structlog
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.manager import JobManager
from procrastinate.tasks import Task
from procrastinate.worker import Worker as Fetcher

from counterfoil.effects import effect
from counterfoil.ending import see_ended
from counterfoil.register.postgres import reached_by
from counterfoil.register.queue_tables import QUEUE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from psycopg import AsyncConnection

    from counterfoil.config import Connection
    from counterfoil.register.database import Place

__all__ = ["STALLED_SECONDS", "Queue", "Urgency"]

log = structlog.get_logger(__name__)

QUEUE: Final = "counterfoil"
TASK: Final = "counterfoil.drain"
HEARTBEAT_SECONDS: Final = 5.0
STALLED_SECONDS: Final = 15.0
"""A worker whose heart has not beaten for so long is dead or frozen."""
FORGOTTEN_SECONDS: Final = 24 * 60 * 60.0
"""So long a worker is known by its number after that, and what it holds can be told by it."""
FETCH_SECONDS: Final = 0.5
"""How soon a task is found whose notice was lost."""
REACH_SECONDS: Final = 10.0
POOL: Final = 4
_BRING_FORWARD: Final = (
    "UPDATE procrastinate_jobs SET priority = %(urgency)s "
    "WHERE queueing_lock = %(lock)s AND status = 'todo' AND priority < %(urgency)s"
)


class Urgency(IntEnum):
    """Which of the companies that wait goes first; those of one kind go as they came."""

    DUE = 0
    """Its time has come."""
    CALLED = 1
    """A webhook came, or a person asked; or it was interrupted."""
    LOST = 2
    """Its worker is dead or frozen."""


class Queue:
    """Companies that wait to be drained."""

    def __init__(self, url: str, place: Place) -> None:
        """Take where PostgreSQL itself is reached: a pooler passes no notices on."""
        self._place = place
        conninfo, parameters = reached_by(url)
        connector = PsycopgConnector(
            conninfo=conninfo,
            kwargs=parameters,
            configure=_search,
            min_size=1,
            max_size=POOL,
            timeout=REACH_SECONDS,
        )
        self._app = App(connector=connector)
        self.ended = Event()
        """Set where no more tasks are fetched, though drains go on: they are to end soon."""
        self._app.job_manager = self._jobs = _Jobs(connector, self.ended)
        self.at_work: set[str] = set()
        """The connections whose companies are being drained here."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Be connected for the block; raises RegisterUnavailable."""
        try:
            with self._telling():
                await self._app.open_async()
            yield
        finally:
            # Also where it could not be opened: what is half open is not opened again.
            await self._app.close_async()

    async def put(self, connection: Connection, urgency: Urgency) -> bool:
        """Have a company drained; False where it waits already, if need be further back.

        One connection exports a company, so its name stands for both: it is known from the start.
        """
        lock = f"connection {connection.name}"
        with self._telling(), effect("queue.put", connection.name):
            try:
                task = self._app.configure_task(
                    TASK, queue=QUEUE, lock=lock, queueing_lock=lock, priority=urgency
                )
                await task.defer_async(name=connection.name)
            except exceptions.AlreadyEnqueued:
                if urgency:
                    await self._app.connector.execute_query_async(
                        _BRING_FORWARD, lock=lock, urgency=int(urgency)
                    )
                return False
        return True

    async def work(
        self,
        at_once: int,
        drain: Callable[[str], Awaitable[None]],
        known: Callable[[int], AbstractContextManager[None]],
    ) -> None:
        """Fetch tasks and work on so many beside each other, until cancelled; these are finished.

        ``drain`` is called with the name of each connection whose company is to be drained;
        ``known`` is entered with the worker's number before it takes a task, and left when it has
        none any more. Raises RegisterUnavailable once a task could not be fetched and the drains,
        which see that in ``ended``, have come to an end.
        """
        _retell()
        self.ended.clear()
        run = self._calling(drain)
        self._app.tasks[TASK] = Task(run, blueprint=self._app, name=TASK, queue=QUEUE)
        stack = ExitStack()
        try:
            with self._jobs.entering(stack, known):
                await self._fetch(at_once)
        finally:
            await asyncio.to_thread(stack.close)

    async def _fetch(self, at_once: int) -> None:
        fetcher = Fetcher(
            self._app,
            queues=[QUEUE],
            name=None,
            concurrency=at_once,
            fetch_job_polling_interval=FETCH_SECONDS,
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=FORGOTTEN_SECONDS,
        )
        beating = asyncio.create_task(self._keep_beating(fetcher))
        fetching = asyncio.create_task(fetcher.run())  # type: ignore[no-untyped-call]
        try:
            with self._telling():
                await asyncio.shield(fetching)
        except asyncio.CancelledError:
            self.ended.set()
            # It is told, not cancelled, as often as we are: cancelled twice, it drops its drains.
            await see_ended([fetching], fetcher.stop)
            fetching.exception()
            raise
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        raise self._place.unavailable("the queue cannot be followed any more")

    async def _keep_beating(self, fetcher: Fetcher) -> None:
        """Beat the worker's heart until it has ended.

        Its own stops before it waits for drains, and for good where one beat fails.
        """
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if fetcher.worker_id is not None:
                # Whether the register is away is noticed where tasks are fetched.
                with suppress(psycopg.Error, exceptions.ConnectorException):
                    await self._jobs.update_heartbeat(fetcher.worker_id)

    async def taken(self) -> list[tuple[Job, str]]:
        """Return the tasks that workers have, be they alive or not, with their connections."""
        with self._telling():
            jobs = await self._jobs.list_jobs_async(queue=QUEUE, status="doing")
        return [(job, _name(job)) for job in jobs]

    async def stalled(self) -> list[tuple[Job, str]]:
        """Return the tasks of workers whose hearts have stopped, with their connections."""
        with self._telling():
            jobs = await self._jobs.get_stalled_jobs(
                queue=QUEUE, seconds_since_heartbeat=STALLED_SECONDS
            )
        return [(job, _name(job)) for job in jobs]

    async def drop(self, job: Job) -> bool:
        """Take a task away from its worker; False where somebody else was quicker."""
        with effect("queue.drop", _name(job)), suppress(exceptions.ConnectorException):
            await self._jobs.finish_job(job, Status.ABORTED, delete_job=True)
            return True
        return False

    def is_ours(self, job: Job) -> bool:
        """Whether a task that is taken is taken here."""
        return job.worker_id is not None and job.worker_id == self._jobs.number

    def _calling(self, drain: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
        async def drain_connection(name: str) -> None:
            self.at_work.add(name)
            try:
                await drain(name)
            finally:
                self.at_work.discard(name)

        return drain_connection

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say in our words what the database says through Procrastinate."""
        try:
            yield
        except (psycopg.Error, exceptions.ConnectorException) as error:
            raise self._place.unavailable(error.__cause__ or error) from error


class _Jobs(JobManager):
    """Procrastinate's, which makes a worker known by its number before that takes a task.

    And it tells where none can be fetched: Procrastinate waits for the drains then, however long.
    """

    _enter: Callable[[int], object]

    def __init__(self, connector: PsycopgConnector, ended: Event) -> None:
        super().__init__(connector)
        self.number: int | None = None
        self._ended = ended

    @contextmanager
    def entering(
        self, stack: ExitStack, known: Callable[[int], AbstractContextManager[None]]
    ) -> Iterator[None]:
        self._enter = lambda number: stack.enter_context(known(number))
        try:
            yield
        finally:
            self.number = None

    async def register_worker(self) -> int:
        number = await super().register_worker()
        try:
            await asyncio.to_thread(self._enter, number)
        except BaseException:
            with suppress(psycopg.Error, exceptions.ConnectorException):
                await self.unregister_worker(number)
            raise
        self.number = number
        return number

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        try:
            return await super().fetch_job(queues, worker_id)
        except Exception:
            self._ended.set()
            raise


class _Retelling(logging.Handler):
    """Tells what Procrastinate logs as we tell things."""

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().partition("\n")[0]
        log.log(record.levelno, "the queue says", said=said, error=_short(record))


def _short(record: logging.LogRecord) -> str | None:
    error = record.exc_info[1] if record.exc_info else None
    return None if error is None else f"{type(error).__name__}: {error}"


def _retell() -> None:
    theirs = logging.getLogger("procrastinate")
    theirs.handlers = [_Retelling(logging.WARNING)]
    theirs.propagate = False


def _name(job: Job) -> str:
    return str(job.task_kwargs["name"])


async def _search(connection: AsyncConnection) -> None:
    """Have names found in the queue's own schema."""
    await connection.execute(f"SET search_path TO {QUEUE_SCHEMA}")
    await connection.commit()

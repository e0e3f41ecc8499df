"""The queue and what looks out for it, on a real PostgreSQL, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partialmethod

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from counterfoil import ending
from counterfoil.config import Connection, load
from counterfoil.errors import ConfigurationError
from counterfoil.register import (
    Register,
    RegisterUnavailable,
    SchemaMismatch,
    open_register,
    upgrade,
)
from counterfoil.register.advisory import AdvisoryLocks, key_of
from counterfoil.register.connections import Binding
from counterfoil.register.locks import LockHeld, company_lock, process_lock, worker_lock
from counterfoil.register.queue_tables import (
    _changes,
    bring_queue_up,
    newest_change,
    refuse_other_queue,
)
from counterfoil.runner import queue as runner_queue
from counterfoil.runner import working
from counterfoil.runner.looking import Lookout
from counterfoil.runner.queue import Queue, Urgency
from counterfoil.runner.working import Dispatcher, Worker
from tests.acme import Acme, CommandLine
from tests.postgres import PostgresServer
from tests.register.test_register_memory import job

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def connection(acme: Acme) -> Connection:
    """Give a configured connection."""
    (only,) = load(acme.folder / "counterfoil.toml", {"PLEO_API_KEY": "x"}).connections
    return only


def nobody_looks(_: int) -> AbstractContextManager[None]:
    """Stand for what others see a worker by."""
    return nullcontext()


class Held:
    """A drain that goes on until it is let go."""

    def __init__(self) -> None:
        """Nobody drains yet."""
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, _: str) -> None:
        """Drain."""
        self.begun.set()
        await self.goes_on.wait()


async def cancelled(work: asyncio.Task[None]) -> None:
    """Cancel work and see it end."""
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_company_waits_once_and_is_taken_once(
    connection: Connection, postgres_url: str
) -> None:
    with open_register(postgres_url) as register:
        queue = Queue(postgres_url, register.database.place)
        async with queue.open():
            put = [await queue.put(connection, Urgency.DUE) for _ in range(2)]
            assert put == [True, False]
            assert await queue.taken() == []
            assert await queue.stalled() == []


@pytest.mark.parametrize("waits", [False, True], ids=["do not wait", "wait"])
async def test_who_is_called_for_goes_before_others_and_who_lost_its_worker_first(
    connection: Connection, postgres_url: str, *, waits: bool
) -> None:
    drained: list[str] = []
    urgency = {"due": Urgency.DUE, "called": Urgency.CALLED, "lost": Urgency.LOST}
    with open_register(postgres_url) as register:
        queue = Queue(postgres_url, register.database.place)
        async with queue.open():
            for name in urgency if waits else ():
                await queue.put(replace(connection, name=name), Urgency.DUE)
            for name, how in urgency.items():
                assert await queue.put(replace(connection, name=name), how) is not waits
            # Who is called for, and becomes due, is not put back.
            assert not await queue.put(replace(connection, name="called"), Urgency.DUE)

            async def drain(name: str) -> None:
                drained.append(name)
                if len(drained) == 3:
                    at_work.cancel()

            at_work = asyncio.create_task(queue.work(1, drain, nobody_looks))
            with pytest.raises(asyncio.CancelledError):
                await at_work
    assert drained == ["lost", "called", "due"]


def test_a_look_that_is_due_is_taken_by_one(postgres_url: str) -> None:
    with open_register(postgres_url) as first, open_register(postgres_url) as second:
        for register in (first, second):
            register.looks.know(["acme"], NOW)
        assert first.looks.due(NOW - timedelta(seconds=1)) == []
        (seen,), (also_seen,) = first.looks.due(NOW), second.looks.due(NOW)
        later = NOW + timedelta(minutes=5)
        assert [first.looks.take(seen, later), second.looks.take(also_seen, later)] == [True, False]
        assert first.looks.due(NOW) == []


def test_what_a_worker_notes_late_does_not_hide_what_another_does(postgres_url: str) -> None:
    with open_register(postgres_url) as register:
        begun = register.looks.begin("acme", worker="frozen", state="running", now=NOW)
        register.looks.begin("acme", worker="quick", state="running", now=NOW)
        register.looks.end(begun, sooner=True)
        assert register.looks.all()[0].worker == "quick"


def dispatch(acme: Acme, register: Register) -> Dispatcher:
    config = load(acme.folder / "counterfoil.toml", {"PLEO_API_KEY": "x"})
    return Dispatcher(config, config.connections, register)


def test_a_register_in_a_file_is_refused(acme: Acme, counterfoil: CommandLine) -> None:
    for command in (["worker"], ["serve", "--no-work", "--port", "0"]):
        said = counterfoil(*command)
        assert said.code == 2
        assert "workers on it would stand in each other's way. Name a database" in said.err
    with (
        open_register(f"sqlite:///{acme.folder}/x.db") as register,
        pytest.raises(ConfigurationError, match="counterfoil serve, which does all"),
    ):
        dispatch(acme, register)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP SCHEMA counterfoil_queue CASCADE", "has no queue, and this worker needs one as of"),
        (
            "UPDATE counterfoil_queue.seen SET change = '01'",
            "has a queue as of 01, and this worker",
        ),
        ("UPDATE counterfoil_queue.seen SET change = '99'", "install the newer one, too"),
    ],
)
def test_a_queue_of_another_procrastinate_is_refused(
    acme: Acme, postgres_url: str, statement: str, told: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(statement)
    with open_register(postgres_url) as register, pytest.raises(SchemaMismatch, match=told):
        dispatch(acme, register)


def test_an_upgrade_brings_the_queue_along_and_leaves_a_newer_one(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA counterfoil_queue CASCADE")
        connection.execute("CREATE SCHEMA counterfoil_queue")
        upgrade(postgres_url)
        change = "SELECT change FROM counterfoil_queue.seen"
        assert connection.execute(change).fetchall() == [(newest_change(),)]
        connection.execute("UPDATE counterfoil_queue.seen SET change = '99'")
        with pytest.raises(SchemaMismatch, match="as of 99"):
            upgrade(postgres_url)


def test_an_upgrade_makes_the_changes_that_the_queue_has_not_seen(postgres_url: str) -> None:
    """The newest of Procrastinate's changes may be made twice, so that it stands for any."""
    *_, before, newest = sorted(_changes())
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE counterfoil_queue.seen SET change = %s", [before])
        with open_register(postgres_url) as register:
            assert bring_queue_up(register.database) == (before, newest)
            assert bring_queue_up(register.database) == (newest, newest)
        connection.execute("DELETE FROM counterfoil_queue.seen")
    with (
        open_register(postgres_url) as register,
        pytest.raises(SchemaMismatch, match="has no queue"),
    ):
        refuse_other_queue(register.database)


def test_what_is_planned_stays_unless_it_should_be_sooner(postgres_url: str) -> None:
    with open_register(postgres_url) as register:
        assert register.looks.get("acme") is None
        begun = register.looks.begin("acme", worker="quick", state="running", now=NOW)
        moved = replace(begun, next_look=NOW + timedelta(hours=1), state="idle")
        register.looks.end(moved, sooner=False)
        assert register.looks.get("acme") == replace(moved, next_look=NOW)
        register.looks.end(moved, sooner=True)
        assert register.looks.get("acme") == moved


def test_only_the_holder_that_is_meant_is_cut_off(postgres_url: str) -> None:
    with open_register(postgres_url) as register, open_register(postgres_url) as other:
        assert isinstance(register.locks, AdvisoryLocks)
        with other.locks.hold("company 1"):
            assert register.locks.cut_off("company 1", only="another") is None
            assert register.locks.holder("company 1") is not None
            meant = register.locks.cut_off("company 1", only=register.locks.application)
            assert meant is not None


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 -- what happens in a database sets no event
            await asyncio.sleep(0.02)


async def test_a_process_that_is_told_to_stop_ends_though_a_cancellation_is_lost(
    on_postgres: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, lost = asyncio.Event(), asyncio.Event()

    async def keep(_: Lookout) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Lookout, "keep", keep)
    monkeypatch.setattr(ending, "AGAIN_SECONDS", 0.05)
    running = asyncio.create_task(on_postgres.run())
    await begun.wait()
    on_postgres.stop()
    await running
    assert lost.is_set()


async def test_a_worker_that_is_told_to_stop_lives_until_its_drains_have_ended(
    connection: Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_queue, "HEARTBEAT_SECONDS", 0.05)
    drain = Held()
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        query = "SELECT last_heartbeat FROM counterfoil_queue.procrastinate_workers"

        def last_beat() -> datetime:
            ((beat,),) = database.execute(query).fetchall()
            assert isinstance(beat, datetime)
            return beat

        queue = Queue(postgres_url, register.database.place)
        async with queue.open():
            await queue.put(connection, Urgency.DUE)
            work = asyncio.create_task(queue.work(1, drain, nobody_looks))
            await drain.begun.wait()
            for _ in range(3):
                work.cancel()
                beat = last_beat()
                await until(lambda beat=beat: last_beat() > beat)  # type: ignore[misc]
            drain.goes_on.set()
            with pytest.raises(asyncio.CancelledError):
                await work
            assert database.execute(query).fetchall() == []


@contextmanager
def held_by(application: str, url: str, *locks: str) -> Iterator[psycopg.Connection]:
    """Hold locks as another process does."""
    with psycopg.connect(url, autocommit=True, application_name=application) as session:
        for lock in locks:
            session.execute("SELECT pg_advisory_lock(%s)", [key_of(lock)])
        yield session


@pytest.mark.parametrize(
    ("known_by", "noted"),
    [
        ({worker_lock(7), process_lock("frozen")}, "frozen"),
        ({worker_lock(7)}, None),
        # A machine that vanished: its lock is gone, and what it had begun is there still.
        (set(), "frozen"),
    ],
    ids=["frozen", "frozen before it was noted", "vanished"],
)
def test_the_worker_that_has_a_task_is_cut_off(
    connection: Connection, postgres_url: str, known_by: set[str], noted: str | None
) -> None:
    lock = company_lock(connection.company_id)
    with open_register(postgres_url) as register, ExitStack() as stack:
        assert isinstance(register.locks, AdvisoryLocks)
        queue = Queue(postgres_url, register.database.place)
        lookout = Lookout({"acme": connection}, register, register.locks, queue, every=300)
        if noted:
            register.looks.begin("acme", worker=noted, state="running", now=NOW)
        register.connections.raise_fence(connection.company_id)
        stack.enter_context(held_by("frozen", postgres_url, *known_by))
        stack.enter_context(held_by("frozen", postgres_url, lock))
        begun = psycopg.connect(postgres_url, application_name="frozen")
        begun.execute("SELECT fence FROM companies FOR SHARE")
        lookout._cut_off(connection, 7)
        assert register.connections.raise_fence(connection.company_id) == 2
        assert register.locks.free({lock}) == {lock}
        with pytest.raises(psycopg.OperationalError):
            begun.execute("SELECT 1")


@pytest.mark.parametrize("lock", [worker_lock(7), process_lock("another")], ids=["7", "by name"])
def test_whoever_has_a_company_by_now_is_not_cut_off(
    connection: Connection, postgres_url: str, lock: str
) -> None:
    """The task's worker is frozen, or ended; another was quicker than we are."""
    company = company_lock(connection.company_id)
    with (
        open_register(postgres_url) as register,
        held_by("frozen" if lock == worker_lock(7) else "another", postgres_url, lock),
        held_by("another", postgres_url, company) as another,
    ):
        assert isinstance(register.locks, AdvisoryLocks)
        queue = Queue(postgres_url, register.database.place)
        lookout = Lookout({"acme": connection}, register, register.locks, queue, every=300)
        register.looks.begin("acme", worker="another", state="running", now=NOW)
        lookout._cut_off(connection, 7)
        another.execute("SELECT 1")
        assert register.locks.free({company}) == set()


WAITING = (
    "SELECT args ->> 'name', priority FROM counterfoil_queue.procrastinate_jobs "
    "WHERE status = 'todo'"
)


@pytest.mark.parametrize("lives", [True, False], ids=["lives", "has ended"])
async def test_a_worker_is_known_to_have_ended_by_its_lock_before_its_heart_is_missed(
    connection: Connection, postgres_url: str, *, lives: bool
) -> None:
    drain = Held()
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        locks = register.locks
        assert isinstance(locks, AdvisoryLocks)
        theirs, ours = (Queue(postgres_url, register.database.place) for _ in range(2))
        lookout = Lookout({connection.name: connection}, register, locks, ours, every=300)
        async with theirs.open(), ours.open():
            await theirs.put(connection, Urgency.DUE)
            known = (lambda number: locks.hold(worker_lock(number))) if lives else nobody_looks
            work = asyncio.create_task(theirs.work(1, drain, known))
            await drain.begun.wait()
            # Once is not enough: a lock may be lost for a moment.
            await lookout._rescue()
            assert database.execute(WAITING).fetchall() == []
            await lookout._rescue()
            lost = [] if lives else [(connection.name, Urgency.LOST)]
            assert database.execute(WAITING).fetchall() == lost
            assert len(await ours.taken()) == lives
            drain.goes_on.set()
            await cancelled(work)


async def test_a_task_that_is_done_and_could_not_be_noted_keeps_nobody_waiting(
    connection: Connection, postgres_url: str
) -> None:
    begun, goes_on, again = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def drain(_: str) -> None:
        (again if begun.is_set() else begun).set()
        await goes_on.wait()

    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        locks = register.locks
        assert isinstance(locks, AdvisoryLocks)
        queue = Queue(postgres_url, register.database.place)
        other = replace(connection, name="other")
        lookout = Lookout({"other": other}, register, locks, queue, every=300)
        async with queue.open():
            await queue.put(connection, Urgency.DUE)
            work = asyncio.create_task(
                queue.work(2, drain, lambda number: locks.hold(worker_lock(number)))
            )
            await begun.wait()
            ((at_work, _),) = await queue.taken()
            database.execute(
                "INSERT INTO counterfoil_queue.procrastinate_jobs"
                " (queue_name, task_name, lock, args, status, worker_id)"
                " VALUES ('counterfoil', 'counterfoil.drain', 'connection other',"
                " '{\"name\": \"other\"}', 'doing', %s)",
                [at_work.worker_id],
            )
            await lookout._rescue()
            await lookout._rescue()
            await again.wait()
            assert at_work.id in {job.id for job, _ in await queue.taken()}
            goes_on.set()
            await cancelled(work)


async def test_drains_are_told_where_no_more_tasks_can_be_fetched(
    connection: Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Procrastinate waits for the drains then: one of an hour must not keep all others waiting."""

    async def away(*_: object, **__: object) -> None:
        raise ConnectorException

    with open_register(postgres_url) as register:
        queue = Queue(postgres_url, register.database.place)

        async def drain(_: str) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(JobManager, "fetch_job", away)
                await until(queue.ended.is_set)

        async with queue.open():
            for _ in range(2):
                await queue.put(connection, Urgency.DUE)
                with pytest.raises(RegisterUnavailable):
                    await queue.work(2, drain, nobody_looks)
                assert await queue.taken() == []


class AwayOnce(Queue):
    """A queue whose database is away when the second company is put."""

    puts = 0

    async def put(self, connection: Connection, urgency: Urgency) -> bool:
        """Put it, but for the second time."""
        self.puts += 1
        if self.puts == 2:
            raise RegisterUnavailable("a moment")
        return await super().put(connection, urgency)


async def test_who_could_not_be_put_into_the_queue_stays_asked_for(
    connection: Connection, postgres_url: str
) -> None:
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        assert isinstance(register.locks, AdvisoryLocks)
        connections = {name: replace(connection, name=name) for name in "abc"}
        register.looks.know(connections, datetime.now(UTC) + timedelta(days=1))
        queue = AwayOnce(postgres_url, register.database.place)
        lookout = Lookout(connections, register, register.locks, queue, every=300)
        lookout.ask(connections)
        async with queue.open():
            with pytest.raises(RegisterUnavailable):
                await lookout.keep()
            looking = asyncio.create_task(lookout.keep())
            await until(lambda: len(database.execute(WAITING).fetchall()) == 3)
            await cancelled(looking)
            # What it was reading in a thread is read to its end.
            await asyncio.get_running_loop().shutdown_default_executor()


async def test_our_own_tasks_are_ours_though_our_heart_was_late(
    connection: Connection, postgres_url: str
) -> None:
    """The whole process stood still, and what looks out comes to itself before its heart does."""
    drain = Held()
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        locks = register.locks
        assert isinstance(locks, AdvisoryLocks)
        queue = Queue(postgres_url, register.database.place)
        lookout = Lookout({connection.name: connection}, register, locks, queue, every=300)
        async with queue.open():
            await queue.put(connection, Urgency.DUE)
            work = asyncio.create_task(queue.work(1, drain, nobody_looks))
            await drain.begun.wait()
            database.execute(
                "UPDATE counterfoil_queue.procrastinate_workers"
                " SET last_heartbeat = now() - interval '1 hour'"
            )
            assert len(await queue.stalled()) == 1
            await lookout._rescue()
            assert len(await queue.taken()) == 1
            drain.goes_on.set()
            await cancelled(work)


async def test_a_queue_that_could_not_be_opened_is_opened_anew(
    connection: Connection, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server.database(postgres_server.template) as there:
        name = f"{there.rpartition('/')[-1]}_later"
        with open_register(there) as register:
            queue = Queue(postgres_server.of(name), register.database.place)
        quick = partialmethod(AsyncConnectionPool.open, timeout=0.2)
        with monkeypatch.context() as patch:
            patch.setattr(AsyncConnectionPool, "open", quick)
            with pytest.raises(RegisterUnavailable):
                await queue.open().__aenter__()
        postgres_server.run("CREATE DATABASE {} TEMPLATE {}", name, postgres_server.template)
        try:
            async with queue.open():
                assert await queue.put(connection, Urgency.DUE)
        finally:
            postgres_server.run("DROP DATABASE {} WITH (FORCE)", name)


def end_session(url: str, lock: str) -> None:
    """End the session that holds a lock, and nothing else."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid::bigint << 32 | objid::bigint = %s",
            [key_of(lock)],
        )


async def test_a_worker_is_known_by_its_number_and_leaves_off_where_nothing_is_fetched(
    acme: Acme, postgres_url: str
) -> None:
    acme.replace("sqlite:///counterfoil.db", postgres_url)
    config = load(acme.folder / "counterfoil.toml", {"PLEO_API_KEY": "x"})
    numbers = "SELECT id FROM counterfoil_queue.procrastinate_workers"
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        locks = register.locks
        assert isinstance(locks, AdvisoryLocks)
        worker = Worker(config, config.connections, register, at_once=1)
        running = asyncio.create_task(worker.run())
        await until(lambda: register.looks.get("acme") is not None)
        await until(lambda: database.execute(numbers).fetchall() != [])
        ((number,),) = database.execute(numbers).fetchall()
        await until(lambda: locks.free({worker_lock(number)}) == set())
        assert not worker._leaves_off()
        worker._queue.ended.set()
        assert worker._leaves_off()
        worker.stop()
        await running
        assert locks.free({worker_lock(number)}) == {worker_lock(number)}


def test_a_lock_that_shows_who_lives_is_taken_anew(postgres_url: str) -> None:
    with open_register(postgres_url) as register, open_register(postgres_url) as other:
        locks = register.locks
        assert isinstance(locks, AdvisoryLocks)
        assert isinstance(other.locks, AdvisoryLocks)
        with locks.hold("process"):
            assert other.locks.free({"process", "another"}) == {"another"}
            end_session(postgres_url, "process")
            assert other.locks.free({"process"}) == {"process"}
            locks.keep("process")
            locks.keep("process")
            assert other.locks.free({"process"}) == set()
            locks.confirm("process")
            end_session(postgres_url, "process")
            with other.locks.hold("process"), pytest.raises(LockHeld):
                locks.keep("process")
            locks.keep("process")
            locks.confirm("process")
        locks.keep("process")
        assert other.locks.free({"process"}) == {"process"}


async def test_a_process_whose_session_ends_alone_stays_known(
    on_postgres: Dispatcher, postgres_url: str
) -> None:
    with open_register(postgres_url) as other, capture_logs() as said:
        locks = other.locks
        assert isinstance(locks, AdvisoryLocks)
        running = asyncio.create_task(on_postgres.run())
        lock = process_lock(locks.application)
        await until(lambda: other.looks.get("acme") is not None)
        await asyncio.to_thread(end_session, postgres_url, lock)
        await until(lambda: locks.free({lock}) == set())
        on_postgres.stop()
        await running
    assert "waiting for the register" not in {each["event"] for each in said}


@pytest.fixture
def on_postgres(
    acme: Acme, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Dispatcher]:
    """Give a dispatcher over a register on PostgreSQL that is quick to try again."""
    monkeypatch.setattr(working, "AWAY_SECONDS", 0.05)
    acme.replace("sqlite:///counterfoil.db", postgres_url)
    with open_register(postgres_url) as register:
        yield dispatch(acme, register)


async def test_a_process_waits_while_the_register_is_upgraded(
    on_postgres: Dispatcher, postgres_url: str
) -> None:
    with open_register(postgres_url) as other, capture_logs() as said:
        assert isinstance(other.locks, AdvisoryLocks)
        with other.locks.alone():
            running = asyncio.create_task(on_postgres.run())
            await until(lambda: "waiting for the register" in {each["event"] for each in said})
        await until(lambda: other.looks.get("acme") is not None)
        on_postgres.stop()
        await running


async def test_a_duty_that_fails_is_done_anew_and_the_others_go_on(
    on_postgres: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def keep(_: Lookout) -> None:
        begun.append("keep")
        if begun.count("keep") < 3:
            raise RegisterUnavailable("a moment")
        await asyncio.Event().wait()

    async def keep_rescuing(_: Lookout) -> None:
        begun.append("rescue")
        await asyncio.Event().wait()

    monkeypatch.setattr(Lookout, "keep", keep)
    monkeypatch.setattr(Lookout, "keep_rescuing", keep_rescuing)
    running = asyncio.create_task(on_postgres.run())
    await until(lambda: begun.count("keep") == 3)
    on_postgres.stop()
    await running
    assert begun.count("rescue") == 1


def test_the_flag_of_a_paused_connection_waits_until_it_is_resumed(
    connection: Connection, postgres_url: str
) -> None:
    with open_register(postgres_url) as register:
        assert isinstance(register.locks, AdvisoryLocks)
        queue = Queue(postgres_url, register.database.place)
        lookout = Lookout({"acme": connection}, register, register.locks, queue, every=300)
        register.wakeups.look(connection.company_id)
        register.pauses.pause("acme", None, now=NOW)
        assert lookout._flagged() == []
        register.pauses.resume("acme")
        assert lookout._flagged() == ["acme"]


def test_a_broken_drain_takes_what_called_before_it_though_the_company_is_known_from_use(
    acme: Acme, postgres_url: str
) -> None:
    company = acme.company.id
    acme.replace(f'company_id = "{company}"\n', "")
    acme.replace("sqlite:///counterfoil.db", postgres_url)
    config = load(acme.folder / "counterfoil.toml", {"PLEO_API_KEY": "revoked"})
    (connection,) = config.connections
    with open_register(postgres_url) as register:
        worker = Worker(config, config.connections, register, at_once=1)
        bound = Binding(name="acme", company_id=company, environment="x", target="y")
        register.connections.bind(bound, now=NOW)
        for called, stays in ((NOW, False), (datetime.now(UTC) + timedelta(hours=1), True)):
            register.wakeups.look(company, now=called)
            worker._drain_and_note(connection)
            assert worker.states["acme"].broken
            assert register.wakeups.wanted(company) == stays


def test_jobs_under_way_are_known_by_their_connections(postgres_url: str) -> None:
    with open_register(postgres_url) as register:
        assert register.jobs.unfinished() == set()
        register.jobs.intend_claim(job())
        assert register.jobs.unfinished() == {job().connection}


def test_a_process_that_hangs_within_a_transaction_holds_no_row_any_more(
    postgres_url: str,
) -> None:
    """It was frozen between two statements, with the fence of its company in its hands."""
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, application_name="frozen") as frozen,
    ):
        register.connections.raise_fence("company")
        frozen.execute("SELECT fence FROM companies FOR SHARE")
        assert isinstance(register.locks, AdvisoryLocks)
        register.locks.end_transactions("frozen")
        assert register.connections.raise_fence("company") == 2
        with pytest.raises(psycopg.OperationalError):
            frozen.execute("SELECT 1")

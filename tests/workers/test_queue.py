"""The queue and what looks out for it, on a real PostgreSQL, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from procrastinate.jobs import Job
from structlog.testing import capture_logs

from counterfoil import ending
from counterfoil.config import Connection, load
from counterfoil.errors import ConfigurationError, FenceLost
from counterfoil.register import (
    Register,
    RegisterUnavailable,
    SchemaMismatch,
    open_register,
    upgrade,
)
from counterfoil.register.advisory import AdvisoryLocks
from counterfoil.register.connections import Binding
from counterfoil.register.locks import company_lock
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
from tests.register.test_register_memory import job

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def connection(acme: Acme) -> Connection:
    """Give a configured connection."""
    (only,) = load(acme.folder / "counterfoil.toml", {"PLEO_API_KEY": "x"}).connections
    return only


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

            at_work = asyncio.create_task(queue.work(1, drain))
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
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def drain(_: str) -> None:
        begun.set()
        await goes_on.wait()

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
            work = asyncio.create_task(queue.work(1, drain))
            await begun.wait()
            for _ in range(3):
                work.cancel()
                beat = last_beat()
                await until(lambda beat=beat: last_beat() > beat)  # type: ignore[misc]
            goes_on.set()
            with pytest.raises(asyncio.CancelledError):
                await work
            assert database.execute(query).fetchall() == []


class TakenMeanwhile(Queue):
    """A queue with a task of a dead worker, whose company another takes as it is found."""

    take: Callable[[], object]

    async def stalled(self) -> list[tuple[Job, str]]:
        """Find the task, after another process did."""
        self.take()
        task = Job(
            id=1,
            queue="q",
            lock=None,
            queueing_lock=None,
            task_name="t",
            task_kwargs={},
            status="doing",
        )
        return [(task, "acme")]

    async def taken(self) -> list[tuple[Job, str]]:
        """Have no other."""
        return []

    async def drop(self, job: Job) -> bool:
        """Come too late."""
        return job is None


async def test_who_has_taken_a_company_from_a_dead_worker_is_not_cut_off(
    connection: Connection, postgres_url: str
) -> None:
    with (
        open_register(postgres_url) as register,
        open_register(postgres_url) as other,
        ExitStack() as held,
    ):
        assert isinstance(register.locks, AdvisoryLocks)
        lock = company_lock(connection.company_id)
        me = register.locks.application

        def take() -> None:
            other.looks.begin("acme", worker=me, state="running", now=NOW)
            held.enter_context(other.locks.hold(lock))

        queue = TakenMeanwhile(postgres_url, register.database.place)
        queue.take = take
        register.looks.begin("acme", worker="dead", state="running", now=NOW)
        lookout = Lookout({"acme": connection}, register, register.locks, queue, every=300)
        await lookout._rescue()
        other.locks.confirm(lock)
        lookout._cut_off(connection, me)
        with pytest.raises(FenceLost):
            other.locks.confirm(lock)


async def test_the_company_of_a_process_that_ended_goes_on_before_its_heart_is_missed(
    connection: Connection, postgres_url: str
) -> None:
    with (
        open_register(postgres_url) as register,
        psycopg.connect(postgres_url, autocommit=True) as database,
    ):
        assert isinstance(register.locks, AdvisoryLocks)
        connections = {name: replace(connection, name=name) for name in ("theirs", "ours", "taken")}
        queue = Queue(postgres_url, register.database.place)
        lookout = Lookout(connections, register, register.locks, queue, every=300)
        for name, worker in (("theirs", "ended"), ("ours", register.locks.application)):
            register.looks.begin(name, worker=worker, state="running", now=NOW)
        begun: set[str] = set()
        goes_on = asyncio.Event()

        async def drain(name: str) -> None:
            begun.add(name)
            await goes_on.wait()

        def waiting() -> set[tuple[str, int]]:
            query = (
                "SELECT args ->> 'name', priority FROM counterfoil_queue.procrastinate_jobs"
                " WHERE status = 'todo'"
            )
            return {*database.execute(query).fetchall()}

        async with queue.open():
            for each in connections.values():
                await queue.put(each, Urgency.DUE)
            work = asyncio.create_task(queue.work(len(connections), drain))
            await until(lambda: begun == {*connections})
            with register.locks.alive():
                await lookout._rescue()
                assert waiting() == set()
                # Whoever took it notes so late; what it was before is not taken for its own.
                register.looks.begin("taken", worker="ended", state="running", now=NOW)
                await lookout._rescue()
                assert waiting() == {("theirs", Urgency.LOST)}
                register.looks.begin(
                    "taken", worker=register.locks.application, state="running", now=NOW
                )
                await lookout._rescue()
                assert waiting() == {("theirs", Urgency.LOST)}
            goes_on.set()
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work


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

"""Locks that die with their holder."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from counterfoil.errors import FenceLost
from counterfoil.register import LockHeld, Register, SchemaMismatch, open_register, upgrade
from counterfoil.register.advisory import SCHEMA, AdvisoryLocks, key_of
from counterfoil.register.locks import company_lock
from tests.register.test_register_memory import part

pytestmark = pytest.mark.slow

HOLD = """
import sys
from counterfoil.register import open_register
with open_register(sys.argv[1]) as register, register.locks.hold("company 1"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Let a process of its own hold the lock on company 1."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def soon(do: Callable[[], None]) -> None:
    """Try until the database has noticed that a process is gone."""
    deadline = time.monotonic() + 10
    while True:
        try:
            do()
        except LockHeld:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def take(register: Register, name: str = "company 1") -> None:
    with register.locks.hold(name):
        pass


@pytest.fixture
def locks(postgres_url: str) -> Iterator[AdvisoryLocks]:
    """Give the locks of a register on PostgreSQL."""
    with open_register(postgres_url) as register:
        assert isinstance(register.locks, AdvisoryLocks)
        yield register.locks


def test_a_lock_is_held_by_one_at_a_time(register: Register) -> None:
    """A second holder is refused at once, by name; afterwards it may have it."""
    with register.locks.hold("company 1"), pytest.raises(LockHeld, match="company 1 is locked"):
        take(register)
    take(register)


def test_locks_of_other_names_do_not_matter(register: Register) -> None:
    """Two companies are worked on beside each other."""
    with register.locks.hold("company 1"), register.locks.hold("company 2"):
        register.locks.confirm("company 1")
        register.locks.confirm("company that nobody holds")


def test_a_killed_process_leaves_no_lock(url: str, register: Register) -> None:
    """The kernel, or PostgreSQL, lets go when the holder dies, however it dies."""
    with another_holder(url) as holder:
        with pytest.raises(LockHeld):
            take(register)
        holder.kill()
        holder.wait()
        soon(lambda: take(register))


def test_the_holder_is_named(postgres_url: str, locks: AdvisoryLocks) -> None:
    assert locks.holder("company 1") is None
    with another_holder(postgres_url) as holder:
        name = rf"counterfoil [0-9a-f]{{6}} {socket.gethostname()[:32]}:{holder.pid}"
        with pytest.raises(LockHeld, match=f"{name} from 127.0.0.1, PostgreSQL process") as told:
            locks.hold("company 1").__enter__()
        assert told.value.holder == locks.holder("company 1")
        assert told.value.holder is not None
        assert re.fullmatch(name, told.value.holder.application)


def test_a_holder_without_a_name_is_told_of_as_that(
    postgres_url: str, locks: AdvisoryLocks
) -> None:
    key = key_of("company 1")
    with psycopg.connect(postgres_url) as stranger:
        stranger.execute(
            "SELECT pg_advisory_lock(%s), set_config('application_name', '', false)", [key]
        )
        with pytest.raises(LockHeld, match="a program without a name from"):
            locks.hold("company 1").__enter__()


def test_a_frozen_holder_is_cut_off_and_writes_nothing_more(
    postgres_url: str, locks: AdvisoryLocks
) -> None:
    with another_holder(postgres_url) as holder:
        holder.send_signal(signal.SIGSTOP)
        found = locks.cut_off("company 1")
        assert found is not None
        assert str(holder.pid) in found.application
        with locks.hold("company 1"):
            assert locks.cut_off("company 2") is None
        holder.send_signal(signal.SIGCONT)


def test_who_is_cut_off_learns_it_before_the_next_intent(postgres_url: str) -> None:
    with open_register(postgres_url) as ours, open_register(postgres_url) as rescue:
        assert isinstance(rescue.locks, AdvisoryLocks)
        with ours.locks.hold(company_lock("c")):
            fence = ours.connections.raise_fence("c")
            found = rescue.locks.cut_off(company_lock("c"))
            assert found is not None
            assert found.application.endswith(f":{os.getpid()}")
            with (
                rescue.locks.hold(company_lock("c")),
                pytest.raises(FenceLost, match="the lock on company c is lost"),
            ):
                ours.parts.intend([part(fence=fence)], company_id="c")


def test_the_keys_of_locks_never_change(locks: AdvisoryLocks) -> None:
    """Workers of different versions share them; both ends of the 64 bits are asked for."""
    assert key_of("company 1") == -5524469270003839605
    positive, negative = sorted((key_of("company 2"), key_of("company 1")), reverse=True)
    assert positive > 0 > negative
    for name in ("company 1", "company 2"):
        with locks.hold(name):
            pass


def test_a_session_that_holds_a_lock_is_watched_closely(locks: AdvisoryLocks) -> None:
    """A machine that vanished is noticed by PostgreSQL within seconds."""
    with locks._session() as (connection, _):
        settings = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        }
    assert settings == {
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
    }


def test_the_schema_stays_as_it_is_while_anybody_works(
    postgres_url: str, register: Register
) -> None:
    del register
    with (
        open_register(postgres_url) as worker,
        worker.locks.hold("company 1"),
        pytest.raises(LockHeld, match=SCHEMA),
    ):
        upgrade(postgres_url)


def test_nobody_works_while_the_schema_changes(postgres_url: str, locks: AdvisoryLocks) -> None:
    with (
        open_register(postgres_url) as worker,
        locks.alone(),
        pytest.raises(LockHeld, match=f"{SCHEMA} is locked"),
    ):
        take(worker)


def test_whoever_takes_a_lock_finds_the_schema_changed(postgres_url: str) -> None:
    """It started before the upgrade, and works no more after it."""
    with open_register(postgres_url) as worker:
        with psycopg.connect(postgres_url) as newer:
            newer.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaMismatch, match="schema 9999"):
            take(worker)

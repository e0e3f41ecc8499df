"""Locks of a register on PostgreSQL: session advisory locks, each on a connection of its own.

PostgreSQL lets a lock go when its session ends. So that this is soon, whatever happens to the
machine that holds it, both sides watch the connection with short TCP keepalives. Each lock has a
connection (never the pool's), so that cutting one holder off touches no other company.

Whoever holds any lock also holds the schema's in shared mode; ``alone`` takes it for itself, so
nothing works on the register while it is migrated.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import contextmanager
from datetime import UTC
from functools import cache
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from counterfoil.effects import effect
from counterfoil.errors import FenceLost
from counterfoil.register.locks import Holder, LockHeld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection, Engine, TextClause

    from counterfoil.register.database import Place

T = TypeVar("T")

__all__ = ["SCHEMA", "AdvisoryLocks", "application", "key_of"]

SCHEMA = "the register's schema"
"""The lock that every other one is taken under."""

# PostgreSQL's own end: a holder that vanished is noticed within 5 + 3 * 2 seconds. Where the
# connection is no TCP connection, the settings are without effect.
_SETTINGS = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "idle_session_timeout": "0",
    "statement_timeout": "0",
}
_SET_UP = text(
    "SELECT pg_backend_pid(), "
    + ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
)
_TAKE = text("SELECT pg_try_advisory_lock(:key)")
_SHARE = text("SELECT pg_try_advisory_lock_shared(:key)")
_SELF = text("SELECT pg_backend_pid()")
_HOLDER = text(
    """
    SELECT pid, application_name, host(client_addr) AS address, backend_start
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint << 32 | objid::bigint = :key AND pid <> pg_backend_pid()
    ORDER BY backend_start LIMIT 1
    """
)
_HELD = text(
    """
    SELECT classid::bigint << 32 | objid::bigint AS key FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
)
_END = text("SELECT pg_terminate_backend(:pid, 5000)")
_END_OPEN = text(
    """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = :application
      AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
    """
)


@cache
def application() -> str:
    """Name this process as no other one is: numbers of processes come again."""
    return f"counterfoil {token_hex(3)} {socket.gethostname()[:32]}:{os.getpid()}"


def key_of(name: str) -> int:
    """Return the 64 bits that PostgreSQL knows a lock by; the same on every machine, for ever."""
    digest = hashlib.sha256(f"counterfoil {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class AdvisoryLocks:
    """Hands out locks by name; ``check`` looks, under each lock, whether the schema is ours."""

    def __init__(self, engine: Engine, place: Place, check: Callable[[Connection], None]) -> None:
        """Take an engine that keeps no connections and commits each statement."""
        self._engine = engine
        self._place = place
        self._check = check
        self._held: dict[str, tuple[Connection, int, Lock]] = {}

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the named lock for the block; raises LockHeld at once if another has it.

        Raises RegisterUnavailable, and SchemaMismatch where the schema was changed since the start.
        """
        with self._session() as (connection, pid):
            self._take_both(connection, name)
            alone = Lock()
            self._held[name] = connection, pid, alone
            try:
                yield
            finally:
                with alone:
                    del self._held[name]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody else out; raises LockHeld while anybody holds any lock."""
        with self._session() as (connection, _):
            with effect("lock.take", SCHEMA):
                self._take(connection, SCHEMA, _TAKE)
            yield

    def confirm(self, name: str) -> None:
        """Raise FenceLost where the named lock was taken here and its session has ended since."""
        with self._alone_with(name) as found:
            if found is not None and (why := _lost(*found)):
                raise FenceLost(
                    f"the lock on {name} is lost, as its session {why}; another worker may have "
                    "taken it, so nothing more is written here. Run again"
                )

    def keep(self, name: str) -> None:
        """Take the named lock anew where it was taken here and its session has ended since.

        For a lock that guards nothing and only shows who lives. Raises what ``hold`` does.
        """
        with self._alone_with(name) as found:
            if found is None or not _lost(*found):
                return
            connection, _ = found
            self._ask(connection.rollback)
            pid = self._set_up(connection)
            self._take_both(connection, name)
            self._held[name] = connection, pid, self._held[name][-1]

    @property
    def application(self) -> str:
        """How this process calls itself at PostgreSQL; no other one does."""
        return application()

    def holder(self, name: str) -> Holder | None:
        """Say who else holds the named lock; None where nobody does."""
        with self._session() as (connection, _):
            return self._ask(lambda: _holder(connection, name))

    def free(self, names: Iterable[str]) -> set[str]:
        """Return which of these locks nobody holds."""
        with self._session() as (connection, _):
            held = set(self._ask(lambda: connection.execute(_HELD).scalars().all()))
        return {name for name in names if key_of(name) not in held}

    def cut_off(self, name: str, *, only: str | None = None) -> Holder | None:
        """End the session of whoever else holds the named lock; return who that was.

        For a holder that hangs: it cannot commit an intent any more, and the lock is free. With
        ``only`` another than the one who calls itself so is left alone.
        """
        with self._session() as (connection, _):
            found = self._ask(lambda: _holder(connection, name))
            if only is not None and found is not None and found.application != only:
                return None
            if found is not None:
                with effect("lock.cut_off", name):
                    self._ask(lambda: connection.execute(_END, {"pid": found.pid}))
            return found

    def end_transactions(self, application: str) -> None:
        """End what a process that hangs has begun in the register, as it holds rows meanwhile."""
        with self._session() as (connection, _), effect("lock.cut_off", application):
            self._ask(lambda: connection.execute(_END_OPEN, {"application": application}))

    @contextmanager
    def _alone_with(self, name: str) -> Iterator[tuple[Connection, int] | None]:
        """Give the session by which the named lock was taken here; None where it was let go."""
        held = self._held.get(name)
        if held is None:
            yield None
            return
        with held[-1]:
            yield self._held[name][:2] if name in self._held else None

    @contextmanager
    def _session(self) -> Iterator[tuple[Connection, int]]:
        """Give a connection of its own and the process that serves it; its end frees its locks."""
        connection = self._ask(self._engine.connect)
        try:
            yield connection, self._set_up(connection)
        finally:
            connection.close()

    def _set_up(self, connection: Connection) -> int:
        return int(self._ask(lambda: connection.execute(_SET_UP).one()[0]))

    def _take_both(self, connection: Connection, name: str) -> None:
        with effect("lock.take", name):
            self._take(connection, SCHEMA, _SHARE)
            self._take(connection, name, _TAKE)
            self._ask(lambda: self._check(connection))

    def _take(self, connection: Connection, name: str, how: TextClause) -> None:
        values = {"key": key_of(name)}
        if not self._ask(lambda: connection.execute(how, values).scalar()):
            raise LockHeld(name, self._ask(lambda: _holder(connection, name)))

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except DBAPIError as error:
            raise self._place.failed(error) from error


def _lost(connection: Connection, pid: int) -> str:
    """Say how this session has ended since it was opened; nothing where it goes on."""
    try:
        # Once it has failed, SQLAlchemy would connect anew: to a session without the lock.
        if not connection.invalidated and connection.execute(_SELF).scalar() == pid:
            return ""
    except DBAPIError as error:
        return f"ended: {' '.join(str(error.orig).split()).rstrip('.')}"
    return "has ended"


def _holder(connection: Connection, name: str) -> Holder | None:
    row = connection.execute(_HOLDER, {"key": key_of(name)}).one_or_none()
    if row is None:
        return None
    return Holder(
        pid=row.pid,
        application=row.application_name or "a program without a name",
        address=row.address,
        since=row.backend_start.astimezone(UTC),
    )

"""Locks that die with the process that holds them: what they promise, and kernel file locks.

The locks of a register on PostgreSQL are in ``advisory.py``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "FileLocks",
    "Holder",
    "LockHeld",
    "Locks",
    "company_lock",
    "process_lock",
    "target_lock",
    "worker_lock",
]


def company_lock(company_id: str) -> str:
    """Name the lock of a company: whoever holds it runs its export jobs."""
    return f"company {company_id}"


def target_lock(target: str) -> str:
    """Name the lock of a book: whoever holds it writes there."""
    return f"target {target}"


def process_lock(application: str) -> str:
    """Name the lock that a process holds while it works with the register."""
    return f"process {application}"


def worker_lock(number: int) -> str:
    """Name the lock that the queue's worker of this number holds as long as it has tasks."""
    return f"worker {number} of the queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock, where that can be told."""

    pid: int
    """Of the database's own process for it (PostgreSQL: ``pg_stat_activity.pid``)."""
    application: str
    """How it calls itself: program, host and process."""
    address: str | None
    """Where it comes from; None on this machine."""
    since: datetime

    def __str__(self) -> str:
        """Describe it in a sentence's middle."""
        where = f" from {self.address}" if self.address else ""
        return f"{self.application}{where}, PostgreSQL process {self.pid} since {self.since:%F %T}Z"


class LockHeld(CounterfoilError):
    """Another process works for the same company or writes to the same target."""

    def __init__(self, name: str, holder: Holder | None = None) -> None:
        """Name what is locked and, where it is known, by whom."""
        by = f" ({holder})" if holder else ""
        super().__init__(
            f"{name} is locked: another Counterfoil process is working on it{by}; "
            "wait for it to finish or end it, then run again"
        )
        self.name = name
        self.holder = holder


class Locks(Protocol):
    """Hands out locks by name."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold the named lock for the block; raises LockHeld at once if another has it."""

    def confirm(self, name: str) -> None:
        """Raise FenceLost where the named lock was taken here, and is not held any more."""


class FileLocks:
    """``flock`` on one file a name in a folder; released by the kernel when the process ends."""

    def __init__(self, folder: Path) -> None:
        """Take the folder in which lock files live; it is made when first needed."""
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the named lock; the file stays, only the lock goes."""
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        with effect("lock.take", str(path)):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LockHeld(name) from None
            yield
        finally:
            os.close(handle)

    def confirm(self, name: str) -> None:
        """Do nothing: what the kernel gave stays ours as long as this process lives."""

"""Locks that die with the process that holds them: kernel file locks beside an SQLite register."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["FileLocks", "LockHeld", "Locks"]


class LockHeld(CounterfoilError):
    """Another process works for the same company or writes to the same target."""

    def __init__(self, name: str) -> None:
        """Name what is locked."""
        super().__init__(
            f"{name} is locked: another Counterfoil process is working on it; "
            "wait for it to finish or end it, then run again"
        )
        self.name = name


class Locks(Protocol):
    """Hands out locks by name."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold the named lock for the block; raises LockHeld at once if another has it."""


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

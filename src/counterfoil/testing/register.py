"""The real register on a database in memory, which goes with the process; its locks, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from counterfoil.register import LockHeld, Register, Seal, register_on
from counterfoil.register.sqlite import open_engine

__all__ = ["MemoryLocks", "memory_register"]


class MemoryLocks:
    """Locks of one process; a killed holder is played by forgetting it."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.held: set[str] = set()

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the named lock for the block; raises LockHeld at once if another has it."""
        if name in self.held:
            raise LockHeld(name)
        self.held.add(name)
        try:
            yield
        finally:
            self.held.discard(name)

    def confirm(self, name: str) -> None:
        """Do nothing: what was forgotten is a killed holder's, who asks no more."""


def memory_register(seal: Seal | None = None) -> Register:
    """Make an empty register in memory; use it as a block, or close its database."""
    any_thread = {"check_same_thread": False}
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=any_thread)
    return register_on(open_engine(engine, "memory"), MemoryLocks(), seal)

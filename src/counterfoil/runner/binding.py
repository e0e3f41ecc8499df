"""What a configured connection stands for: the company, the Pleo and the book."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from counterfoil.effects import Effect, observe
from counterfoil.errors import ConfigurationError
from counterfoil.register.connections import Binding
from counterfoil.register.locks import company_lock, target_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counterfoil.config import Connection
    from counterfoil.register import Locks, Register

_HARMLESS: Final = ("register.", "lock.", "receipts.", "pleo.get_", "pleo.list_")
"""Effects that change nothing at Pleo and in the books, or are guarded otherwise."""

__all__ = ["binding_of", "guarded", "rebind", "writing"]


def binding_of(connection: Connection) -> Binding:
    """Say what a connection stands for now; raises ConfigurationError for no company yet."""
    if not connection.company_id:
        raise ConfigurationError(
            f"connection {connection.name}: its company is not known yet; counterfoil connections "
            f"test {connection.name} asks Pleo, or add company_id"
        )
    return Binding(
        name=connection.name,
        company_id=connection.company_id,
        environment=connection.environment,
        target=connection.open_books().target,
    )


@contextmanager
def writing(connection: Connection, register: Register) -> Iterator[None]:
    """Hold the company's and the book's lock; raises LockHeld while another process does."""
    with guarded(register.locks, connection.company_id, connection.open_books().target):
        yield


@contextmanager
def guarded(locks: Locks, company_id: str, target: str) -> Iterator[None]:
    """Hold the locks of a company and a book; raises LockHeld while another process does.

    Whoever loses them meanwhile has no effect outside any more: trying raises FenceLost. What the
    register itself is told is guarded by the fence.
    """
    names = company_lock(company_id), target_lock(target)
    with locks.hold(names[0]), locks.hold(names[1]), observe(_Guard(locks, names)):
        yield


class _Guard:
    """Sees to it before each outside effect that both locks are ours still."""

    def __init__(self, locks: Locks, names: tuple[str, ...]) -> None:
        self._locks = locks
        self._names = names

    def before(self, effect: Effect) -> None:
        """Raise FenceLost where one is not."""
        if not effect.name.startswith(_HARMLESS):
            for name in self._names:
                self._locks.confirm(name)

    def after(self, effect: Effect) -> None:
        """Let it be."""


def rebind(connection: Connection, register: Register) -> Binding:
    """Bind a connection to what is configured now; raises LockHeld while a run is under way.

    What was booked so far stays with the old book. The new one is asked, item by item, what it has.
    """
    binding = binding_of(connection)
    with register.locks.hold(company_lock(connection.company_id)):
        register.connections.rebind(binding, now=datetime.now(UTC))
    return binding

"""What a configured connection stands for: the company, the Pleo and the book."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from counterfoil.errors import ConfigurationError
from counterfoil.register.connections import Binding
from counterfoil.register.locks import company_lock, target_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counterfoil.config import Connection
    from counterfoil.register import Register

__all__ = ["binding_of", "rebind", "writing"]


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
    locks = register.locks
    with (
        locks.hold(company_lock(connection.company_id)),
        locks.hold(target_lock(connection.open_books().target)),
    ):
        yield


def rebind(connection: Connection, register: Register) -> Binding:
    """Bind a connection to what is configured now; raises LockHeld while a run is under way.

    What was booked so far stays with the old book. The new one is asked, item by item, what it has.
    """
    binding = binding_of(connection)
    with register.locks.hold(company_lock(connection.company_id)):
        register.connections.rebind(binding, now=datetime.now(UTC))
    return binding

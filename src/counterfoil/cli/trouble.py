"""Trouble with the register as a whole, told in a sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from counterfoil.config import Config
from counterfoil.errors import CounterfoilError

__all__ = ["telling_of_the_register"]


@contextmanager
def telling_of_the_register(config: Config) -> Iterator[None]:
    """Raise CounterfoilError where the register's file cannot be used."""
    try:
        yield
    except DBAPIError as error:
        raise CounterfoilError(
            f"The register {config.register_url} cannot be used: {error.orig}. If it is damaged, "
            "move it away and start again: the books are asked before anything is booked"
        ) from error

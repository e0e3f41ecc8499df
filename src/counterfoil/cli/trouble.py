"""Opening the register to look; trouble with it as a whole, told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from counterfoil.config import Config
from counterfoil.errors import CounterfoilError
from counterfoil.register import Register, open_register

__all__ = ["existing_register", "telling_of_the_register"]


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


@contextmanager
def existing_register(config: Config) -> Iterator[Register | None]:
    """Open the register, or give None where there is none yet: looking makes no files."""
    if not Path(config.register_url.removeprefix("sqlite:///")).exists():
        yield None
        return
    with telling_of_the_register(config), open_register(config.register_url) as register:
        yield register

"""Opening the register to look; what it cannot do or does not know, told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from counterfoil.config import Config
from counterfoil.errors import ConfigurationError, CounterfoilError
from counterfoil.register import JobRecord, Register, open_register

__all__ = ["existing_register", "known_job", "telling_of_the_register"]


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


def known_job(register: Register, job_id: str) -> JobRecord:
    """Return a job that ``--job`` names; raises ConfigurationError for one that we never had."""
    found = register.jobs.get(job_id)
    if found is None:
        raise ConfigurationError(f'--job: "{job_id}" is not a job of ours; see counterfoil jobs')
    return found

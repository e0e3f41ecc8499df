"""Opening the register to look; what it does not know, told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.register import JobRecord, Register, is_server

__all__ = ["existing_register", "known_job"]


@contextmanager
def existing_register(config: Config) -> Iterator[Register | None]:
    """Open the register, or give None where there is none yet: looking makes no files."""
    url = config.register_url
    if not is_server(url) and not Path(url.removeprefix("sqlite:///")).exists():
        yield None
        return
    with config.open_register() as register:
        yield register


def known_job(register: Register, job_id: str) -> JobRecord:
    """Return a job that ``--job`` names; raises ConfigurationError for one that we never had."""
    found = register.jobs.get(job_id)
    if found is None:
        raise ConfigurationError(f'--job: "{job_id}" is not a job of ours; see counterfoil jobs')
    return found

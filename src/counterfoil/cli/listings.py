"""``counterfoil jobs`` and ``counterfoil items``: what the register remembers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.items_table import show_items
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.rows import item_rows
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import telling_of_the_register
from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.register import JobRecord, Register, open_register

__all__ = ["items", "jobs"]

NOTHING = "Nothing was exported yet: counterfoil run --once"


def jobs(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the export jobs that were worked on, newest first."""
    with _register(load_config(config, connection, secrets=False)) as register:
        found = register.jobs.all(connection) if register else ()
    if as_json:
        show_json(found)
    elif not found:
        say(NOTHING)
    else:
        columns = ("job", "connection", "created", "state", "outcome", "reason")
        show_table(columns, [_cells(job) for job in found])


def _cells(job: JobRecord) -> tuple[str, ...]:
    created = f"{job.created_at:%Y-%m-%d %H:%M}Z"
    return (job.job_id, job.connection, created, job.state, job.outcome or "", job.reason or "")


def items(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="The job; without it, the newest.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only items that failed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the items of a job: what became of each, its accounts and its link."""
    with _register(load_config(config, connection, secrets=False)) as register:
        record = _job(register, job, connection) if register else None
        rows = item_rows(register, record.target, record.job_id) if register and record else []
    if failed:
        rows = [row for row in rows if row.status == "failed"]
    if as_json:
        show_json(rows)
    elif record is None:
        say(NOTHING)
    else:
        say(f"Job {record.job_id} of {record.connection}: {record.outcome or record.state}")
        show_items(rows)


def _job(register: Register, job_id: str | None, connection: str | None) -> JobRecord | None:
    if job_id is None:
        return next(iter(register.jobs.all(connection)), None)
    found = register.jobs.get(job_id)
    if found is None:
        raise ConfigurationError(f'--job: "{job_id}" is not a job of ours; see counterfoil jobs')
    return found


@contextmanager
def _register(config: Config) -> Iterator[Register | None]:
    """Open the register, or give None where there is none yet: looking makes no files."""
    if not Path(config.register_url.removeprefix("sqlite:///")).exists():
        yield None
        return
    with telling_of_the_register(config), open_register(config.register_url) as register:
        yield register

"""``counterfoil jobs`` and ``counterfoil items``: what the register remembers."""

from __future__ import annotations

from collections.abc import Sequence
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
from counterfoil.cli.problems import problems as grouped
from counterfoil.cli.problems import show_problems
from counterfoil.cli.rows import FAILED, failed_rows, item_rows
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.errors import ConfigurationError
from counterfoil.register import JobRecord, Register

__all__ = ["items", "jobs"]

NOTHING = "Nothing was exported yet: counterfoil run --once"


def jobs(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the export jobs that were worked on, newest first."""
    with existing_register(load_config(config, connection, secrets=False)) as register:
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
    problems: Annotated[
        bool,
        typer.Option(
            "--problems", help="What keeps items from being booked, each cause once, of all jobs."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the items of a job: what became of each, its accounts and its link."""
    loaded = load_config(config, connection, secrets=False)
    if problems:
        with existing_register(loaded) as register:
            chosen = _jobs(register, job, connection) if register else ()
            _show_problems(register, chosen, as_json=as_json)
        return
    with existing_register(loaded) as register:
        record = _job(register, job, connection) if register else None
        rows = item_rows(register, record.target, record.job_id) if register and record else []
    if failed:
        rows = [row for row in rows if row.status == FAILED]
    if as_json:
        show_json(rows)
    elif record is None:
        say(NOTHING)
    else:
        say(f"Job {record.job_id} of {record.connection}: {record.outcome or record.state}")
        show_items(rows)


def _show_problems(register: Register | None, jobs: Sequence[JobRecord], *, as_json: bool) -> None:
    found = grouped(failed_rows(register, jobs)) if register else []
    if as_json:
        show_json(found)
    elif not jobs:
        say(NOTHING)
    elif not found:
        say("No item has failed that was not booked since.")
    else:
        show_problems(found)


def _jobs(register: Register, job_id: str | None, connection: str | None) -> Sequence[JobRecord]:
    """Return the one job that is asked for, or all, newest first."""
    if job_id is None:
        return register.jobs.all(connection)
    record = _job(register, job_id, connection)
    return () if record is None else (record,)


def _job(register: Register, job_id: str | None, connection: str | None) -> JobRecord | None:
    if job_id is None:
        return next(iter(register.jobs.all(connection)), None)
    found = register.jobs.get(job_id)
    if found is None:
        raise ConfigurationError(f'--job: "{job_id}" is not a job of ours; see counterfoil jobs')
    return found

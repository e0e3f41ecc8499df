"""``counterfoil items``: what the register remembers of items, seen in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from counterfoil.cli.items_table import show_items
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.listings import NOTHING
from counterfoil.cli.open_table import open_rows, show_open
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.problems import Problem, show_problems
from counterfoil.cli.problems import problems as grouped
from counterfoil.cli.rows import FAILED, ItemRow, failed_rows, item_rows
from counterfoil.cli.trouble import existing_register, known_job
from counterfoil.cli.uncertain_table import show_uncertain, uncertain_rows
from counterfoil.cli.voucher import show_voucher, voucher_rows
from counterfoil.errors import ConfigurationError
from counterfoil.register import JobRecord, Register

__all__ = ["items"]


def items(  # noqa: PLR0913 -- each option is a view of its own
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
    open_: Annotated[
        bool,
        typer.Option("--open", help="Bills that are not paid, and payments without their bill."),
    ] = False,
    uncertain: Annotated[
        bool,
        typer.Option(
            "--uncertain",
            help="Items of which it is not certain that they are booked, of all jobs.",
        ),
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print every booked line as CSV, to be filed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the items of a job: what became of each, its accounts and its link."""
    _one_view(
        {
            "--problems": problems,
            "--open": open_,
            "--uncertain": uncertain,
            "--csv": as_csv,
            "--failed": failed,
        }
    )
    _one_view({"--open": open_, "--uncertain": uncertain, "--job": job is not None})
    _one_view({"--csv": as_csv, "--json": as_json})
    with existing_register(load_config(config, connection, secrets=False)) as register:
        jobs = _jobs(register, job, connection) if register else ()
        if problems:
            found = grouped(failed_rows(register, jobs)) if register else []
            _tell_problems(found, jobs, as_json=as_json)
        elif open_:
            listed = open_rows(register, jobs) if register else []
            show_json(listed) if as_json else show_open(listed)
        elif uncertain:
            unsure = uncertain_rows(register, jobs) if register else []
            show_json(unsure) if as_json else show_uncertain(unsure)
        elif as_csv:
            show_voucher(list(voucher_rows(register, jobs[0])) if register and jobs else [])
        else:
            rows = _rows(register, jobs, failed=failed) if register else []
            _tell_items(rows, jobs, as_json=as_json)


def _one_view(views: Mapping[str, bool]) -> None:
    wanted = [name for name, on in views.items() if on]
    if len(wanted) > 1:
        raise ConfigurationError(f"items: {' and '.join(wanted)} do not go together; choose one")


def _jobs(register: Register, job_id: str | None, connection: str | None) -> Sequence[JobRecord]:
    """Return the job that is asked for, or all, newest first."""
    if job_id is None:
        return register.jobs.all(connection)
    return (known_job(register, job_id),)


def _rows(register: Register, jobs: Sequence[JobRecord], *, failed: bool) -> list[ItemRow]:
    rows = item_rows(register, jobs[0].target, jobs[0].job_id) if jobs else []
    return [row for row in rows if row.status == FAILED] if failed else rows


def _tell_items(rows: Sequence[ItemRow], jobs: Sequence[JobRecord], *, as_json: bool) -> None:
    if as_json:
        show_json(rows)
    elif not jobs:
        say(NOTHING)
    else:
        say(f"Job {jobs[0].job_id} of {jobs[0].connection}: {jobs[0].outcome or jobs[0].state}")
        show_items(rows)


def _tell_problems(found: Sequence[Problem], jobs: Sequence[JobRecord], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    elif not jobs:
        say(NOTHING)
    elif not found:
        say("No item has failed that was not booked since.")
    else:
        show_problems(found)

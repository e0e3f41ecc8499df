"""``counterfoil run --once``: export every open job of every connection, and end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import complain, say, show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.plan import the_connection
from counterfoil.cli.plans import difference, kept_plan, told_difference
from counterfoil.cli.progress import watching
from counterfoil.cli.reports import exit_code, show_reports
from counterfoil.cli.shadow import run_shadow
from counterfoil.cli.shapes import preview_as_json
from counterfoil.cli.stopping import stopping
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.export.ports import AgreedPlan
from counterfoil.runner.once import run_once
from counterfoil.runner.planning import plan_jobs
from counterfoil.runner.reports import ConnectionReport

__all__ = ["drain", "run"]

_COLLECT_EVERY: Final = 20_000
"""Objects made, less those gone, after which Python looks for garbage in cycles."""


def run(  # noqa: PLR0913 -- each option is a wish of its own
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    once: Annotated[
        bool,
        typer.Option("--once", help="Export what is open now, then end; so does --connection."),
    ] = False,
    connection: ConnectionOption = None,
    take_over: Annotated[
        str | None,
        typer.Option(
            metavar="JOB", help="Go on with a job in progress that this register did not start."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 when items failed.")
    ] = False,
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="Book exactly what this plan shows, or nothing if that differs."
        ),
    ] = None,
    shadow: Annotated[
        bool,
        typer.Option(
            "--shadow",
            help="Plan, and compare with what others booked; write nothing.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Book the expenses of every open export job, and tell Pleo what became of them."""
    if shadow:
        if once or plan is not None or take_over is not None:
            raise ConfigurationError("run: --shadow goes with no other wish; it writes nothing")
        loaded = load_config(config, connection)
        set_up_logs(loaded.log, as_json=as_json)
        raise typer.Exit(run_shadow(loaded, connection, as_json=as_json))
    if not once and connection is None:
        raise ConfigurationError(
            "run: --once is missing, or --connection to look at one now; counterfoil serve runs "
            "all the time"
        )
    loaded = load_config(config, connection)
    set_up_logs(loaded.log, as_json=as_json)
    planned = None
    if plan is not None:
        connection = the_connection(loaded, connection).name
        planned = _agreed(loaded, connection, plan, as_json=as_json)
    reports = drain(loaded, only=connection, take_over=take_over, silent=as_json, planned=planned)
    if as_json:
        show_json(reports)
    else:
        show_reports(reports)
    raise typer.Exit(exit_code(reports, strict=strict))


def _agreed(config: Config, connection: str, plan: str, *, as_json: bool) -> AgreedPlan:
    """Return what a plan allows; where a run would book others, say so and end."""
    with existing_register(config) as register:
        now = asyncio.run(plan_jobs(the_connection(config, connection), register))
    if now.hash == plan:
        return now.agreed
    found = difference(plan, kept_plan(config, plan), preview_as_json(now))
    if as_json:
        show_json(found)
    else:
        for line in told_difference(found):
            say(line)
    complain(
        f"Plan {plan} is not what would be booked now, so nothing was booked. What would be is "
        f"plan {now.hash}: look at it with counterfoil plan"
    )
    raise typer.Exit(ExitCode.NOT_DONE)


def drain(
    config: Config,
    *,
    only: str | None = None,
    take_over: str | None = None,
    silent: bool = False,
    planned: AgreedPlan | None = None,
) -> Sequence[ConnectionReport]:
    """Run every open job to its end, watched unless ``silent``.

    With ``planned``, nothing else is claimed or written.
    """
    # What a job makes lives until its chunk is done: looking for cycles often finds none.
    gc.set_threshold(_COLLECT_EVERY)
    with watching(silent=silent) as progress, stopping() as stop:
        return asyncio.run(
            run_once(
                config,
                only=only,
                take_over=take_over,
                progress=progress,
                planned=planned,
                stopping=stop,
            )
        )

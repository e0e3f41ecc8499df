"""``counterfoil run --once``: export every open job of every connection, and end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from counterfoil.cli.lines import show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.progress import watching
from counterfoil.cli.reports import exit_code, show_reports
from counterfoil.cli.trouble import telling_of_the_register
from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.runner.once import run_once
from counterfoil.runner.reports import ConnectionReport

__all__ = ["drain", "run"]


def run(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    once: Annotated[
        bool, typer.Option("--once", help="Export what is open now, then end.")
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
    as_json: JsonOption = False,
) -> None:
    """Book the expenses of every open export job, and tell Pleo what became of them."""
    if not once:
        raise ConfigurationError("run: --once is missing; without it, running comes later")
    loaded = load_config(config, connection)
    set_up_logs(as_json=as_json)
    reports = drain(loaded, only=connection, take_over=take_over, silent=as_json)
    if as_json:
        show_json(reports)
    else:
        show_reports(reports)
    raise typer.Exit(exit_code(reports, strict=strict))


def drain(
    config: Config,
    *,
    only: str | None = None,
    take_over: str | None = None,
    silent: bool = False,
) -> Sequence[ConnectionReport]:
    """Run every open job to its end, watched unless ``silent``."""
    with telling_of_the_register(config), watching(silent=silent) as progress:
        return asyncio.run(run_once(config, only=only, take_over=take_over, progress=progress))

"""``counterfoil reconcile``: hold Pleo, the books and our copy of the items against each other."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.reconcile_shapes import reconciliation_as_json
from counterfoil.cli.reconcile_text import show_reconciliation
from counterfoil.cli.trouble import existing_register
from counterfoil.runner.reconciling import reconcile_all

__all__ = ["reconcile"]


def reconcile(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="DATE", help="Only what is booked on this day or later."
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Report outcomes that Pleo missed; list the rest with what to do."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what Pleo has as booked with the books; exit with 1 where something is off."""
    loaded = load_config(config, connection)
    set_up_logs(loaded.log, as_json=as_json)
    with existing_register(loaded) as register:
        found = asyncio.run(
            reconcile_all(
                loaded,
                register,
                only=connection,
                since=since.date() if since else None,
                repairing=repair,
            )
        )
    if as_json:
        show_json([reconciliation_as_json(each) for each in found])
    else:
        for each in found:
            show_reconciliation(each)
    off = any(each.off for each in found)
    raise typer.Exit(ExitCode.NOT_DONE if off else ExitCode.DONE)

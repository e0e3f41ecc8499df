"""``counterfoil receipts``: which bookings lack receipts, and adding them."""

from __future__ import annotations

import asyncio

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.groups import command_group
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.runner.receipts import Retried, retry_receipts

__all__ = ["app"]

app = command_group("Show which bookings lack receipts, and add them.")
NONE = "No booking lacks a receipt"


@app.command("list")
def list_missing(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the bookings that lack receipts, the longest missing first, and why."""
    with existing_register(load_config(config, connection, secrets=False)) as register:
        found = register.missing_receipts.all(connection) if register else []
    if as_json:
        show_json(found)
    elif not found:
        say(NONE)
    else:
        rows = [
            (each.connection, f"{each.missing_since:%Y-%m-%d}", each.external_id, each.why)
            for each in found
        ]
        show_table(("connection", "since", "booked as", "missing"), rows)


@app.command("retry")
def retry(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try again to add what is missing; exits with 1 when some is missing still."""
    loaded = load_config(config, connection)
    results: list[Retried] = []
    with existing_register(loaded) as register:
        for each in loaded.connections if register else ():
            if connection in {None, each.name} and register:
                results += asyncio.run(retry_receipts(each, register))
    if as_json:
        show_json(results)
    elif not results:
        say(NONE)
    else:
        for one in results:
            say(f"{one.external_id}: {one.why or 'it has all its receipts now'}")
    if any(one.why for one in results):
        raise typer.Exit(ExitCode.NOT_DONE)

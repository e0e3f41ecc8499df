"""``counterfoil plan``: the exact entries that an export would write, and what would fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.bookkeeping.entries import Entry
from counterfoil.cli.against import plan_against
from counterfoil.cli.lines import counted, say, show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.plans import keep_plan
from counterfoil.cli.shapes import preview_as_json
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config, Connection
from counterfoil.errors import ConfigurationError
from counterfoil.export.preview import Preview
from counterfoil.pleo.wire import read_json
from counterfoil.runner.planning import plan_items, plan_jobs

__all__ = ["plan", "read_items", "show_entry", "the_connection"]


def plan(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    items: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Export items as JSON, instead of Pleo's open jobs."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="register", help="Show what is booked and would be booked otherwise now."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the debits and credits that an export would write; nothing is written or claimed."""
    if items is not None and against is not None:
        raise ConfigurationError("plan: --items and --against do not go together; choose one")
    loaded = load_config(config, connection, secrets=items is None and against is None)
    chosen = the_connection(loaded, connection)
    set_up_logs(loaded.log, as_json=as_json)
    if against is not None:
        plan_against(against, loaded, chosen, as_json=as_json)
        return
    with existing_register(loaded) as register:
        if items is None:
            planned = asyncio.run(plan_jobs(chosen, register))
            keep_plan(loaded, preview_as_json(planned))
        else:
            planned = asyncio.run(plan_items(chosen, read_items(items), register))
    if as_json:
        show_json(preview_as_json(planned))
    else:
        _show(planned)
        if items is None:
            say(f"counterfoil run --once --plan {planned.hash} books exactly this")


def the_connection(config: Config, name: str | None) -> Connection:
    """Return the connection of that name, or the only one; raises ConfigurationError."""
    if name is None and len(config.connections) > 1:
        names = ", ".join(each.name for each in config.connections)
        raise ConfigurationError(f"--connection: is missing; one of {names} is right")
    return next(each for each in config.connections if name in {None, each.name})


def read_items(path: Path) -> Sequence[Mapping[str, object]]:
    """Read export items: a bare list, or Pleo's own answer with ``data``."""
    try:
        content = read_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--items {path}: cannot be read ({error}); give a file with export items as JSON"
        ) from error
    rows = content.get("data") if isinstance(content, dict) else content
    items = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None
    if not isinstance(rows, list) or items is None or len(items) < len(rows):
        raise ConfigurationError(
            f"--items {path}: holds no export items; a JSON list of objects, or Pleo's answer "
            'with "data", is right'
        )
    return items


def _show(planned: Preview) -> None:
    for entry in planned.entries:
        show_entry(entry)
    for failure in planned.failures:
        say(f"{failure.entry_id} would fail, {failure.failure_type}: {failure.failure_reason}")
    say(
        f"{counted(planned.entries, 'entry', 'entries')} to write, "
        f"{counted(planned.failures, 'item', 'items')} would fail, "
        f"{counted(planned.booked, 'item is', 'items are')} booked already"
    )
    say(f"plan {planned.hash}")


def show_entry(entry: Entry) -> None:
    """Print an entry, each line with the rule that made it."""
    say(
        f"{entry.date} {entry.reference} {' · '.join(filter(None, (entry.payee, entry.narration)))}"
    )
    for line in entry.lines:
        made = f" from {', '.join(line.fields)}" if line.fields else ""
        say(f"    {line.account:<40} {line.amount:>14,f} {entry.currency}  {line.rule}{made}")

"""``counterfoil register``: what the register is, bringing its schema up to ours, and pruning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.groups import command_group
from counterfoil.cli.lines import counted, say, show_json
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, load_file
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.register import Pruned, is_server, upgrade
from counterfoil.register.backup import back_up
from counterfoil.register.sqlite import sqlite_path
from counterfoil.register.versions import HEAD

__all__ = ["app"]

app = command_group(
    "Show and copy the register, upgrade its schema, and prune what it keeps for a time only."
)


@app.command("show")
def show(*, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show where the register is, its schema, and how much it holds."""
    with existing_register(load_file(config)) as register:
        if register is None:
            say("There is no register yet: the first run makes it")
            return
        url, counts = register.database.place.url, register.retention.counts()
    if as_json:
        show_json({"url": url, "schema": HEAD, "rows": dict(counts)})
        return
    say(f"{url}, schema {HEAD}")
    for name, count in counts.items():
        say(f"  {count:>9} {name.replace('_', ' ')}")


@app.command("upgrade")
def upgrade_schema(*, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Make the register's tables, or bring those of an older version up to this one."""
    loaded = load_file(config)
    had, has = upgrade(loaded.register_url, direct_url=loaded.register_direct_url)
    if as_json:
        show_json({"was": had, "schema": has})
    elif had == has:
        say(f"The register has schema {has} already")
    else:
        say(f"The register has schema {has} now; {f'it had {had}' if had else 'it was empty'}")


@app.command("prune")
def prune(*, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Remove items as received and entries as planned that are older than [register] keep_items."""
    loaded = load_file(config)
    before = datetime.now(UTC) - loaded.keep_items
    with existing_register(loaded) as register:
        pruned = register.retention.prune(before=before) if register else Pruned(0, 0, 0)
    if as_json:
        show_json(pruned)
    else:
        say(_told(pruned, loaded, before))


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; an older one is replaced.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Copy the register to a file, as of this moment; exports may go on meanwhile."""
    loaded = load_file(config)
    if is_server(loaded.register_url):
        raise ConfigurationError(
            "register backup: copies a register that is a file; this one is in PostgreSQL, whose "
            "pg_dump makes a copy (docs/operations.md)"
        )
    size = back_up(sqlite_path(loaded.register_url), file)
    if as_json:
        show_json({"file": str(file), "bytes": size})
    else:
        say(
            f"Copied the register to {file}, {size} bytes. Keep the key it is sealed with elsewhere"
        )


def _told(pruned: Pruned, config: Config, before: datetime) -> str:
    kept = f"[register] keep_items is {config.keep_items // timedelta(days=1)} days"
    if not pruned.jobs:
        return f"Nothing to remove from before {before:%Y-%m-%d}: {kept}"
    jobs = counted(range(pruned.jobs), "job", "jobs")
    items = counted(range(pruned.items), "item", "items")
    entries = counted(range(pruned.entries), "planned entry", "planned entries")
    return (
        f"Removed {items} and {entries} of {jobs} from before {before:%Y-%m-%d}: {kept}. What was "
        "booked as what, and what Pleo was told, is kept"
    )

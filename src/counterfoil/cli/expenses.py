"""``counterfoil expenses``: leave Pleo's old Expenses API, a step at a time."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.expenses_report import show_report
from counterfoil.cli.groups import command_group
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
from counterfoil.config import Connection, Secret
from counterfoil.errors import ConfigurationError, CounterfoilError
from counterfoil.register import Decision, DecisionKind, Register

__all__ = ["app"]

PORT = 8891

app = command_group(
    "Leave Pleo's old Expenses API: see what a program uses of it, and serve it meanwhile."
)


@app.command("check")
def check(
    path: Annotated[Path, typer.Argument(help="A program's source, or recorded JSON.")],
    *,
    as_json: JsonOption = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a report as Markdown.")
    ] = False,
) -> None:
    """List what a program uses of the old API, what each becomes, and what has no equivalent."""
    from counterfoil.bridge.checking import check_path
    from counterfoil.bridge.checking.markdown import as_text

    if as_json and as_markdown:
        raise ConfigurationError("expenses check: --json and --markdown do not go together")
    if not path.exists():
        raise ConfigurationError(f"expenses check: {path} does not exist; name a file or a folder")
    report = check_path(path)
    if as_json:
        show_json(report)
    elif as_markdown:
        typer.echo(as_text(report))
    else:
        show_report(report)


@app.command("bridge")
def bridge(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = PORT,
    take_over: Annotated[
        str | None,
        typer.Option(
            metavar="JOB", help="Go on with a job in progress that this register did not start."
        ),
    ] = None,
) -> None:
    """Serve the old Expenses API over the Export API, for a program that still needs it."""
    from counterfoil.bridge.server import listen, serve, url_of

    loaded = load_config(config, connection)
    chosen = the_connection(loaded, connection)
    token = _token_of(chosen)
    set_up_logs()
    try:
        listener = listen(host, port)
    except OSError as error:
        raise CounterfoilError(
            f"Cannot listen on {host}, port {port} ({error.strerror}): choose another --port"
        ) from error
    with loaded.open_register() as register, listener:
        greet = partial(_greet, chosen, token, url_of(listener))
        serving = serve(chosen, token.reveal(), register, listener, take=take_over, started=greet)
        with suppress(KeyboardInterrupt):
            asyncio.run(serving)


def _token_of(connection: Connection) -> Secret:
    if connection.bridge is None:
        raise ConfigurationError(
            f"connection[{connection.name}].bridge: is missing; add [connection.bridge] with "
            'token = "env:OLD_PLEO_TOKEN", the bearer token that your program sends'
        )
    return connection.bridge.token


def _greet(connection: Connection, token: Secret, url: str) -> None:
    """Say where it answers, how often it must be asked, and what it cannot do."""
    for line in (
        f"The old Expenses API for {connection.name}: {url}/v1",
        f"  Its bearer token is that of {token.reference}; Pleo is {connection.base_url}.",
        "",
        "How often your program must ask:",
        "  for QUEUED expenses at least once an hour, better every 5 minutes: an export job that",
        "  nobody asked for expires after an hour.",
        "  After the last sign of work it has 50 minutes, and 2 hours more for expenses that are",
        "  EXPORTING. What is not EXPORTED by then fails in Pleo, each expense with the reason.",
        "",
        "The bridge tells Pleo what your program says, and never shows again what was EXPORTED. It",
        "does not see your books: it cannot keep your program from booking an expense twice.",
    ):
        say(line)


@app.command("again")
def again(
    entries: Annotated[list[str], typer.Argument(metavar="ID", help="Expenses' ids.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
) -> None:
    """Show EXPORTED expenses to the old program once more, when they are exported again in Pleo.

    Take the old bookings out of your accounting system first: nobody else looks for them.
    """
    loaded = load_config(config, connection, secrets=False)
    chosen = the_connection(loaded, connection)
    with loaded.open_register() as register:
        strangers = _let_through(register, chosen, entries)
    for entry_id in strangers:
        complain(f"{entry_id}: no export job of {chosen.name} held it; nothing was changed for it")
    if strangers:
        raise typer.Exit(1)


def _let_through(register: Register, connection: Connection, entries: Sequence[str]) -> list[str]:
    from counterfoil.bridge.known import expense_known
    from counterfoil.systems.elsewhere import TARGET

    strangers = []
    for entry_id in entries:
        if expense_known(register, connection.name, entry_id) is None:
            strangers.append(entry_id)
            continue
        register.decisions.add(
            Decision(
                target=TARGET,
                entry_id=entry_id,
                kind=DecisionKind.NOT_BOOKED,
                fingerprint="",
                made_at=datetime.now(UTC),
                made_by=getpass.getuser(),
            )
        )
        say(f"{entry_id} is shown again when it is exported again in Pleo")
    return strangers

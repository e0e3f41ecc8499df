"""``counterfoil connections``: which book each connection is bound to, and binding it anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from counterfoil.cli.authorise import authorise, disconnect
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.plan import the_connection
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.register.connections import Binding
from counterfoil.runner.binding import binding_of, rebind

__all__ = ["app"]

app = typer.Typer(
    help="Show which book each connection is bound to, and bind it anew.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.command()(authorise)
app.command()(disconnect)


@app.command("list")
def list_bindings(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the company and the book that each connection is bound to since its first run."""
    loaded = load_config(config, connection, secrets=False)
    with existing_register(loaded) as register:
        found = register.connections.all() if register else ()
    found = tuple(each for each in found if connection in {None, each.name})
    if as_json:
        show_json(found)
    elif not found:
        say("No connection is bound yet: its first run binds it")
    else:
        columns = ("connection", "company", "Pleo", "books", "remark")
        show_table(columns, [_cells(each, loaded) for each in found])


def _cells(bound: Binding, config: Config) -> Sequence[str]:
    return (*asdict(bound).values(), _remark(bound, config))


def _remark(bound: Binding, config: Config) -> str:
    now = [binding_of(each) for each in config.connections if each.name == bound.name]
    if not now:
        return "not in the configuration"
    return "" if bound in now else f"configured now: {', '.join(list(asdict(now[0]).values())[1:])}"


@app.command("rebind")
def rebind_connection(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connection's name.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Bind a connection to the company and the book that are configured now."""
    loaded = load_config(config, name, secrets=False)
    chosen = the_connection(loaded, name)
    _ask(binding_of(chosen), yes=yes)
    with loaded.open_register() as register:
        bound = rebind(chosen, register)
    if as_json:
        show_json(bound)
    else:
        say(f"{name} is bound to company {bound.company_id} and {bound.target}")


def _ask(binding: Binding, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"connections rebind: give --yes to bind {binding.name} to {binding.target}; expenses "
            "that are not in those books are booked there when they are exported again"
        )
    typer.confirm(
        f"Bind {binding.name} to {binding.target}? Expenses that are not in those books are "
        "booked there when they are exported again",
        abort=True,
        err=True,
    )

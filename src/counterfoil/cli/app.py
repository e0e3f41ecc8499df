"""Puts the commands together; each is imported only when it is asked for: ``--help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Annotated, Protocol

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from counterfoil import __version__
from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import complain
from counterfoil.errors import ConfigurationError, CounterfoilError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("counterfoil.cli.demo:demo", "Book a Pleo export in a Beancount ledger, here."),
    "sandbox": ("counterfoil.sandbox.commands:app", "Serve a local Pleo to develop against."),
    "init": (
        "counterfoil.cli.init.command:init",
        "Ask what is needed, and write counterfoil.toml.",
    ),
    "doctor": ("counterfoil.cli.doctor:doctor", "Check whether an export would work now."),
    "run": ("counterfoil.cli.run:run", "Book the expenses of every open export job."),
    "serve": ("counterfoil.cli.serve:serve", "Book the expenses of export jobs as they come."),
    "worker": ("counterfoil.cli.worker:worker", "Do the work beside other workers."),
    "plan": ("counterfoil.cli.plan:plan", "Show the exact entries that an export would write."),
    "jobs": ("counterfoil.cli.listings:jobs", "List the export jobs that were worked on."),
    "items": ("counterfoil.cli.items:items", "List what became of the items of a job."),
    "explain": ("counterfoil.cli.explain:explain", "Tell why an entry was booked as it is."),
    "resolve": ("counterfoil.cli.decide:resolve_item", "Decide about an item that waits for it."),
    "reverse": ("counterfoil.cli.decide:reverse_items", "Undo what was booked."),
    "reconcile": ("counterfoil.cli.reconcile:reconcile", "Compare what Pleo has with the books."),
    "expenses": ("counterfoil.cli.expenses:app", "Leave Pleo's old Expenses API."),
    "receipts": ("counterfoil.cli.receipts:app", "Show and add receipts that bookings lack."),
    "connections": ("counterfoil.cli.connections:app", "Show and change what books they write."),
    "webhooks": ("counterfoil.cli.webhooks:app", "Have Pleo say when there is work."),
    "secrets": ("counterfoil.cli.secrets:app", "Make and change the key of stored secrets."),
    "register": ("counterfoil.cli.register:app", "Show, upgrade and prune the register."),
    "conformance": ("counterfoil.cli.conformance:conformance", "Test an adapter of your own."),
}
"""Where each command is, as ``module:name``, and its line in ``--help``."""

SETTINGS = {"help_option_names": ["-h", "--help"]}


class Formatter(Protocol):
    """What writes a help page."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Write a heading, and what is written inside below it."""

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write a list of terms and what they mean."""


class Commands(TyperGroup):
    """The group of all commands, none of them imported yet."""

    def list_commands(self, ctx: object) -> list[str]:
        """Name the commands in the order of their first use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """Import a command."""
        del ctx
        return _load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: object, formatter: Formatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _load(name: str) -> TyperCommand | TyperGroup:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, _plain_app()
        found.command(name, context_settings=SETTINGS)(function)
    command = get_command(found)
    if not isinstance(command, TyperCommand | TyperGroup):
        raise TypeError(f"{COMMANDS[name][0]} is not a command")
    command.name = name
    return command


def _plain_app() -> typer.Typer:
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"counterfoil {__version__}")
        raise typer.Exit


@app.callback()
def counterfoil(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _version(wanted=wanted),
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Book every expense exported from Pleo exactly once, and tell Pleo what became of it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line (by default the process's own); ends by SystemExit with an exit code."""
    try:
        app(arguments, prog_name="counterfoil")
    except ConfigurationError as error:
        complain(*_told(error))
        sys.exit(ExitCode.USAGE)
    except (CounterfoilError, OSError) as error:
        complain(str(error))
        sys.exit(ExitCode.NOT_DONE)


def _told(error: ConfigurationError) -> list[str]:
    if len(error.problems) == 1:
        return list(error.problems)
    heading = f"The configuration has {len(error.problems)} mistakes:"
    return [heading, *(f"  {problem}" for problem in error.problems)]

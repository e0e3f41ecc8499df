"""How a group of commands is made: errors and help look the same everywhere."""

from __future__ import annotations

import typer

__all__ = ["command_group"]


def command_group(help: str) -> typer.Typer:  # noqa: A002 -- as Typer calls it
    """Return a group of commands, with its line in ``--help``."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

"""Plain lines and JSON, on standard output and standard error.

Texts come from Pleo and from books, so lines are shown without characters that steer a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Sized
from dataclasses import asdict, is_dataclass

import typer

__all__ = ["clean", "complain", "counted", "say", "show_json"]


def clean(text: object) -> str:
    """Put a text on one line, without characters that steer a terminal."""
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in str(text)
    )


def counted(things: Sized, one: str, many: str) -> str:
    """Say how many things there are: ``1 item``, ``2 items``."""
    return f"{len(things)} {one if len(things) == 1 else many}"


def say(text: str = "") -> None:
    """Print a line."""
    typer.echo(clean(text))


def complain(*lines: str) -> None:
    """Print lines on standard error."""
    for line in lines:
        typer.echo(clean(line), err=True)


def show_json(value: object) -> None:
    """Print a value as JSON: dataclasses as objects; times, enums and amounts as their text."""
    typer.echo(json.dumps(_plain(value), indent=2, default=str))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value

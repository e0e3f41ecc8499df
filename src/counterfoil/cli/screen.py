"""Colours and tables on a terminal; the same as plain lines where the output goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from counterfoil.cli.lines import clean

__all__ = ["console", "show_table", "styled"]

STYLES: Mapping[str, str] = {
    "successful": "green",
    "completed": "green",
    "completed_with_errors": "yellow",
    "failed": "red",
    "lost": "red",
}


def console() -> Console:
    """Return a console on standard output as it is now."""
    return Console(highlight=False)


def styled(text: str, style: str) -> None:
    """Print a line in a style, where the terminal has styles."""
    console().print(Text(clean(text), style=style), soft_wrap=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Show rows in columns: a table on a terminal, else lines with tabs between the cells."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(clean(cell) for cell in row))
        return
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(clean(cell), style=STYLES.get(str(cell), "")) for cell in row))
    console().print(table)

"""Colours and tables on a terminal; the same as plain lines where the output goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from counterfoil.cli.lines import clean

__all__ = ["console", "grid", "show_lines", "show_table", "styled"]

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
        show_lines(columns, rows)
        return
    table = grid(*columns)
    for row in rows:
        table.add_row(*(Text(clean(cell), style=STYLES.get(str(cell), "")) for cell in row))
    console().print(table)


def show_lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Show rows as lines, with tabs between the cells."""
    for row in (columns, *rows):
        typer.echo("\t".join(clean(cell) for cell in row))


def grid(*columns: str) -> Table:
    """Return an empty table, as all tables of ours look."""
    return Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="bold underline")

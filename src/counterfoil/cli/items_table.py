"""How a job's items are shown: a few lines each on a terminal, one line with tabs elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text

from counterfoil.cli.lines import clean
from counterfoil.cli.rows import ItemRow
from counterfoil.cli.screen import console, grid, show_lines

__all__ = ["show_items"]

COLUMNS = ("item", "date", "what", "amount", "outcome", "accounts or reason", "link")
MARKS: Mapping[str, tuple[str, str]] = {"successful": ("✓", "green"), "failed": ("✗", "red")}
OPEN_MARK = ("…", "yellow")
GONE_MARK = ("↶", "yellow")
SHORT_ID = 8
"""So much of an id is shown on a terminal; enough to find it in a ledger."""


def show_items(rows: Sequence[ItemRow]) -> None:
    """Show items: what each was, what became of it, its accounts and its link."""
    if not sys.stdout.isatty():
        show_lines(COLUMNS, [_cells(row) for row in rows])
        return
    table = grid("", "item", "date", "amount", "what, accounts or reason")
    table.columns[3].justify = "right"
    for row in rows:
        mark, color = GONE_MARK if row.taken_back else MARKS.get(row.status, OPEN_MARK)
        date, money = Text(clean(row.date)), Text(clean(row.money))
        table.add_row(Text(mark, color), _link(row), date, money, _text(row))
    console().print(table)


def _cells(row: ItemRow) -> tuple[str, ...]:
    link = row.external_url or row.external_id or ""
    return (row.entry_id, row.date, row.what, row.money, row.status, row.booking, link)


def _link(row: ItemRow) -> Text:
    """Show the item's short id; it can be clicked where the booking has an address."""
    return Text(clean(row.entry_id[:SHORT_ID]), Style(link=row.external_url or None))


def _text(row: ItemRow) -> Text:
    text = Text(clean(row.what))
    if row.booking:
        text.append(f"\n{clean(row.booking)}", "red" if row.failure_reason else "dim")
    return text

"""Pages of expenses, steady while the old program marks what it has read.

A program reads a page, marks what is on it, and asks for the next: in a list of what is QUEUED the
later ones would have moved up and be passed over. So the first page fixes which expenses the later
ones hold; what was marked since is left out of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from counterfoil.bridge.expense import SeenExpense, as_expense
from counterfoil.bridge.known import KnownExpense, expenses_known, read_item
from counterfoil.bridge.marks import OldStatus
from counterfoil.bridge.query import Filters, Paging
from counterfoil.errors import ItemFailure
from counterfoil.pleo.models import ExportItem
from counterfoil.register import Register

__all__ = ["Listing", "seen"]

KEPT = 16
"""How many lists are remembered: one for each kind of question that is being paged through."""

RECENT = 50
"""In so many jobs' expenses the names of accounts, employees and tags are looked up."""
WAITING = frozenset({OldStatus.QUEUED, OldStatus.EXPORTING})


def seen(known: KnownExpense) -> SeenExpense | None:
    """Show a known expense; None where it cannot be shown as an old one."""
    item = read_item(known.kept)
    try:
        return None if item is None else as_expense(item, known.status)
    except ItemFailure:
        return None


@dataclass
class Listing:
    """The expenses of one connection, as the register has them."""

    connection: str
    register: Register
    _fixed: OrderedDict[Filters, Sequence[str]] = field(default_factory=OrderedDict)

    def items(self) -> Iterator[ExportItem]:
        """Give the export items of the newest jobs, to look names up in."""
        for known in expenses_known(self.register, self.connection, most=RECENT):
            item = read_item(known.kept)
            if item is not None:
                yield item

    def page(self, filters: Filters, paging: Paging) -> tuple[list[SeenExpense], int]:
        """Return a page of the expenses that are asked for, and how many there are in all."""
        found = dict(self._matching(filters))
        ids = self._ids(filters, paging, list(found))
        wanted = ids[paging.offset : paging.offset + paging.size]
        return [found[entry_id] for entry_id in wanted if entry_id in found], len(ids)

    def _ids(self, filters: Filters, paging: Paging, now: Sequence[str]) -> Sequence[str]:
        if paging.offset and filters in self._fixed:
            return self._fixed[filters]
        self._fixed[filters] = now
        self._fixed.move_to_end(filters)
        while len(self._fixed) > KEPT:
            self._fixed.popitem(last=False)
        return now

    def _matching(self, filters: Filters) -> Iterator[tuple[str, SeenExpense]]:
        waiting = bool(filters.statuses) and filters.statuses <= WAITING
        for known in expenses_known(self.register, self.connection, open_only=waiting):
            item = read_item(known.kept)
            if item is None or not filters.allow(known.status, item.date):
                continue
            shown = seen(known)
            if shown is not None and filters.show(shown.json):
                yield known.kept.entry_id, shown

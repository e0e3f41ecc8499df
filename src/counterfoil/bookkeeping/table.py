"""The booking table: which sides a type, sub type and method debit and credit, as data.

The rows lie in ``booking_table.json``; a connection may replace any of them. What a side means for
one item (which account, which lines) is left to ``sides``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import product

from counterfoil.bookkeeping.names import quoted
from counterfoil.bookkeeping.overrides import read_rows
from counterfoil.bookkeeping.roles import Row
from counterfoil.errors import ConfigurationError, InvalidItem

__all__ = ["BASE", "BookingTable", "booking_table", "check_overrides"]

Key = tuple[str, str | None, str | None]
"""Type, sub type and method of an item."""


@dataclass(frozen=True)
class BookingTable:
    """Rows by type, sub type and method."""

    rows: Mapping[Key, Row]

    def row(self, type_: str, sub_type: str | None, method: str | None) -> Row:
        """Return the row for an item; raises InvalidItem naming what has no row."""
        found = self.rows.get((type_, sub_type, method))
        if found is None:
            raise self._no_row(type_, sub_type, method)
        return found

    def _no_row(self, type_: str, sub_type: str | None, method: str | None) -> InvalidItem:
        known = self.rows.keys()
        if type_ not in {key[0] for key in known}:
            what = f'the type "{quoted(type_)}"'
        elif sub_type not in {key[1] for key in known}:
            what = f'the sub type "{quoted(sub_type or "")}"'
        elif method not in {key[2] for key in known}:
            what = f'the bookkeeping method "{quoted(method or "")}"'
        else:
            what = f"{type_} with the sub type {sub_type} under the method {method}"
        return InvalidItem(
            f"There is no rule for booking {what}: book this expense by hand, or update "
            "Counterfoil if Pleo has introduced it since."
        )

    def overridden(self, rows: Iterable[Row]) -> BookingTable:
        """Return a table in which these rows stand for their types, sub types and methods."""
        return BookingTable({**self.rows, **dict(_keyed(rows))})


def _keyed(rows: Iterable[Row]) -> Iterator[tuple[Key, Row]]:
    for row in rows:
        for key in product(row.types, row.sub_types, row.methods):
            yield key, row


def _read_base() -> BookingTable:
    data = json.loads(files(__package__).joinpath("booking_table.json").read_text("utf-8"))
    rows, _ = read_rows(data["rows"], known=None)
    return BookingTable(dict(_keyed(rows)))


BASE = _read_base()
"""The table as Pleo's rules have it, without any connection's overrides."""


def check_overrides(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Say what is wrong with a connection's own rows, one sentence each with its key and remedy."""
    return read_rows(rows, known=BASE.rows)[1]


def booking_table(overrides: Sequence[Mapping[str, object]]) -> BookingTable:
    """Return the table of a connection; raises ConfigurationError where its own rows are wrong."""
    if not overrides:
        return BASE
    return _overridden(json.dumps(list(overrides), sort_keys=True, default=_plain))


def _plain(value: object) -> object:
    """Let JSON write what is no dict or list of its own."""
    return dict(value) if isinstance(value, Mapping) else str(value)


@lru_cache(maxsize=64)
def _overridden(overrides: str) -> BookingTable:
    rows, problems = read_rows(json.loads(overrides), known=BASE.rows)
    if problems:
        raise ConfigurationError(*problems)
    return BASE.overridden(rows)

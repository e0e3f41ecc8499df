"""What a register adds to a configuration file: connections of its own.

A connection of the register is written as the file would write it and checked by the same shapes,
together with the file's, so that what must differ between connections differs among all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Added", "differing"]

Table = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Added:
    """Connections' tables by name."""

    tables: Mapping[str, Table] = field(default_factory=dict)


def differing(one: Table, other: Table) -> tuple[str, ...]:
    """Name the keys, with dots between, in which two connections' tables differ."""
    first, second = dict(_flat(one)), dict(_flat(other))
    return tuple(
        sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
    )


def _flat(table: Table, above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value

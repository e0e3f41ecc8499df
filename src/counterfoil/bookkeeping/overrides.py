"""Reading rows of the booking table, and saying what is wrong with those of a configuration.

A row of a configuration has the shape of a row of ``booking_table.json``. TOML knows no null, so
``"null"`` stands for it there; ``subTypes`` and ``methods`` may be left out and then mean all that
the table has for the row's types. The configuration's key for it all is ``[[connection.booking]]``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.roles import ACCOUNT_PREFIX, LINE_ROLES, PartRow, Role, Row

__all__ = ["read_rows"]

Key = tuple[str, str | None, str | None]

_KEYS = frozenset({"types", "subTypes", "sub_types", "methods", "parts", "evidence", "why"})
_PART_KEYS = frozenset({"part", "debit", "credit"})
_TOGETHER = (
    (Part.ENTRY,),
    (Part.BILL,),
    (Part.CREDIT_NOTE,),
    (Part.PAYMENT,),
    (Part.BILL, Part.PAYMENT),
    (Part.CREDIT_NOTE, Part.PAYMENT),
)
"""The records that one item may become, in the order they are booked."""


def read_rows(
    raw: Sequence[Mapping[str, object]], *, known: Collection[Key] | None
) -> tuple[list[Row], list[str]]:
    """Read rows; return those that are right and a sentence for each mistake.

    ``known`` are the table's combinations that own rows may replace; None reads the table itself.
    """
    rows: list[Row] = []
    problems: list[str] = []
    claimed: dict[Key, int] = {}
    for number, one in enumerate(raw, start=1):
        reader = _RowReader(f"[[connection.booking]] row {number}", known, problems)
        row = reader.read(one)
        if row is None:
            continue
        rows.append(row)
        problems.extend(_claims(row, number, claimed))
    return rows, problems


def _claims(row: Row, number: int, claimed: dict[Key, int]) -> Iterable[str]:
    for key in product(row.types, row.sub_types, row.methods):
        first = claimed.setdefault(key, number)
        if first != number:
            yield (
                f"[[connection.booking]] row {number}: row {first} already says how {_words(key)} "
                "is booked; keep one of them."
            )
            return


def _words(key: Key) -> str:
    return f"{key[0]} (sub type {key[1] or 'null'}, method {key[2] or 'null'})"


@dataclass
class _RowReader:
    """Reads one row, collecting its mistakes."""

    place: str
    known: Collection[Key] | None
    problems: list[str] = field(default_factory=list)

    def read(self, raw: object) -> Row | None:
        """Return the row, or None after noting what is wrong."""
        before = len(self.problems)
        if not isinstance(raw, Mapping):
            self.note("must be a table with types and parts")
            return None
        self.unknown_keys(raw, _KEYS)
        types = self.names(raw, "types", 0)
        sub_types = self.names(raw, "subTypes" if "subTypes" in raw else "sub_types", 1, types)
        methods = self.names(raw, "methods", 2, types)
        parts = self.parts(raw.get("parts"))
        if len(self.problems) > before:
            return None
        return Row(
            types=tuple(name for name in types if name is not None),
            sub_types=sub_types,
            methods=methods,
            parts=parts,
            evidence=str(raw.get("evidence", "configured")),
            why=str(raw.get("why", "set by the connection's configuration")),
            own=self.known is not None,
        )

    def note(self, what: str) -> None:
        """Keep one mistake as a sentence."""
        self.problems.append(f"{self.place}: {what}.")

    def unknown_keys(self, raw: Mapping[str, object], allowed: Collection[str]) -> None:
        """Note keys that nothing reads."""
        for key in raw:
            if key not in allowed:
                self.note(f'unknown key "{key}"; allowed are {", ".join(sorted(allowed))}')

    def names(
        self,
        raw: Mapping[str, object],
        key: str,
        position: int,
        types: Collection[str | None] = (),
    ) -> tuple[str | None, ...]:
        """Read a list of names that the table knows at this position of its keys."""
        if key not in raw and position and self.known is not None:
            have = {one[position] for one in self.known if one[0] in types}
            return tuple(sorted(have, key=lambda name: name or ""))
        value = raw.get(key)
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            self.note(f'"{key}" must be a list of at least one name')
            return ()
        names = tuple(None if name in {None, "null"} else str(name) for name in value)
        self.unknown_names(key, names, position)
        return names

    def unknown_names(self, key: str, names: Iterable[str | None], position: int) -> None:
        """Note names that no item can carry."""
        if self.known is None:
            return
        allowed = {one[position] for one in self.known}
        for name in names:
            if name not in allowed:
                choice = ", ".join(sorted(one or "null" for one in allowed))
                self.note(f'"{key}" has "{name or "null"}"; allowed are {choice}')

    def parts(self, raw: object) -> tuple[PartRow, ...]:
        """Read the records that the row makes."""
        if not isinstance(raw, Sequence) or isinstance(raw, str) or not raw:
            self.note('"parts" must be a list of tables with part, debit and credit')
            return ()
        parts = [part for part in map(self.part, raw) if part is not None]
        if len(parts) == len(raw) and tuple(part.part for part in parts) not in _TOGETHER:
            choice = "; ".join(" and ".join(parts) for parts in _TOGETHER)
            self.note(f'"parts" must be one of: {choice}')
        return tuple(parts)

    def part(self, raw: object) -> PartRow | None:
        """Read one record's sides."""
        if not isinstance(raw, Mapping):
            self.note('each of "parts" must be a table with part, debit and credit')
            return None
        self.unknown_keys(raw, _PART_KEYS)
        name = raw.get("part")
        if name not in set(Part):
            self.note(f'part "{name}" must be one of {", ".join(Part)}')
            return None
        debit, credit = self.role(raw, "debit"), self.role(raw, "credit")
        if debit is None or credit is None:
            return None
        if debit == credit or {debit, credit} <= LINE_ROLES:
            self.note(f'debit "{debit}" and credit "{credit}" must be two different sides')
        return PartRow(Part(str(name)), debit, credit)

    def role(self, raw: Mapping[str, object], side: str) -> str | None:
        """Read the role of a side: one of ours, or an account named by the connection."""
        value = raw.get(side)
        if isinstance(value, str):
            if value in set(Role):
                return Role(value)
            if value.startswith(ACCOUNT_PREFIX) and value.removeprefix(ACCOUNT_PREFIX).strip():
                return value
        choice = ", ".join([*Role, f"{ACCOUNT_PREFIX}CODE"])
        self.note(f'{side} "{value}" must be one of {choice}')
        return None

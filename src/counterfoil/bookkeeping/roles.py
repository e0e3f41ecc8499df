"""What a row of the booking table says: the parts of an item, and the role of each side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from counterfoil.bookkeeping.entries import Part

__all__ = ["ACCOUNT_PREFIX", "LINE_ROLES", "PartRow", "Role", "Row"]


class Role(StrEnum):
    """Whose account a side takes; see ``booking_table.json`` for each in a sentence."""

    LINES = "lines"
    WALLET = "wallet"
    OUT_OF_POCKET = "out_of_pocket"
    CONTRA = "contra"
    PAYABLE = "payable"
    EMPLOYEE_PAYABLE = "employee_payable"
    LINES_OR_OUT_OF_POCKET = "lines_or_out_of_pocket"


LINE_ROLES = frozenset({Role.LINES, Role.LINES_OR_OUT_OF_POCKET})
"""Sides that take one posting per line of the item; every other takes one of the sum."""

ACCOUNT_PREFIX = "account:"
"""Before an account's code or id, where a connection's own row names an account itself."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """One record of an item: the roles of its two sides (or ``account:CODE`` in own rows)."""

    part: Part
    debit: str
    credit: str

    @property
    def sides(self) -> tuple[str, str]:
        """Both roles, debit first."""
        return self.debit, self.credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How some types, sub types and methods are booked, and why."""

    types: tuple[str, ...]
    sub_types: tuple[str | None, ...]
    methods: tuple[str | None, ...]
    parts: tuple[PartRow, ...]
    evidence: str
    why: str
    own: bool = False
    """Whether the connection's configuration made this row."""

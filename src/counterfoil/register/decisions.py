"""What people decided about single items; kept for ever, as the trail of who decided what, when.

A decision stands for the item as it was when it was made: its fingerprint. When the item changes
again, somebody has to decide again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from counterfoil.register.schema import decisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.register.database import Database

__all__ = ["Decision", "DecisionKind", "Decisions"]


class DecisionKind(StrEnum):
    """What a person may decide."""

    KEEP = "keep"
    """The booking stands, although the item changed."""
    AMEND = "amend"
    """The next export books it anew: a draft is voided, a posted entry reversed."""
    REVERSE = "reverse"
    """It was taken back at once."""
    BOOKED_AS = "booked_as"
    """It is in the books under another reference, which a person found or made."""
    NOT_BOOKED = "not_booked"
    """A person looked: it is not in the books, whatever was uncertain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about one item of a book."""

    target: str
    entry_id: str
    kind: DecisionKind
    fingerprint: str
    """Of the item as it was last received; empty when it never was."""
    made_at: datetime
    made_by: str
    reference: str | None = None
    """For ``booked_as``: where a person found it."""


class Decisions:
    """The register's ``decisions``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def add(self, decision: Decision) -> None:
        """Write a decision down."""
        with self._database.write("decide") as connection:
            connection.execute(insert(decisions), [asdict(decision)])

    def of(self, target: str, entry_ids: Sequence[str]) -> dict[str, list[Decision]]:
        """Return the decisions on these entries, by entry id, newest last."""
        names = [column for column in decisions.columns if column.name != "number"]
        query = (
            select(*names)
            .where(decisions.c.target == target, decisions.c.entry_id.in_(entry_ids))
            .order_by(decisions.c.number)
        )
        found: dict[str, list[Decision]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query).mappings():
                kind = DecisionKind(row["kind"])
                decision = Decision(**{**row, "kind": kind})
                found.setdefault(decision.entry_id, []).append(decision)
        return found

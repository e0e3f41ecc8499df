"""A record in books in memory, and what people change of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict

from counterfoil.bookkeeping.entries import Entry, Reference
from counterfoil.systems.contract import EntryState, Found

__all__ = ["Changes", "MemoryRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """A record in the ledger; ``id`` is unique even where a reference is not."""

    id: str
    entry: Entry
    booked_at: datetime
    state: EntryState
    date: date
    lines: tuple[tuple[str, Decimal], ...]
    receipts: frozenset[str] = frozenset()
    settled: bool = False
    reverses: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """The reference it was written with."""
        return self.entry.reference

    @property
    def live(self) -> bool:
        """Whether it counts."""
        return self.state.live and self.reverses is None

    def found(self, ledger: str) -> Found:
        """Return it as the contract wants it."""
        return Found(
            reference=self.reference,
            id=self.id,
            url=f"memory://{ledger}/{self.id}",
            state=self.state,
            booked_at=self.booked_at,
            date=self.date,
            currency=self.entry.currency,
            lines=self.lines,
            fingerprint=self.entry.fingerprint,
            receipts=self.receipts,
            settled=self.settled,
        )


class Changes(TypedDict, total=False):
    """What people change of a record."""

    state: EntryState
    date: date
    lines: tuple[tuple[str, Decimal], ...]
    receipts: frozenset[str]
    settled: bool
    notes: tuple[str, ...]

"""What the old program's marks mean for each expense: an outcome, a status to tell, or a conflict.

EXPORTED is always taken: the old program says that it booked. Everything else is refused where the
job has ended, so that nothing is booked which Pleo gave back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from counterfoil.bridge.known import KnownExpense
from counterfoil.bridge.marks import OldStatus
from counterfoil.bridge.sorting import failed
from counterfoil.errors import BooksTimeout, RefusedByBooks
from counterfoil.register import ItemOutcome

__all__ = ["Marked", "left_behind"]


@dataclass
class Marked:
    """What becomes of the old program's marks."""

    now: datetime
    taken: dict[str, OldStatus] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """Marks that cannot be, with the reason; nothing is changed for these."""
    late: list[str] = field(default_factory=list)
    """EXPORTED after the job's end: kept, and told to Pleo when they are exported again."""
    outcomes: dict[str, dict[str, ItemOutcome]] = field(default_factory=dict)
    """What is to be kept, by job and entry id."""
    begun: dict[str, OldStatus] = field(default_factory=dict)
    """What Pleo is to be told of items that have no outcome yet."""

    def add(self, entry_id: str, known: KnownExpense | None, wanted: OldStatus) -> None:
        """Sort one mark."""
        if known is None:
            self.unknown.append(entry_id)
        elif conflict := _conflict(known, wanted):
            self.conflicts[entry_id] = conflict
        else:
            self.taken[entry_id] = wanted
            if known.status is not wanted:
                self._note(known, wanted)

    def refuse(self, entry_id: str, why: str) -> None:
        """Say that a mark which seemed possible is not."""
        del self.taken[entry_id]
        self.conflicts[entry_id] = f"{why}: this expense is not to be booked now"

    def _note(self, known: KnownExpense, wanted: OldStatus) -> None:
        kept = known.kept
        if wanted is OldStatus.EXPORTED:
            done = ItemOutcome(status="successful", exported_at=self.now.replace(microsecond=0))
            self.outcomes.setdefault(kept.job_id, {})[kept.entry_id] = done
            if not known.open:
                self.late.append(kept.entry_id)
        elif wanted is OldStatus.NOT_EXPORTED:
            self.outcomes.setdefault(kept.job_id, {})[kept.entry_id] = failed(_PUT_BACK)
        else:
            self.begun[kept.entry_id] = wanted


_PUT_BACK = RefusedByBooks(
    "Your integration marked this NOT_EXPORTED: see there why, then export it again"
)


def _conflict(known: KnownExpense, wanted: OldStatus) -> str | None:
    """Say why an expense cannot get this status; None where it can."""
    if known.status is wanted or wanted is OldStatus.EXPORTED:
        return None
    if known.status is OldStatus.EXPORTED:
        return "It is EXPORTED already, and stays so"
    if not known.open:
        return (
            "Its export job has ended: it is not to be booked now. It comes back when somebody "
            "exports it again in Pleo"
        )
    return None


def left_behind(status: OldStatus) -> ItemOutcome:
    """Return the outcome of an expense that was not marked EXPORTED in time."""
    if status is OldStatus.EXPORTING:
        return failed(
            BooksTimeout(
                "It is not certain that this was booked: your integration marked it EXPORTING and "
                "did not mark it EXPORTED in time. Look for it in your accounting system, then "
                "export again"
            )
        )
    return failed(
        BooksTimeout(
            "Your integration did not mark this EXPORTED in time: see there why, then export again"
        )
    )

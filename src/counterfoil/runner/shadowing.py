"""``run --shadow``: plan what waits at Pleo, and hold it against what an old integration booked.

Nothing is written in Pleo or in the books, and nothing is reported. What was planned is handed
back, so that it can be held against the books again when the old integration has booked it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from counterfoil.export.shadow import DAYS, Shadowed, hold_against
from counterfoil.runner.planning import plan_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.bookkeeping.entries import Entry
    from counterfoil.config import Connection
    from counterfoil.export.preview import PreviewFailure
    from counterfoil.register import Register

__all__ = ["Shadow", "shadow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What was planned now and earlier, beside the books; and what would fail now."""

    compared: tuple[Shadowed, ...]
    failures: tuple[PreviewFailure, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What was planned, to be held against the books again."""
        return tuple(each.entry for each in self.compared)


async def shadow(
    connection: Connection, register: Register | None, earlier: Sequence[Entry] = ()
) -> Shadow:
    """Plan the open jobs, whoever has them, and compare; raises CounterfoilError."""
    planned = await plan_jobs(connection, register)
    every = {entry.reference: entry for entry in (*earlier, *planned.entries)}
    entries = sorted(every.values(), key=lambda entry: (entry.date, entry.reference))
    if not entries:
        return Shadow(compared=(), failures=planned.failures)
    accounts = {line.account for entry in entries for line in entry.lines}
    since = entries[0].date - timedelta(days=DAYS)
    async with connection.open_books().reading() as books:
        others = await books.other_postings(accounts, since)
    return Shadow(compared=tuple(hold_against(entries, others)), failures=planned.failures)

"""What a changed configuration would have made of the past: kept items, planned again, compared.

Only the configuration is asked about: periods that were closed since count as open, and an entry
that was moved out of a closed one is compared by the expense's own day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.errors import ItemFailure
from counterfoil.export.preview import digest
from counterfoil.export.validate import ready_chart
from counterfoil.register import PartState
from counterfoil.register.records import load_entry, load_payload

if TYPE_CHECKING:
    from datetime import datetime

    from counterfoil.bookkeeping.entries import Entry, Part
    from counterfoil.bookkeeping.settings import Settings
    from counterfoil.config import Connection
    from counterfoil.register import PartRecord, Register

__all__ = ["Comparison", "Rebooked", "compare_with_past"]

AT_ONCE = 500
PAID = "paid-account"
"""The rule of a line on the account of what a payment pays, which no configuration names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebooked:
    """An item that was booked, as it was, and as it would be now: otherwise, or not at all."""

    entry_id: str
    job_id: str
    booked_at: datetime
    was: tuple[Entry, ...]
    now: tuple[Entry, ...] = ()
    failure: ItemFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many booked items were compared, which would be booked otherwise, and what is lost."""

    compared: int
    rebooked: tuple[Rebooked, ...]
    forgotten: int = 0
    """Items whose payload is not kept any more."""


async def compare_with_past(connection: Connection, register: Register) -> Comparison:
    """Plan everything that is booked in a connection's books again, with its settings now.

    Raises BooksNotReady where the settings do not fit the books at all.
    """
    async with connection.open_books().reading() as books:
        chart = (await ready_chart(books, connection.settings)).all_open()
        settings = replace(connection.settings_for(books), closed_through=None)
        target = books.target
    planner = _Planner(chart, settings)
    compared = forgotten = 0
    rebooked: list[Rebooked] = []
    for parts in _booked(register, target, connection.company_id):
        payload = _payload(register, parts)
        if payload is None:
            forgotten += 1
            continue
        compared += 1
        if (other := planner.otherwise(parts, payload)) is not None:
            rebooked.append(other)
    rebooked.sort(key=lambda each: (each.was[0].date, each.entry_id))
    return Comparison(compared=compared, rebooked=tuple(rebooked), forgotten=forgotten)


def _booked(register: Register, target: str, company_id: str) -> Iterator[list[PartRecord]]:
    """Give the booked parts of each item in a book, each item once."""
    seen: set[str] = set()
    for job in register.jobs.all():
        if (job.target, job.company_id) != (target, company_id):
            continue
        ids = [item.entry_id for item in register.items.all(job.job_id)]
        fresh = [entry_id for entry_id in ids if entry_id not in seen]
        for start in range(0, len(fresh), AT_ONCE):
            known = register.parts.of(target, fresh[start : start + AT_ONCE])
            for entry_id, records in known.items():
                if parts := _live(records):
                    seen.add(entry_id)
                    yield parts


def _live(records: Sequence[PartRecord]) -> list[PartRecord]:
    """Return the newest booked attempt of each part, in the parts' order."""
    newest: dict[Part, PartRecord] = {
        record.part: record for record in records if record.state is PartState.BOOKED
    }
    return sorted(newest.values(), key=lambda record: record.reference)


def _payload(register: Register, parts: Sequence[PartRecord]) -> str | None:
    first = parts[0]
    kept = register.items.get(first.job_id, first.reference.entry_id)
    return kept.payload if kept and all(part.entry for part in parts) else None


@dataclass(frozen=True, slots=True)
class _Planner:
    """Plans items again by the settings of now."""

    chart: Chart
    settings: Settings

    def otherwise(self, parts: Sequence[PartRecord], payload: str) -> Rebooked | None:
        """Return how an item would be booked now, where that is not as it was."""
        first = parts[0]
        booked_at = first.booked_at or first.intent_at
        found = Rebooked(
            entry_id=first.reference.entry_id,
            job_id=first.job_id,
            booked_at=booked_at,
            was=tuple(load_entry(part.entry) for part in parts),
        )
        try:
            now = plan(
                parse_item(load_payload(payload)),
                self.chart,
                self.settings,
                today=booked_at.astimezone(self.settings.zone).date(),
                pays=_paid(found.was),
            )
        except ItemFailure as failure:
            return replace(found, failure=failure)
        return replace(found, now=now) if _differ(found.was, now) else None


def _paid(entries: Sequence[Entry]) -> str | None:
    """Return the account of what was paid, which followed from other items."""
    accounts = (line.account for entry in entries for line in entry.lines if line.rule == PAID)
    return next(accounts, None)


def _differ(was: Sequence[Entry], now: Sequence[Entry]) -> bool:
    """Compare by part; a part that was not booked yet counts only where another one is missing."""
    old, new = _by_part(was), _by_part(now)
    return any(new.get(part) != mark for part, mark in old.items())


def _by_part(entries: Sequence[Entry]) -> dict[Part, str]:
    return {
        entry.reference.part: digest(replace(entry, date=entry.original_date or entry.date))
        for entry in entries
    }

"""What an export would write, without writing: the exact entries, what would fail, and a hash.

It goes the way a real export goes (parse, plan, look up, decide), so that what it shows is what
would be done. The register is not asked: what is booked is read from the books alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Entry, Line, Part
from counterfoil.bookkeeping.settings import Settings
from counterfoil.export.decide import Known, decide
from counterfoil.export.export_items import sort_key
from counterfoil.export.payables import BillsOf, Payables, Seen, nothing_known
from counterfoil.export.policies import OnChange
from counterfoil.export.work import ItemWork, prepare
from counterfoil.register import KeptItem
from counterfoil.register.records import dump_payload
from counterfoil.systems.contract import AccountingSystem

__all__ = ["Preview", "PreviewFailure", "digest", "preview", "preview_of"]

CHUNK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFailure:
    """An item that would fail, as Pleo would be told."""

    entry_id: str
    failure_type: str
    failure_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Entries that would be written, items that would fail, and items whose booking stands."""

    entries: tuple[Entry, ...]
    failures: tuple[PreviewFailure, ...]
    booked: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Identify what would be written: ids, dates, accounts, amounts, tax and dimensions."""
        digests = sorted(digest(entry) for entry in self.entries)
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


async def preview(  # noqa: PLR0913 -- all that a preview depends on
    payloads: Iterable[Mapping[str, object]],
    books: AccountingSystem,
    chart: Chart,
    settings: Settings,
    *,
    today: date,
    on_change: OnChange = OnChange.FAIL,
    bills: BillsOf = nothing_known,
) -> Preview:
    """Preview these export items, in the order in which they would be booked.

    ``bills`` gives bills booked before, so that payments are shown on the accounts of those.
    """
    kept = sorted(map(_kept, payloads), key=lambda item: (item.sort_key, item.entry_id))
    works = [prepare(item, chart, settings, today=today) for item in kept]
    payables, seen = Payables(books.target, chart, settings, today), Seen(bills)
    for start in range(0, len(works), CHUNK):
        chunk = works[start : start + CHUNK]
        found = await books.find([(work.entry_id, part) for work in chunk for part in Part])
        for work in chunk:
            known = Known(found={part: found.get((work.entry_id, part), ()) for part in Part})
            decide(work, known, settings=settings, on_change=on_change)
        payables.route(chunk, seen.bills)
        seen.add(each for work in chunk for each in payables.carried(work))
    return preview_of(works)


def preview_of(works: Sequence[ItemWork]) -> Preview:
    """Sum up decided items."""
    return Preview(
        entries=tuple(entry for work in works if work.writable for entry in work.to_write),
        failures=tuple(
            PreviewFailure(
                entry_id=work.entry_id,
                failure_type=str(work.failure.failure_type),
                failure_reason=work.failure.reason,
            )
            for work in works
            if work.failure is not None
        ),
        booked=tuple(work.entry_id for work in works if work.failure is None and not work.to_write),
    )


def digest(entry: Entry) -> str:
    """Identify an entry by its id, part, date, accounts, amounts, tax and dimensions."""
    figures = [
        entry.reference.entry_id,
        str(entry.reference.part),
        entry.date.isoformat(),
        entry.currency,
        *(_figures(line) for line in entry.lines),
    ]
    return hashlib.sha256(json.dumps(figures).encode()).hexdigest()


def _figures(line: Line) -> list[object]:
    tax = line.tax
    taxed = None if tax is None else [tax.code, tax.type, *map(_plain, (tax.rate, tax.amount))]
    return [line.account, _plain(line.amount), taxed, sorted(line.dimensions)]


def _plain(number: object) -> str:
    return format(number, "f")


def _kept(payload: Mapping[str, object]) -> KeptItem:
    return KeptItem(
        job_id="",
        entry_id=str(payload.get("accountingEntryId", "")),
        pleo_status="pending",
        sort_key=sort_key(payload),
        payload=dump_payload(payload),
        outcome=None,
        reported=False,
    )

"""What an export would write, without writing: the exact entries, what would fail, and a hash.

It goes the way a real export goes (parse, plan, look up, decide), so that what it shows is what
would be done. What is booked is read from the books; where there is a register, it tells what
people decided, what was booked before and which bills are open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Entry, Line, Part
from counterfoil.bookkeeping.settings import Settings
from counterfoil.errors import InvalidItem
from counterfoil.export.decide import Known, decide
from counterfoil.export.export_items import sort_key
from counterfoil.export.payables import Payables, Seen, nothing_known
from counterfoil.export.policies import OnChange
from counterfoil.export.ports import AgreedPlan
from counterfoil.export.work import ItemWork, parsed, prepare
from counterfoil.register import KeptItem, PartRecord, Register
from counterfoil.register.records import dump_payload
from counterfoil.systems.contract import AccountingSystem, Found, PartKey

__all__ = ["Preview", "PreviewFailure", "digest", "hold_to_plan", "preview", "preview_of"]

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
    jobs: tuple[str, ...] = ()
    """Pleo's jobs that it is of, where it is of jobs."""

    @property
    def agreed(self) -> AgreedPlan:
        """What a run that is held to this may claim and write."""
        entries = frozenset(digest(entry) for entry in self.entries)
        return AgreedPlan(entries=entries, jobs=frozenset(self.jobs))

    @property
    def hash(self) -> str:
        """Identify what would be written: ids, dates, accounts, amounts, tax and dimensions."""
        digests = sorted(digest(entry) for entry in self.entries)
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


async def preview(  # noqa: PLR0913 -- all that a preview depends on
    jobs: Iterable[Sequence[Mapping[str, object]]],
    books: AccountingSystem,
    chart: Chart,
    settings: Settings,
    *,
    today: date,
    on_change: OnChange = OnChange.FAIL,
    register: Register | None = None,
) -> Preview:
    """Preview the export items of some jobs, in the order in which they would be booked."""
    payables = Payables(books.target, chart, settings, today)
    seen = Seen(nothing_known if register is None else register.open_items.bills)
    works: list[ItemWork] = []
    for chunk in _chunks(jobs, chart, settings, today):
        found = await books.find([(work.entry_id, part) for work in chunk for part in Part])
        for work, known in zip(chunk, _known(chunk, found, register, books.target), strict=True):
            decide(work, known, settings=settings, on_change=on_change)
        payables.route(chunk, seen.bills)
        seen.add(each for work in chunk for each in payables.carried(work))
        works += chunk
    return preview_of(works)


def _chunks(
    jobs: Iterable[Sequence[Mapping[str, object]]], chart: Chart, settings: Settings, today: date
) -> Iterator[list[ItemWork]]:
    """Prepare each job's items in posting order, as many at a time as an export takes."""
    met: set[str] = set()
    for payloads in jobs:
        fresh = [item for item in map(_kept, payloads) if _is_fresh(item, met)]
        kept = sorted(fresh, key=lambda item: (item.sort_key, item.entry_id))
        for start in range(0, len(kept), CHUNK):
            chunk = [parsed(item) for item in kept[start : start + CHUNK]]
            for work in chunk:
                prepare(work, chart, settings, today=today)
            yield chunk


def _is_fresh(item: KeptItem, met: set[str]) -> bool:
    """Whether an item comes for the first time, as an export books it once; those without id do."""
    if item.entry_id in met:
        return False
    if item.entry_id:
        met.add(item.entry_id)
    return True


def _known(
    chunk: Sequence[ItemWork],
    found: Mapping[PartKey, Sequence[Found]],
    register: Register | None,
    target: str,
) -> Iterator[Known]:
    """Give what an export would know of each item."""
    ids = [work.entry_id for work in chunk]
    records = register.parts.of(target, ids) if register else {}
    decisions = register.decisions.of(target, ids) if register else {}
    for entry_id in ids:
        yield Known(
            found={part: found.get((entry_id, part), ()) for part in Part},
            records=records.get(entry_id, ()),
            decision=next(reversed(decisions.get(entry_id, ())), None),
            payload_of=lambda record: _payload(register, record),
        )


def _payload(register: Register | None, record: PartRecord) -> str | None:
    kept = register.items.get(record.job_id, record.reference.entry_id) if register else None
    return kept.payload if kept else None


def hold_to_plan(works: Iterable[ItemWork], planned: AgreedPlan | None) -> None:
    """Fail items that would be booked otherwise than planned."""
    if planned is None:
        return
    for work in works:
        if work.writable and not {digest(entry) for entry in work.to_write} <= planned.entries:
            work.failure = InvalidItem(
                "This would not be booked as planned: plan again, then export again"
            )


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
        entry_id=str(payload.get("accountingEntryId") or ""),
        pleo_status="pending",
        sort_key=sort_key(payload),
        payload=dump_payload(payload),
        outcome=None,
        reported=False,
    )

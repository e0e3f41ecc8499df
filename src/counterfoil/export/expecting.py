"""What the books should hold of an item: as it was planned when it was booked, or planned now.

Our copy comes first: it is what was written, whatever the configuration says by now. Where it is
lost, Pleo's own payload is planned anew, and the plan is given the benefit of what cannot be known
any more: the periods that were closed since, and the account of the bill that a payment pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.bookkeeping.fingerprint import fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.bookkeeping.settings import Settings
from counterfoil.errors import ItemFailure
from counterfoil.export.compare import differences
from counterfoil.export.decide import told_changes
from counterfoil.export.pairs import Expected, Source
from counterfoil.pleo.models import ExportItem
from counterfoil.register import PartRecord, PartState
from counterfoil.register.records import load_payload
from counterfoil.systems.contract import Capabilities, Found

__all__ = ["Planner", "as_booked"]


def as_booked(records: Sequence[PartRecord]) -> dict[Part, PartRecord]:
    """Return the newest attempt of each part that was ever booked; oldest attempts come first."""
    booked = {PartState.BOOKED, PartState.GONE}
    newest = {record.part: record for record in records if record.state in booked}
    return {part: newest[part] for part in Part if part in newest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Says what a book should hold, by one connection's settings."""

    chart: Chart
    settings: Settings
    today: date
    capabilities: Capabilities

    def mark(self, payload: str) -> str:
        """Return a payload's fingerprint; empty where it cannot be read."""
        with suppress(ItemFailure):
            return fingerprint(_item(payload), self.settings)
        return ""

    def kept(
        self,
        booked: Mapping[Part, PartRecord],
        newer: str | None,
        was: Callable[[], str | None],
    ) -> Expected:
        """Expect what was planned when it was booked; say what changed in Pleo since.

        ``newer`` is a payload that came after the one that it was booked from, which ``was`` gives.
        """
        planned = {part.reference: part.planned for part in booked.values()}
        expected = Expected(
            entries=tuple(entry for entry in planned.values() if entry is not None),
            source=Source.REGISTER,
            pruned=tuple(reference for reference, entry in planned.items() if entry is None),
        )
        if newer is None:
            return expected
        mark = self.mark(newer)
        if not mark or mark in {part.fingerprint for part in booked.values()}:
            return expected
        item = _item(newer)
        now: tuple[Entry, ...] = ()
        with suppress(ItemFailure):
            now = next(self._plans(item, ()))
        return replace(expected, changes=tuple(told_changes(was(), item, self.settings)), now=now)

    def planned(self, payload: str, records: Sequence[Found]) -> Expected:
        """Expect what Pleo's payload gives by the settings of now; raises ItemFailure."""
        plans = list(self._plans(_item(payload), records))
        fitting = (entries for entries in plans if self._fit(entries, records))
        return Expected(entries=next(fitting, plans[0]), source=Source.PLEO)

    def _plans(self, item: ExportItem, records: Sequence[Found]) -> Iterator[tuple[Entry, ...]]:
        """Plan an item as it may have been booked; raises ItemFailure where it cannot be at all."""
        settings = replace(self.settings, closed_through=None)
        chart = self.chart.all_open()
        yield plan(item, chart, settings, today=self.today)
        with suppress(ItemFailure):
            yield plan(item, self.chart, self.settings, today=self.today)
        for account in sorted({account for record in records for account, _ in record.lines}):
            with suppress(ItemFailure):
                yield plan(item, chart, settings, today=self.today, pays=account)

    def _fit(self, entries: Sequence[Entry], records: Sequence[Found]) -> bool:
        by_part = {entry.reference.part: entry for entry in entries}
        pairs = ((by_part.get(record.reference.part), record) for record in records)
        return all(
            entry is not None and not differences(entry, record, self.capabilities)
            for entry, record in pairs
        )


def _item(payload: str) -> ExportItem:
    return parse_item(load_payload(payload))

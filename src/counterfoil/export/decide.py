"""What to do with an item, given what the books and the register know of it. Pure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.fingerprint import differences, fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.table import booking_table
from counterfoil.errors import InvalidItem, ItemFailure
from counterfoil.export.policies import OnChange
from counterfoil.register import DecisionKind, PartState
from counterfoil.register.records import load_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from counterfoil.bookkeeping.entries import Part
    from counterfoil.bookkeeping.settings import Settings
    from counterfoil.export.work import ItemWork
    from counterfoil.pleo.models import ExportItem
    from counterfoil.register import Decision, PartRecord
    from counterfoil.systems.contract import Found

__all__ = ["Known", "decide", "told_changes"]


def _forgotten(_: PartRecord) -> None:
    """Know no payload of an earlier booking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an item: by the books, by the register, and what a person decided last."""

    found: Mapping[Part, Sequence[Found]]
    records: Sequence[PartRecord] = ()
    decision: Decision | None = None
    payload_of: Callable[[PartRecord], str | None] = _forgotten
    """Gives the payload that a part was booked from, where it is kept."""


def decide(work: ItemWork, known: Known, *, settings: Settings, on_change: OnChange) -> None:
    """Set what the item's parts still need: nothing (adopt), the missing ones, or all; or fail it.

    An item that is live in the books and unchanged since is successful whatever else is wrong now;
    one that is gone from the books is booked again as the next attempt. A person's decision
    goes before ``on_change``.
    """
    work.live = {
        part: live[-1]
        for part, every in known.found.items()
        if (live := [one for one in every if one.state.live])
    }
    if _stands_elsewhere(work, settings, known.decision):
        work.stands_as, work.failure = None if work.live else known.decision, None
        return
    if work.live:
        changes = _changes(work, known, settings)
        wanted = _wanted(work, settings, known.decision, on_change)
        if changes and wanted is OnChange.FAIL:
            work.failure = _changed(work, changes)
            return
        if changes and wanted is OnChange.AMEND:
            _amend(work)
        elif _is_of_other_parts(work):
            work.failure = None
            return
        elif work.failure is not None and work.item is not None:
            _stand(work, work.failure, work.item, settings)
    if work.failure is None:
        work.to_write = [
            replace(entry, reference=replace(entry.reference, attempt=attempt))
            for entry in work.planned
            if (part := entry.reference.part) not in work.live
            for attempt in (_next_attempt(part, known),)
        ]


def _wanted(
    work: ItemWork, settings: Settings, decision: Decision | None, on_change: OnChange
) -> OnChange:
    """Return what a person decided about just this item, else what the connection says."""
    if decision is not None and _concerns(decision, work, settings):
        return _DECIDED.get(decision.kind, on_change)
    return on_change


_DECIDED = {DecisionKind.KEEP: OnChange.KEEP, DecisionKind.AMEND: OnChange.AMEND}


def _stands_elsewhere(work: ItemWork, settings: Settings, decision: Decision | None) -> bool:
    return (
        decision is not None
        and decision.kind is DecisionKind.BOOKED_AS
        and _concerns(decision, work, settings)
    )


def _concerns(decision: Decision, work: ItemWork, settings: Settings) -> bool:
    """Whether the item is still as it was when somebody decided about it."""
    if work.item is None or not decision.fingerprint:
        return not decision.fingerprint
    return decision.fingerprint == fingerprint(work.item, settings)


def _is_of_other_parts(work: ItemWork) -> bool:
    """Whether it is booked as parts that it would not have today: then nothing of it is missing."""
    planned = {entry.reference.part for entry in work.planned}
    return bool(planned) and not work.live.keys() <= planned


def _amend(work: ItemWork) -> None:
    """Take back what is booked and book anew, if it can be planned; else nothing is touched."""
    first = next(iter(work.live.values()))
    if work.failure is not None:
        work.failure = work.failure.reworded(
            f"{work.failure} It stays booked as {first.id}, as it was before it changed"
        )
        return
    work.to_undo = list(work.live.values())
    work.live = {}


def _stand(work: ItemWork, failure: ItemFailure, item: ExportItem, settings: Settings) -> None:
    """Let a booked item stand though it cannot be planned now, unless a part of it is missing."""
    method = item.bookkeeping.method if item.bookkeeping else None
    missing: list[Part] = []
    with suppress(ItemFailure):  # no row any more: what is booked is all that there is
        row = booking_table(settings.table_overrides).row(item.type, item.sub_type, method)
        parts = [part.part for part in row.parts]
        if work.live.keys() <= set(parts):
            missing = [part for part in parts if part not in work.live]
    work.failure = None
    if missing:
        work.fail(failure, missing)


def _next_attempt(part: Part, known: Known) -> int:
    """One more than the last attempt that was in the books; intents that came to nothing repeat."""
    gone = {one.reference.attempt for one in known.found.get(part, ())}
    gone |= {
        record.reference.attempt
        for record in known.records
        if record.part is part and record.state in {PartState.BOOKED, PartState.GONE}
    }
    return max(gone, default=0) + 1


def _changes(work: ItemWork, known: Known, settings: Settings) -> list[str]:
    """Say what changed in Pleo since the item was booked; nothing if none can tell."""
    if work.item is None:
        return [f"it cannot be read any more: {work.failure}"]
    now = fingerprint(work.item, settings)
    for live in work.live.values():
        kept = [
            record
            for record in known.records
            if (record.reference, record.state) == (live.reference, PartState.BOOKED)
        ]
        before = kept[0].fingerprint if kept else live.fingerprint
        if before and before != now:
            return told_changes(known.payload_of(kept[0]) if kept else None, work.item, settings)
    return []


def told_changes(old: str | None, item: ExportItem, settings: Settings) -> list[str]:
    """Say what changed since an item was booked, from the payload it was booked from, if kept."""
    changes: list[str] = []
    if old is not None:
        with suppress(ItemFailure):
            changes = differences(parse_item(load_payload(old)), item, settings)
    return changes or ["its figures are not those that were booked"]


def _changed(work: ItemWork, changes: Sequence[str]) -> InvalidItem:
    first = next(iter(work.live.values()))
    return InvalidItem(
        f"Already booked as {first.id} on {first.booked_at:%Y-%m-%d}; since then "
        f"{', '.join(changes)}; decide with `counterfoil resolve {work.entry_id}`"
    )

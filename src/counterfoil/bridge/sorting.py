"""What of a job the old program must not see: booked before, or not to be shown as it was.

Whatever was EXPORTED once is never shown again. It is reported as it was exported, unless its
figures changed since: then it fails, and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from counterfoil.bookkeeping.fingerprint import differences, fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.settings import Settings
from counterfoil.bridge.expense import as_expense
from counterfoil.bridge.known import read_item
from counterfoil.bridge.marks import OldStatus
from counterfoil.errors import InvalidItem, ItemFailure, UnexpectedFailure
from counterfoil.pleo.models import ExportItem
from counterfoil.register import Decision, DecisionKind, ItemOutcome, KeptItem, Register
from counterfoil.register.records import load_payload

__all__ = ["failed", "outcomes_at_once"]


def outcomes_at_once(
    register: Register, items: Iterable[KeptItem], settings: Settings, target: str
) -> dict[str, ItemOutcome]:
    """Return the outcomes of those items that are not for the old program, by entry id."""
    found = {}
    for kept in items:
        outcome = _outcome(register, kept, settings, target)
        if outcome is not None:
            found[kept.entry_id] = outcome
    return found


def failed(failure: ItemFailure) -> ItemOutcome:
    """Return the outcome of an item that failed."""
    return ItemOutcome(
        status="failed",
        failure_type=str(failure.failure_type),
        failure_reason=failure.reason,
    )


def _outcome(
    register: Register, kept: KeptItem, settings: Settings, target: str
) -> ItemOutcome | None:
    before = _exported_before(register, kept, target)
    try:
        item = _shown(kept)
    except ItemFailure as failure:
        return before.outcome if before and kept.payload is None else failed(failure)
    if before is None or before.outcome is None:
        return None
    was = read_item(before)
    if was is None or fingerprint(was, settings) == fingerprint(item, settings):
        return before.outcome
    return failed(_changed(was, item, before.outcome.exported_at, settings))


def _shown(kept: KeptItem) -> ExportItem:
    """Return an item that can be shown as an old expense; raises ItemFailure."""
    if kept.payload is None:
        raise UnexpectedFailure(
            "Pleo sent no data for this item; export it again, and contact Pleo if it stays so"
        )
    item = parse_item(load_payload(kept.payload))
    as_expense(item, OldStatus.QUEUED)
    return item


def _exported_before(register: Register, kept: KeptItem, target: str) -> KeptItem | None:
    """Return the item as an earlier job exported it, unless a person said since: show it again."""
    again = register.decisions.of(target, [kept.entry_id]).get(kept.entry_id, [])
    for earlier in register.items.of_entry(kept.entry_id):
        done = earlier.outcome is not None and earlier.outcome.status == "successful"
        if earlier.job_id != kept.job_id and done:
            return None if _is_void(earlier, again) else earlier
    return None


def _is_void(earlier: KeptItem, decisions: Iterable[Decision]) -> bool:
    exported_at = earlier.outcome.exported_at if earlier.outcome else None
    return any(
        decision.kind is DecisionKind.NOT_BOOKED
        and (exported_at is None or decision.made_at >= exported_at)
        for decision in decisions
    )


def _changed(
    was: ExportItem, item: ExportItem, exported_at: datetime | None, settings: Settings
) -> InvalidItem:
    on = f" on {exported_at:%Y-%m-%d}" if exported_at else ""
    changes = "; ".join(differences(was, item, settings)) or "its figures changed"
    return InvalidItem(
        f"Your integration exported this already{on}; since then {changes}. Correct it in your "
        "accounting system. To have it booked once more instead, take the old booking out, then "
        f"counterfoil expenses again {item.accounting_entry_id}, and export again"
    )

"""Plans and entries as machines read them: keys in Pleo's spelling, amounts as decimal strings."""

from __future__ import annotations

from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.export.preview import Preview

__all__ = ["entry_as_json", "line_as_json", "preview_as_json"]


def preview_as_json(planned: Preview) -> dict[str, object]:
    """Shape a plan for machines."""
    return {
        "hash": planned.hash,
        "entries": [entry_as_json(entry) for entry in planned.entries],
        "failures": [
            {
                "accountingEntryId": failure.entry_id,
                "failureReasonType": failure.failure_type,
                "failureReason": failure.failure_reason,
            }
            for failure in planned.failures
        ],
        "booked": list(planned.booked),
    }


def entry_as_json(entry: Entry) -> dict[str, object]:
    """Shape an entry for machines."""
    return {
        "accountingEntryId": entry.reference.entry_id,
        "part": str(entry.reference.part),
        "date": entry.date.isoformat(),
        "currency": entry.currency,
        "payee": entry.payee,
        "narration": entry.narration,
        "final": entry.final,
        "vendor": entry.vendor,
        "lines": [line_as_json(line) for line in entry.lines],
    }


def line_as_json(line: Line) -> dict[str, object]:
    """Shape a line for machines; ``amount`` is a signed decimal string, debit positive."""
    tax = line.tax
    return {
        "account": line.account,
        "amount": f"{line.amount:f}",
        "rule": line.rule,
        "fields": list(line.fields),
        "tax": None
        if tax is None
        else {
            "code": tax.code,
            "type": tax.type,
            "rate": f"{tax.rate:f}",
            "base": f"{tax.base:f}",
            "amount": f"{tax.amount:f}",
        },
        "dimensions": [{"group": group, "code": code} for group, code in line.dimensions],
    }

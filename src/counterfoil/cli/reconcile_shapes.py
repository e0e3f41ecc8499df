"""A reconciliation as machines read it: keys in Pleo's spelling, amounts as decimal strings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from counterfoil.export.totals import Total
from counterfoil.export.verdicts import Finding, Verdict
from counterfoil.runner.reconcile_report import Reconciliation, Repair, Stray

__all__ = ["reconciliation_as_json", "sources"]

UNREMARKABLE = frozenset({Verdict.MATCHED, Verdict.NOT_BOOKED})
"""What is counted, and not listed."""


def reconciliation_as_json(found: Reconciliation) -> dict[str, object]:
    """Shape a connection's reconciliation for machines."""
    compared = found.compared
    return {
        "name": found.name,
        "since": found.since and found.since.isoformat(),
        "error": found.error,
        "off": found.off,
        "compared": compared
        and {
            "jobs": compared.jobs,
            "records": compared.records,
            "register": compared.register,
            "foreignItems": compared.foreign,
            "items": len(found.findings),
            "statusFrom": sources(each.status_from for each in found.findings),
            "figuresFrom": sources(each.figures_from for each in found.findings),
        },
        "verdicts": {str(verdict): found.counts[verdict] for verdict in Verdict},
        "findings": [_finding(each) for each in found.findings if each.verdict not in UNREMARKABLE],
        "others": [_stray(stray) for stray in found.strays],
        "totals": [_total(total) for total in found.totals],
        "repairs": [_repair(each) for each in found.repairs],
    }


def sources(named: Iterable[object]) -> dict[str, int]:
    """Count by whose word it is; nobody's is ``none``."""
    return dict(Counter(str(source or "none") for source in named))


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "accountingEntryId": finding.entry_id,
        "verdict": str(finding.verdict),
        "off": finding.verdict.off,
        "what": finding.what,
        "remedy": finding.remedy,
        "jobId": finding.job_id,
        "records": list(finding.ids),
        "url": finding.url,
        "date": finding.day and finding.day.isoformat(),
        "amount": None if finding.amount is None else f"{finding.amount:f}",
        "currency": finding.currency,
        "statusFrom": finding.status_from and str(finding.status_from),
        "figuresFrom": finding.figures_from and str(finding.figures_from),
    }


def _stray(stray: Stray) -> dict[str, object]:
    posting = stray.posting
    return {
        "account": posting.account,
        "role": stray.role,
        "off": stray.off,
        "date": posting.date.isoformat(),
        "amount": f"{posting.amount:f}",
        "currency": posting.currency,
        "text": posting.text,
        "place": posting.place,
        "url": posting.url,
    }


def _total(total: Total) -> dict[str, object]:
    return {
        "account": total.account,
        "currency": total.currency,
        "pleo": f"{total.pleo:f}",
        "books": f"{total.books:f}",
        "others": f"{total.others:f}",
        "difference": f"{total.difference:f}",
        "notKnown": f"{total.unknown:f}",
    }


def _repair(repair: Repair) -> dict[str, object]:
    return {
        "accountingEntryId": repair.entry_id,
        "jobId": repair.job_id,
        "status": repair.status,
        "failure": repair.failure,
    }

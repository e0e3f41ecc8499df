"""What a reconciliation may mend by itself: outcomes that Pleo missed, in a job that is still ours.

Nothing else is safe. An outcome is sent only where it says what the books say: booked, with the
very record, and with nothing else to be said of it; or failed, with nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from counterfoil.errors import JobLost
from counterfoil.export.detect import started_by_us
from counterfoil.export.report import BATCH, report_items
from counterfoil.export.verdicts import Finding, Verdict
from counterfoil.register.items import OPEN_STATUSES
from counterfoil.runner.reconcile_report import Repair

if TYPE_CHECKING:
    from counterfoil.export.ports import Export
    from counterfoil.pleo.models import ExportJob
    from counterfoil.register import ItemOutcome, KeptItem
    from counterfoil.runner.reconcile_memory import Memory
    from counterfoil.runner.reconcile_sides import PleoSide

__all__ = ["repair"]

IN_ORDER = frozenset({Verdict.MATCHED, Verdict.KEPT})
NOT_THERE = frozenset({Verdict.NOT_BOOKED, Verdict.UNCERTAIN})


async def repair(
    export: Export, side: PleoSide, memory: Memory, findings: Sequence[Finding]
) -> tuple[Repair, ...]:
    """Report what Pleo missed, under the company's lock; say what was done, item by item."""
    by_id = {finding.entry_id: finding for finding in findings}
    done: list[Repair] = []
    for job in side.jobs:
        if job.status == "in_progress" and started_by_us(job, memory.jobs.get(job.id)):
            items = list(_missed(export, job, side, by_id))
            for start in range(0, len(items), BATCH):
                done += await _report(export, job.id, items[start : start + BATCH])
    return tuple(done)


def _missed(
    export: Export, job: ExportJob, side: PleoSide, findings: Mapping[str, Finding]
) -> Iterator[KeptItem]:
    """Give the items that are open at Pleo and whose outcome we know and may say."""
    waiting = {
        row.accounting_entry_id for row in side.rows.get(job.id, ()) if row.status in OPEN_STATUSES
    }
    for item in export.register.items.all(job.id):
        finding = findings.get(item.entry_id)
        if item.entry_id in waiting and item.outcome and finding and _holds(item.outcome, finding):
            yield item


def _holds(outcome: ItemOutcome, finding: Finding) -> bool:
    """Whether an outcome says what the books say."""
    if outcome.status == "successful":
        sound = finding.verdict in IN_ORDER or finding.only_untold
        return sound and outcome.external_id in finding.ids
    return finding.verdict in NOT_THERE and not finding.ids


async def _report(export: Export, job_id: str, items: Sequence[KeptItem]) -> list[Repair]:
    try:
        refused = await report_items(export, job_id, items)
    except JobLost as error:
        refused, why = {item.entry_id for item in items}, str(error)
    else:
        why = "Pleo refuses it"
    return [
        Repair(
            entry_id=item.entry_id,
            job_id=job_id,
            status=item.outcome.status if item.outcome else "",
            failure=why if item.entry_id in refused else None,
        )
        for item in items
    ]

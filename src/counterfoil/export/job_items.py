"""Step 3, the control layer: which items the job has, and where each stands."""

from __future__ import annotations

from counterfoil.export.ports import Export
from counterfoil.pleo.models import ExportJobItem
from counterfoil.telemetry import span

__all__ = ["read_job_items"]


async def read_job_items(export: Export, job_id: str) -> list[ExportJobItem]:
    """Read all pages of the job's items, keep id, job and status of each, and return them.

    Source: Pleo, "Control layer".
    """
    with span("job_items"):
        rows = await export.pleo.list_job_items(job_id)
        export.register.items.save_statuses(
            job_id, {row.accounting_entry_id: row.status for row in rows}
        )
        return rows

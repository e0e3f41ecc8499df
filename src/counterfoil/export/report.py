"""Step 6: tell Pleo each item's outcome, at most 100 in one PUT; rows refused are sent again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from counterfoil.errors import JobLost
from counterfoil.export.ports import Export
from counterfoil.pleo.errors import PleoNotFound, PleoUnprocessable
from counterfoil.pleo.models import ItemUpdate
from counterfoil.register import ItemOutcome, KeptItem
from counterfoil.telemetry import note, span

__all__ = ["report", "report_items", "tell"]

log = structlog.get_logger(__name__)

SENDINGS = 4
"""The first time, and three more for rows that Pleo refused."""
PAUSE_SECONDS = 1
BATCH = 100


async def report(export: Export, job_id: str, *, hold: Collection[str] = ()) -> None:
    """Report every outcome that Pleo has not taken yet; what it keeps refusing stays unreported.

    Outcomes of the entries in ``hold`` wait: Pleo keeps the first final one that it is told.
    Raises JobLost when the job is finished at Pleo. Source: Pleo, "Update job items".
    """
    refused = set(hold)
    while items := [
        item
        for item in export.register.items.unreported(job_id, limit=BATCH + len(refused))
        if item.entry_id not in refused
    ]:
        refused |= await report_items(export, job_id, items[:BATCH])


async def report_items(export: Export, job_id: str, items: Sequence[KeptItem]) -> set[str]:
    """Report these outcomes, at most 100; return the ids that Pleo refused to the last.

    Raises JobLost when the job is finished at Pleo.
    """
    open_ones = {item.entry_id: item for item in items}
    for sending in range(SENDINGS):
        if sending:
            await export.clock.sleep(PAUSE_SECONDS)
        rows = [_row(item.entry_id, item.outcome) for item in open_ones.values() if item.outcome]
        with span("report"):
            errors = await tell(export, job_id, rows)
        taken = [entry_id for entry_id in open_ones if entry_id not in errors]
        if taken:
            export.register.items.mark_reported(job_id, taken)
            _note(export, [open_ones[entry_id] for entry_id in taken])
            export.progress.items_done(job_id, len(taken))
        open_ones = {entry_id: open_ones[entry_id] for entry_id in open_ones if entry_id in errors}
        if not open_ones:
            break
        log.warning("Pleo refused outcomes", job=job_id, errors=errors)
    return set(open_ones)


async def tell(export: Export, job_id: str, rows: Sequence[ItemUpdate]) -> dict[str, str]:
    """Send one PUT of at most 100 rows; return what Pleo says of each refused row, by entry id.

    What Pleo takes keeps the job alive. Raises JobLost when the job is finished at Pleo.
    """
    sent_at = export.clock.now()
    try:
        result = await export.pleo.update_items(job_id, rows)
    except (PleoUnprocessable, PleoNotFound) as error:
        raise JobLost(f"Pleo takes no more outcomes for this job: {error}") from error
    export.lease.renew(sent_at)
    return {error.accounting_entry_id: f"{error.type} {error.message}" for error in result.errors}


def _note(export: Export, items: Sequence[KeptItem]) -> None:
    for outcome in [item.outcome for item in items if item.outcome is not None]:
        note(
            "item",
            connection=export.connection,
            outcome=outcome.status,
            failure_type=outcome.failure_type or "",
        )


def _row(entry_id: str, outcome: ItemOutcome) -> ItemUpdate:
    return ItemUpdate(
        accounting_entry_id=entry_id,
        status=outcome.status,
        external_id=outcome.external_id,
        external_url=outcome.external_url,
        exported_at=outcome.exported_at,
        failure_reason=outcome.failure_reason,
        failure_reason_type=outcome.failure_type,
    )

"""Step 4, the data layer: what each item holds, kept as it came and joined to the control layer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import JobFailure, JobFailureType, JobLost
from counterfoil.pleo.errors import MissingContraAccounts, PleoUnprocessable
from counterfoil.register.records import dump_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from counterfoil.export.ports import Export

__all__ = ["read_export_items", "sort_key"]

log = structlog.get_logger(__name__)


async def read_export_items(
    export: Export, job_id: str, kept: Callable[[Sequence[str]], None] = lambda _: None
) -> None:
    """Read all pages of payloads and keep them; nothing is judged yet.

    ``kept`` is told the entry ids of each page as soon as it is kept.

    Payloads that the control layer does not list are logged and passed over.
    Source: Pleo, "Data layer"; MISSING_CONTRA_ACCOUNTS fails the job.
    """
    try:
        async for page in export.pleo.export_item_pages(job_id):
            rows = [
                (str(payload["accountingEntryId"]), sort_key(payload), dump_payload(payload))
                for payload in page
            ]
            strangers = export.register.items.save_payloads(job_id, rows)
            if strangers:
                log.warning("payloads without a job item", job=job_id, entries=sorted(strangers))
            kept([entry_id for entry_id, _, _ in rows])
    except MissingContraAccounts as error:
        raise JobFailure(error.message, JobFailureType.MISSING_CONFIGURATION) from error
    except PleoUnprocessable as error:
        raise JobLost(f"the job is finished at Pleo: {error.message}") from error


def sort_key(payload: Mapping[str, object]) -> str:
    """Return the item's date as sortable UTC text; empty (first) when it cannot be read."""
    try:
        moment = datetime.fromisoformat(str(payload.get("date")))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return moment.isoformat()

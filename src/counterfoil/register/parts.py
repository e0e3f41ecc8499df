"""Parts with their intents and outcomes: what stands around every booking.

An intent is committed for exactly what the next call sends, and only while the company's fence is
still ours; an outcome is committed as soon as it was read back, together with the items' outcomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.errors import JobLost
from counterfoil.register.connections import current_fence
from counterfoil.register.database import upsert
from counterfoil.register.records import PartRecord, PartState
from counterfoil.register.schema import job_items, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row
    from sqlalchemy.dialects.sqlite import Insert

    from counterfoil.register.database import Database
    from counterfoil.register.records import ItemOutcome

__all__ = ["Parts"]


class Parts:
    """The register's ``parts``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def of(self, target: str, entry_ids: Sequence[str]) -> dict[str, list[PartRecord]]:
        """Return what is known of these entries in a book, by entry id, oldest attempt first."""
        query = (
            select(parts)
            .where(parts.c.target == target, parts.c.entry_id.in_(entry_ids))
            .order_by(parts.c.attempt)
        )
        found: dict[str, list[PartRecord]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                found.setdefault(row.entry_id, []).append(_part(row))
        return found

    def intend(self, records: Sequence[PartRecord], *, company_id: str) -> None:
        """Commit intents; raises JobLost when another worker has taken the company."""
        with self._database.write("intend") as connection:
            for record in records:
                _refuse_old_fence(connection, company_id, record.fence)
                connection.execute(_put(record))

    def settle(
        self,
        records: Sequence[PartRecord],
        *,
        job_id: str,
        outcomes: Mapping[str, ItemOutcome],
    ) -> None:
        """Commit what became of parts, and the outcomes of the job's items that follow from it."""
        with self._database.write("settle") as connection:
            for record in records:
                connection.execute(_put(record))
            for entry_id, outcome in outcomes.items():
                _settle_item(connection, job_id, entry_id, outcome)


def _refuse_old_fence(connection: Connection, company_id: str, fence: int) -> None:
    if current_fence(connection, company_id) != fence:
        raise JobLost(
            f"another worker has taken company {company_id}; nothing more is written here"
        )


def _put(record: PartRecord) -> Insert:
    return upsert(
        parts,
        target=record.target,
        entry_id=record.reference.entry_id,
        part=str(record.reference.part),
        attempt=record.reference.attempt,
        state=str(record.state),
        job_id=record.job_id,
        fence=record.fence,
        fingerprint=record.fingerprint,
        entry=record.entry,
        intent_at=record.intent_at,
        external_id=record.external_id,
        external_url=record.external_url,
        booked_at=record.booked_at,
        failure_type=record.failure_type,
        failure_reason=record.failure_reason,
    )


def _settle_item(connection: Connection, job_id: str, entry_id: str, outcome: ItemOutcome) -> None:
    connection.execute(
        update(job_items)
        .where(job_items.c.job_id == job_id, job_items.c.entry_id == entry_id)
        .values(
            status=outcome.status,
            external_id=outcome.external_id,
            external_url=outcome.external_url,
            exported_at=outcome.exported_at,
            failure_type=outcome.failure_type,
            failure_reason=outcome.failure_reason,
            reported=False,
        )
    )


def _part(row: Row[Any]) -> PartRecord:
    return PartRecord(
        target=row.target,
        reference=Reference(row.entry_id, Part(row.part), row.attempt),
        state=PartState(row.state),
        job_id=row.job_id,
        fence=row.fence,
        fingerprint=row.fingerprint,
        entry=row.entry,
        intent_at=row.intent_at,
        external_id=row.external_id,
        external_url=row.external_url,
        booked_at=row.booked_at,
        failure_type=row.failure_type,
        failure_reason=row.failure_reason,
    )

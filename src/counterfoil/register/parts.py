"""Parts with their intents and outcomes: what stands around every booking.

An intent is committed for exactly what the next call sends, and only while the company's fence is
still ours; what became of it is committed as soon as it was read back, the outcomes of the
items that follow from it in the same transaction or a later one.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.register import fences
from counterfoil.register.dialects import upsert
from counterfoil.register.locks import Locks, company_lock, target_lock
from counterfoil.register.records import ItemOutcome, PartRecord, PartState
from counterfoil.register.schema import job_items, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["Parts"]


_UNSETTLED = (PartState.INTENDED, PartState.UNKNOWN)


class Parts:
    """The register's ``parts``."""

    def __init__(self, database: Database, locks: Locks, seal: Seal) -> None:
        """Work on this database, under these locks; planned entries are kept under a seal."""
        self._database = database
        self._locks = locks
        self._seal = seal

    def of(self, target: str, entry_ids: Sequence[str]) -> dict[str, list[PartRecord]]:
        """Return what is known of these entries in a book, by entry id, oldest attempt first."""
        query = (
            select(parts)
            .where(parts.c.target == target, parts.c.entry_id.in_(entry_ids))
            .order_by(parts.c.attempt)
        )
        found: dict[str, list[PartRecord]] = {}
        for record in self._fetch(query):
            found.setdefault(record.reference.entry_id, []).append(record)
        return found

    def known(self, target: str, entry_ids: Sequence[str]) -> set[str]:
        """Return those of these entries of which a book has, or had, any part."""
        query = select(parts.c.entry_id).where(
            parts.c.target == target, parts.c.entry_id.in_(entry_ids)
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def ids_booked_as(self, external_id: str) -> set[str]:
        """Return the accounting entry ids of what has this id in any book."""
        query = select(parts.c.entry_id).where(parts.c.external_id == external_id)
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def intended(self, target: str, job_id: str) -> list[PartRecord]:
        """Return intents without an outcome, of a job's items that have none either."""
        return self._open(target, job_items.c.job_id == job_id, job_items.c.status.is_(None))

    def uncertain(self, target: str, job_id: str) -> list[PartRecord]:
        """Return intents without an outcome, of a job's items that failed and are not reported."""
        return self._open(
            target,
            job_items.c.job_id == job_id,
            job_items.c.status == "failed",
            job_items.c.reported.is_(False),
        )

    def unsettled(self, target: str) -> list[PartRecord]:
        """Return all intents of a book without an outcome, oldest first: it may be booked."""
        query = (
            select(parts)
            .where(parts.c.target == target, parts.c.state.in_(_UNSETTLED))
            .order_by(parts.c.intent_at, parts.c.entry_id, parts.c.part)
        )
        return self._fetch(query)

    def _open(self, target: str, *conditions: ColumnElement[bool]) -> list[PartRecord]:
        query = (
            select(parts)
            .join(job_items, job_items.c.entry_id == parts.c.entry_id)
            .where(parts.c.target == target, *conditions)
            .where(parts.c.state.in_(_UNSETTLED))
        )
        return self._fetch(query)

    def _fetch(self, query: Select[Any]) -> list[PartRecord]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_part(row, self._seal) for row in rows]

    def intend(self, records: Sequence[PartRecord], *, company_id: str) -> None:
        """Commit intents; raises FenceLost when another worker has, or may have, the company."""
        for name in {company_lock(company_id), *(target_lock(each.target) for each in records)}:
            self._locks.confirm(name)
        with self._database.write("intend") as connection:
            for fence in {record.fence for record in records}:
                fences.refuse_old_fence(connection, company_id, fence)
            _put(connection, records, self._seal)

    def settle(
        self,
        records: Sequence[PartRecord],
        *,
        job_id: str,
        outcomes: Mapping[str, ItemOutcome],
    ) -> None:
        """Commit what became of parts, and the outcomes of the job's items that follow from it."""
        with self._database.write("settle") as connection:
            _put(connection, records, self._seal)
            if outcomes:
                connection.execute(_SETTLE, _outcome_rows(job_id, outcomes))


_SETTLE = (
    update(job_items)
    .where(job_items.c.job_id == bindparam("in_job"), job_items.c.entry_id == bindparam("of_entry"))
    .values(reported=False)
)


def _outcome_rows(job_id: str, outcomes: Mapping[str, ItemOutcome]) -> list[dict[str, object]]:
    return [
        {"in_job": job_id, "of_entry": entry_id}
        | {name: getattr(outcome, name) for name in _OUTCOME}
        for entry_id, outcome in outcomes.items()
    ]


def _put(connection: Connection, records: Sequence[PartRecord], seal: Seal) -> None:
    if records:
        connection.execute(upsert(connection, parts), [_row(record, seal) for record in records])


def _row(record: PartRecord, seal: Seal) -> dict[str, object]:
    values = {name: getattr(record, name) for name in _PLAIN}
    reference = record.reference
    return values | {
        "entry": seal.keep(record.entry),
        "entry_id": reference.entry_id,
        "part": str(reference.part),
        "attempt": reference.attempt,
    }


_OUTCOME = tuple(field.name for field in fields(ItemOutcome))
_PLAIN = tuple(field.name for field in fields(PartRecord) if field.name != "reference")


def _part(row: Row[Any], seal: Seal) -> PartRecord:
    values = {name: getattr(row, name) for name in _PLAIN}
    values["state"] = PartState(row.state)
    values["entry"] = seal.kept(row.entry)
    return PartRecord(reference=Reference(row.entry_id, Part(row.part), row.attempt), **values)

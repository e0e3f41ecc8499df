"""The items of our jobs: Pleo's status of each, the payload as received, and our outcome."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, null, or_, select, tuple_, update

from counterfoil.register.dialects import insert
from counterfoil.register.records import ItemOutcome, KeptItem
from counterfoil.register.schema import NEWEST_FIRST, job_items, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row, Select

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["OPEN_STATUSES", "Items"]

OPEN_STATUSES = ("pending", "in_progress")
"""Statuses of an item that still needs an outcome."""

_SAVE_PAYLOAD = update(job_items).where(
    job_items.c.job_id == bindparam("in_job"), job_items.c.entry_id == bindparam("of_entry")
)

_OUTCOME = tuple(field.name for field in fields(ItemOutcome))

_OPEN = job_items.c.pleo_status.in_(OPEN_STATUSES)


class Items:
    """The register's ``job_items``."""

    def __init__(self, database: Database, seal: Seal) -> None:
        """Work on this database; payloads are kept under a seal."""
        self._database = database
        self._seal = seal

    def save_statuses(self, job_id: str, statuses: Mapping[str, str]) -> None:
        """Keep the control layer: Pleo's status of each item by accounting entry id."""
        if not statuses:
            return
        rows = [
            {
                "job_id": job_id,
                "entry_id": entry_id,
                "pleo_status": status,
                "sort_key": "",
                "reported": False,
            }
            for entry_id, status in statuses.items()
        ]
        with self._database.write("save_job_items") as connection:
            statement = insert(connection, job_items)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["job_id", "entry_id"],
                    set_={"pleo_status": statement.excluded.pleo_status},
                ),
                rows,
            )

    def save_payloads(self, job_id: str, payloads: Sequence[tuple[str, str, str]]) -> set[str]:
        """Keep a page of the data layer as (entry id, sort key, JSON); return ids without a row."""
        known = self._known(job_id, [entry_id for entry_id, _, _ in payloads])
        keep = self._seal.keep
        rows = [
            {"in_job": job_id, "of_entry": entry_id, "sort_key": sort_key, "payload": keep(payload)}
            for entry_id, sort_key, payload in payloads
            if entry_id in known
        ]
        if rows:
            with self._database.write("save_payloads") as connection:
                connection.execute(_SAVE_PAYLOAD, rows)
        return {entry_id for entry_id, _, _ in payloads} - known

    def unbooked(
        self,
        job_id: str,
        *,
        limit: int,
        after: KeptItem | None = None,
        among: Sequence[str] | None = None,
    ) -> list[KeptItem]:
        """Return open items without an outcome, in posting order.

        Only those after one, and those among some entry ids, where these are given.
        """
        query = (
            select(job_items)
            .where(job_items.c.job_id == job_id, _OPEN, job_items.c.status.is_(None))
            .order_by(job_items.c.sort_key, job_items.c.entry_id)
            .limit(limit)
        )
        if after is not None:
            place = tuple_(job_items.c.sort_key, job_items.c.entry_id)
            query = query.where(place > (after.sort_key, after.entry_id))
        if among is not None:
            query = query.where(job_items.c.entry_id.in_(among))
        return self._fetch(query)

    def unreported(self, job_id: str, *, limit: int) -> list[KeptItem]:
        """Return open items whose outcome Pleo has not taken yet, in posting order.

        Without the payloads, which may be large.
        """
        query = (
            _without_payloads()
            .where(job_items.c.job_id == job_id, _OPEN)
            .where(job_items.c.status.is_not(None), job_items.c.reported.is_(False))
            .order_by(job_items.c.sort_key, job_items.c.entry_id)
            .limit(limit)
        )
        return self._fetch(query)

    def all(self, job_id: str | None = None) -> list[KeptItem]:
        """Return the items of one job, or of all, in posting order."""
        query = select(job_items).order_by(
            job_items.c.job_id, job_items.c.sort_key, job_items.c.entry_id
        )
        return self._fetch(query if job_id is None else query.where(job_items.c.job_id == job_id))

    def outcomes(self, job_id: str) -> list[KeptItem]:
        """Return the items of a job in posting order, without the payloads, which may be large."""
        query = (
            _without_payloads()
            .where(job_items.c.job_id == job_id)
            .order_by(job_items.c.sort_key, job_items.c.entry_id)
        )
        return self._fetch(query)

    def get(self, job_id: str, entry_id: str) -> KeptItem | None:
        """Return one item of a job, or None."""
        found = self._fetch(select(job_items).where(_is(job_id, entry_id)))
        return found[0] if found else None

    def of_entry(self, entry_id: str) -> list[KeptItem]:
        """Return an item as each job held it, the newest job first."""
        query = (
            select(job_items)
            .join(jobs, jobs.c.job_id == job_items.c.job_id)
            .where(job_items.c.entry_id == entry_id)
            .order_by(*NEWEST_FIRST)
        )
        return self._fetch(query)

    def exported_to(self, target: str, entry_ids: Sequence[str]) -> set[str]:
        """Return which of these were successful in a job of this book."""
        query = (
            select(job_items.c.entry_id)
            .join(jobs, jobs.c.job_id == job_items.c.job_id)
            .where(job_items.c.entry_id.in_(entry_ids), job_items.c.status == "successful")
            .where(jobs.c.target == target)
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def ids_booked_as(self, external_id: str) -> set[str]:
        """Return the accounting entry ids of what Pleo was told to be booked under this id."""
        query = select(job_items.c.entry_id).where(job_items.c.external_id == external_id)
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def count_open(self, job_id: str) -> int:
        """How many items of a job still need an outcome or a report."""
        query = select(func.count()).where(
            job_items.c.job_id == job_id,
            _OPEN,
            or_(job_items.c.status.is_(None), job_items.c.reported.is_(False)),
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def mark_reported(self, job_id: str, entry_ids: Iterable[str]) -> None:
        """Pleo took the outcomes of these items."""
        with self._database.write("mark_reported") as connection:
            connection.execute(
                update(job_items)
                .where(job_items.c.job_id == job_id, job_items.c.entry_id.in_(list(entry_ids)))
                .values(reported=True)
            )

    def reopen(self, job_id: str, entry_ids: Iterable[str]) -> None:
        """Forget the outcomes of these items, which Pleo was not told: they are worked on anew."""
        chosen = list(entry_ids)
        if not chosen:
            return
        with self._database.write("reopen") as connection:
            connection.execute(
                update(job_items)
                .where(job_items.c.job_id == job_id, job_items.c.entry_id.in_(chosen))
                .where(job_items.c.reported.is_(False))
                .values(dict.fromkeys(_OUTCOME))
            )

    def _known(self, job_id: str, entry_ids: Sequence[str]) -> set[str]:
        query = select(job_items.c.entry_id).where(
            job_items.c.job_id == job_id, job_items.c.entry_id.in_(entry_ids)
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def _fetch(self, query: Select[Any]) -> list[KeptItem]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_item(row, self._seal) for row in rows]


def _is(job_id: str, entry_id: str) -> ColumnElement[bool]:
    return and_(job_items.c.job_id == job_id, job_items.c.entry_id == entry_id)


def _without_payloads() -> Select[Any]:
    columns = [column for column in job_items.columns if column is not job_items.c.payload]
    return select(*columns, null().label("payload"))


def _item(row: Row[Any], seal: Seal) -> KeptItem:
    outcome = None
    if row.status is not None:
        outcome = ItemOutcome(
            status=row.status,
            external_id=row.external_id,
            external_url=row.external_url,
            exported_at=row.exported_at,
            failure_type=row.failure_type,
            failure_reason=row.failure_reason,
        )
    return KeptItem(
        job_id=row.job_id,
        entry_id=row.entry_id,
        pleo_status=row.pleo_status,
        sort_key=row.sort_key,
        payload=None if row.payload is None else seal.kept(row.payload),
        outcome=outcome,
        reported=row.reported,
    )

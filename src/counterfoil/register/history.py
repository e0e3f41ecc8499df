"""The past of many items at once: whose they are, and what each job said of them.

Payloads and entries are left to ``items`` and ``parts``: a history is read of every item there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.register.schema import NEWEST_FIRST, job_items, jobs, parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from counterfoil.register.database import Database

__all__ = ["History", "Passage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """An item's passage through one job: what it holds, and what became of it there."""

    entry_id: str
    job_id: str
    has_payload: bool
    status: str | None
    """Our outcome: successful or failed; None before there is one."""
    external_id: str | None
    failure_reason: str | None
    reported: bool
    """Whether Pleo took the outcome."""


class History:
    """Reads the register's ``parts`` and ``job_items``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def owners(self, target: str, since: datetime | None = None) -> dict[str, str]:
        """Return the items that were to be booked in a book from a time on, with a job of each."""
        query = select(parts.c.entry_id, parts.c.job_id).where(parts.c.target == target)
        if since is not None:
            query = query.where(parts.c.intent_at >= since)
        with self._database.read() as connection:
            return {row.entry_id: row.job_id for row in connection.execute(query)}

    def of(self, entry_ids: Sequence[str]) -> dict[str, list[Passage]]:
        """Return the passages of these items, by entry id, the newest job first."""
        columns = [getattr(job_items.c, name) for name in _PLAIN]
        query = (
            select(*columns, job_items.c.payload.is_not(None).label("has_payload"))
            .join(jobs, jobs.c.job_id == job_items.c.job_id)
            .where(job_items.c.entry_id.in_(entry_ids))
            .order_by(*NEWEST_FIRST)
        )
        found: dict[str, list[Passage]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query).mappings():
                found.setdefault(row["entry_id"], []).append(Passage(**row))
        return found


_PLAIN = ("entry_id", "job_id", "status", "external_id", "failure_reason", "reported")

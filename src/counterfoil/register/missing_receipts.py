"""Bookings that lack receipts: what is missing and why, until a later run has added it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import missing_receipts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from counterfoil.register.database import Database

__all__ = ["MissingReceipts", "WithoutReceipt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutReceipt:
    """A booking that lacks at least one of its receipts."""

    target: str
    entry_id: str
    connection: str
    job_id: str
    """Whose payload names the files."""
    external_id: str
    """The booking's id in the books."""
    why: str
    missing_since: datetime


class MissingReceipts:
    """The register's ``missing_receipts``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def note(
        self, target: str, missing: Sequence[WithoutReceipt], whole: Iterable[str] = ()
    ) -> None:
        """Keep which bookings lack receipts, and let those go (entry ids) that lack none now."""
        known = self._known(target, [*whole, *(each.entry_id for each in missing)])
        gone = known.keys() - {each.entry_id for each in missing}
        if not missing and not gone:
            return
        rows = [
            asdict(each) | {"missing_since": known.get(each.entry_id, each).missing_since}
            for each in missing
        ]
        with self._database.write("note_missing_receipts") as connection:
            if rows:
                connection.execute(upsert(connection, missing_receipts), rows)
            if gone:
                connection.execute(
                    delete(missing_receipts).where(
                        missing_receipts.c.target == target,
                        missing_receipts.c.entry_id.in_(sorted(gone)),
                    )
                )

    def all(self, connection_name: str | None = None) -> list[WithoutReceipt]:
        """Return all, or those of one connection, the longest missing first."""
        query = select(missing_receipts).order_by(
            missing_receipts.c.missing_since, missing_receipts.c.entry_id
        )
        if connection_name is not None:
            query = query.where(missing_receipts.c.connection == connection_name)
        with self._database.read() as connection:
            return [WithoutReceipt(**row) for row in connection.execute(query).mappings()]

    def _known(self, target: str, entry_ids: Sequence[str]) -> dict[str, WithoutReceipt]:
        query = select(missing_receipts).where(
            missing_receipts.c.target == target, missing_receipts.c.entry_id.in_(entry_ids)
        )
        with self._database.read() as connection:
            rows = [WithoutReceipt(**row) for row in connection.execute(query).mappings()]
        return {row.entry_id: row for row in rows}

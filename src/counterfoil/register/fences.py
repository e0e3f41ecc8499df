"""Whose turn it is to write for a company: its fence, which each worker raises when it begins.

A worker may lose its lock without noticing (frozen, its session ended) and wake while another works
for the company. So what a run writes goes in only while the fence is still its own, which is looked
at in the transaction that writes, and stays so until that ends.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from counterfoil.errors import FenceLost
from counterfoil.register.database import Database
from counterfoil.register.schema import companies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sqlalchemy import Connection

__all__ = ["FencedDatabase", "current_fence", "refuse_old_fence"]


@dataclass(frozen=True, kw_only=True)
class FencedDatabase(Database):
    """A register's database as a run sees it: it writes while the company's fence is the run's."""

    company_id: str
    fence: int

    @classmethod
    def of(cls, database: Database, company_id: str, fence: int) -> Self:
        """Fence a database that is open."""
        return cls(
            database.engine,
            database.name,
            database.place,
            database.reading,
            database.writing,
            company_id=company_id,
            fence=fence,
        )

    @contextmanager
    def write(self, what: str) -> Iterator[Connection]:
        """Give a connection as ``Database.write`` does; raises FenceLost where another is at it."""
        with super().write(what) as connection:
            refuse_old_fence(connection, self.company_id, self.fence)
            yield connection


def current_fence(connection: Connection, company_id: str) -> int:
    """Read a company's fence, 0 before the first worker; it stays so until the transaction ends."""
    query = select(companies.c.fence).where(companies.c.company_id == company_id)
    return int(connection.execute(query.with_for_update(read=True)).scalar() or 0)


def refuse_old_fence(connection: Connection, company_id: str, fence: int) -> None:
    """Raise FenceLost where a company's fence is not this one; nothing is written then."""
    if current_fence(connection, company_id) != fence:
        raise FenceLost(
            f"another worker has taken company {company_id}; nothing more is written here"
        )

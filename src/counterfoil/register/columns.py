"""What the register's tables are made of: times in UTC, and the mark of what is sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import DateTime, MetaData, TypeDecorator
from sqlalchemy.engine import Dialect

__all__ = ["SEALED", "UtcTime", "metadata"]


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, whatever the database keeps of zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read UTC; SQLite gives naive times back, PostgreSQL those of its own zone."""
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData()

SEALED: Final = {"sealed": True}
"""The ``info`` of each column that holds sealed texts: a new key is put on all of them."""

"""When connections are looked at, which many workers share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


TIME = sa.DateTime(timezone=True)
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "looks",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("next_look", TIME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("worker", NAME),
        sa.Column("looked_at", TIME),
        sa.Column("error", sa.Text),
        sa.Column("broken", sa.Integer, nullable=False),
        sa.Column("causes", sa.Text, nullable=False),
        sa.Column("foreign_jobs", sa.Text, nullable=False),
    )
    op.create_index("looks_next", "looks", ["next_look"])

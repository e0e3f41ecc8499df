"""Connections that live in the register, their keys, their pauses, and whose key is whose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TIME = sa.DateTime(timezone=True)
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "added_connections",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("stored_at", TIME, nullable=False),
    )
    op.create_table(
        "pauses",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("since", TIME, nullable=False),
        sa.Column("why", sa.Text),
    )
    op.create_table(
        "installations",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("credential", NAME, nullable=False),
        sa.Column("company_id", NAME),
        sa.Column("told_at", TIME, nullable=False),
    )

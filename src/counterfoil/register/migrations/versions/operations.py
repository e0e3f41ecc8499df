"""What waits at Pleo, books that are away, hosts that hold us off, and notices to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TIME = sa.DateTime(timezone=True)
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
UNSETTLED = sa.text("state IN ('intended', 'unknown')")
OPEN = sa.text("state IN ('claiming', 'running')")


def upgrade() -> None:
    """Make the tables, and indexes that find what is open without reading all that ever was."""
    op.create_table(
        "backlogs",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.Column("oldest_at", TIME),
        sa.Column("expires_at", TIME),
    )
    op.create_table(
        "books_away",
        sa.Column("target", NAME, primary_key=True),
        sa.Column("since", TIME, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "host_pauses",
        sa.Column("host", NAME, primary_key=True),
        sa.Column("until", TIME, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("event", NAME, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("tried_at", TIME),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("done_at", TIME),
    )
    op.create_index("jobs_open", "jobs", ["connection"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index(
        "parts_unsettled",
        "parts",
        ["target", "job_id"],
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )

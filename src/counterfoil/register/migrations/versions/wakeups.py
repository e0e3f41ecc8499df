"""The flag "look again" of each company, and the webhooks that were heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "wakeups",
        sa.Column("company_id", NAME, primary_key=True),
        sa.Column("since", TIME, nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("webhook_id", NAME, primary_key=True),
        sa.Column("company_id", NAME, nullable=False),
        sa.Column("heard_at", TIME, nullable=False),
    )
    op.create_index("webhook_deliveries_heard", "webhook_deliveries", ["heard_at"])

"""Our webhook subscriptions at Pleo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True)
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "webhook_subscriptions",
        sa.Column("subscription_id", NAME, primary_key=True),
        sa.Column("connection", NAME, nullable=False),
        sa.Column("company_id", NAME, nullable=False),
        sa.Column("environment", NAME, nullable=False),
        sa.Column("token_hash", NAME, nullable=False),
        sa.Column("credentials", sa.Text, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("heard_at", TIME),
        sa.Column("replaces", NAME),
    )
    op.create_index(
        "webhook_subscriptions_token", "webhook_subscriptions", ["token_hash"], unique=True
    )

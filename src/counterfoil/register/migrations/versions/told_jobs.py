"""Which export job a webhook told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add it to what was heard."""
    op.add_column("webhook_deliveries", sa.Column("job_id", NAME))
    op.create_index("webhook_deliveries_job", "webhook_deliveries", ["job_id"])

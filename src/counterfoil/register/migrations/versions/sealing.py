"""What tells whether an encryption key is the register's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sealing",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
    )

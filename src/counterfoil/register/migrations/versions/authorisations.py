"""Authorisations of OAuth with their tokens, and consents that are under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "authorisations",
        sa.Column("connection", NAME, primary_key=True),
        sa.Column("auth_url", NAME, nullable=False),
        sa.Column("client_id", NAME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("access_token", sa.Text, nullable=False),
        sa.Column("refresh_token", sa.Text, nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("consented_at", TIME, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("try_again_at", TIME),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("why", sa.Text),
    )
    op.create_table(
        "consents",
        sa.Column("digest", NAME, primary_key=True),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("connection", NAME, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("redirect_uri", NAME, nullable=False),
        sa.Column("browser", NAME),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_index("consents_connection", "consents", ["connection"])

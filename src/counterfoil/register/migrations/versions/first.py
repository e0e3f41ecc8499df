"""The first shape of the register."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


TIME = sa.DateTime(timezone=True)
# Texts are compared letter by letter, as SQLite does, whatever the database's own order.
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make all tables."""
    _connections()
    _companies()
    _jobs()
    _job_items()
    _parts()
    _decisions()
    _open_items()
    _named_items()
    _missing_receipts()
    _settlements()


def _connections() -> None:
    op.create_table(
        "connections",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("company_id", NAME, nullable=False),
        sa.Column("environment", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("first_used_at", TIME, nullable=False),
    )


def _companies() -> None:
    op.create_table(
        "companies",
        sa.Column("company_id", NAME, primary_key=True),
        sa.Column("fence", sa.Integer, nullable=False),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", NAME, primary_key=True),
        sa.Column("connection", NAME, nullable=False),
        sa.Column("company_id", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("first_sent_at", TIME, nullable=False),
        sa.Column("outcome", NAME),
        sa.Column("reason", sa.Text),
        sa.Column("reason_type", NAME),
        sa.Column("ended_at", TIME),
    )


def _job_items() -> None:
    op.create_table(
        "job_items",
        sa.Column("job_id", NAME, primary_key=True),
        sa.Column("entry_id", NAME, primary_key=True),
        sa.Column("pleo_status", NAME, nullable=False),
        sa.Column("sort_key", NAME, nullable=False),
        sa.Column("payload", sa.Text),
        sa.Column("status", NAME),
        sa.Column("external_id", NAME),
        sa.Column("external_url", NAME),
        sa.Column("exported_at", TIME),
        sa.Column("failure_type", NAME),
        sa.Column("failure_reason", sa.Text),
        sa.Column("reported", sa.Boolean, nullable=False),
    )
    op.create_index("job_items_order", "job_items", ["job_id", "sort_key", "entry_id"])
    op.create_index("job_items_entry", "job_items", ["entry_id"])
    order = ["job_id", "sort_key", "entry_id"]
    for name, lite, post in (
        ("job_items_unbooked", "status IS NULL", "status IS NULL"),
        (
            "job_items_unreported",
            "status IS NOT NULL AND reported IS 0",
            "status IS NOT NULL AND reported IS false",
        ),
    ):
        op.create_index(
            name, "job_items", order, sqlite_where=sa.text(lite), postgresql_where=sa.text(post)
        )


def _parts() -> None:
    op.create_table(
        "parts",
        sa.Column("target", NAME, primary_key=True),
        sa.Column("entry_id", NAME, primary_key=True),
        sa.Column("part", NAME, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("state", NAME, nullable=False),
        sa.Column("job_id", NAME, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("fingerprint", NAME, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("intent_at", TIME, nullable=False),
        sa.Column("external_id", NAME),
        sa.Column("external_url", NAME),
        sa.Column("booked_at", TIME),
        sa.Column("failure_type", NAME),
        sa.Column("failure_reason", sa.Text),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("target", NAME, nullable=False),
        sa.Column("entry_id", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("fingerprint", NAME, nullable=False),
        sa.Column("reference", NAME),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("made_by", NAME, nullable=False),
    )
    op.create_index("decisions_entry", "decisions", ["target", "entry_id"])


def _open_items() -> None:
    op.create_table(
        "open_items",
        sa.Column("target", NAME, primary_key=True),
        sa.Column("entry_id", NAME, primary_key=True),
        sa.Column("part", NAME, primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("account", NAME, nullable=False),
        sa.Column("amount", NAME, nullable=False),
        sa.Column("currency", NAME, nullable=False),
        sa.Column("reconciliation_id", NAME, nullable=False),
        sa.Column("reconciled_entries", sa.Text, nullable=False),
        sa.Column("vendor", NAME),
        sa.Column("invoice_number", NAME),
        sa.Column("invoice_key", NAME),
        sa.Column("paid_within", sa.Boolean, nullable=False),
        sa.Column("external_id", NAME, nullable=False),
        sa.Column("cleared_at", TIME),
        sa.Column("why", sa.Text),
    )
    op.create_index("open_items_reconciliation", "open_items", ["target", "reconciliation_id"])
    op.create_index("open_items_invoice", "open_items", ["target", "invoice_key"])
    op.create_index("open_items_open", "open_items", ["target", "kind", "cleared_at"])


def _named_items() -> None:
    op.create_table(
        "named_items",
        sa.Column("target", NAME, primary_key=True),
        sa.Column("entry_id", NAME, primary_key=True),
        sa.Column("part", NAME, primary_key=True),
        sa.Column("reconciliation_id", NAME, primary_key=True),
    )
    op.create_index("named_items_name", "named_items", ["target", "reconciliation_id"])


def _missing_receipts() -> None:
    op.create_table(
        "missing_receipts",
        sa.Column("target", NAME, primary_key=True),
        sa.Column("entry_id", NAME, primary_key=True),
        sa.Column("connection", NAME, nullable=False),
        sa.Column("job_id", NAME, nullable=False),
        sa.Column("external_id", NAME, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("missing_since", TIME, nullable=False),
    )


def _settlements() -> None:
    op.create_table(
        "settlements",
        sa.Column("target", NAME, primary_key=True),
        sa.Column("payment_entry", NAME, primary_key=True),
        sa.Column("payment_part", NAME, primary_key=True),
        sa.Column("payment_attempt", sa.Integer, primary_key=True),
        sa.Column("bill_entry", NAME, primary_key=True),
        sa.Column("bill_part", NAME, primary_key=True),
        sa.Column("bill_attempt", sa.Integer, primary_key=True),
        sa.Column("relation", NAME, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
    )
    op.create_index("settlements_bill", "settlements", ["target", "bill_entry"])

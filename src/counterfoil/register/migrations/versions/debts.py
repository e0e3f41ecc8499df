"""Indexes by which the other side of a debt is found without passing over all debts."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

INDEXES = (
    ("open_items_reconciliation", "open_items", "reconciliation_id"),
    ("open_items_invoice", "open_items", "invoice_key"),
    ("named_items_name", "named_items", "reconciliation_id"),
)


def upgrade() -> None:
    """Put first what is sought by: SQLite takes a book to hold ten rows, and reads them all."""
    for name, table, column in INDEXES:
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [column])

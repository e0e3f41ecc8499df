"""The register's tables, as SQLAlchemy Core; migrations bring an older file up to this shape.

Those of connections' access are in ``access_schema``, and named here with all others.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
)

from counterfoil.register.access_schema import (
    added_connections,
    api_keys,
    authorisations,
    consents,
    installations,
    pauses,
    sealing,
    webhook_subscriptions,
)
from counterfoil.register.columns import SEALED, UtcTime, metadata

__all__ = [
    "NEWEST_FIRST",
    "SEALED",
    "added_connections",
    "api_keys",
    "authorisations",
    "backlogs",
    "books_away",
    "companies",
    "connections",
    "consents",
    "decisions",
    "host_pauses",
    "installations",
    "job_items",
    "jobs",
    "looks",
    "metadata",
    "missing_receipts",
    "named_items",
    "notices",
    "open_items",
    "parts",
    "pauses",
    "sealing",
    "settlements",
    "wakeups",
    "webhook_deliveries",
    "webhook_subscriptions",
]


connections = Table(
    "connections",
    metadata,
    Column("name", String, primary_key=True),
    Column("company_id", String, nullable=False),
    Column(
        "environment",
        String,
        nullable=False,
        comment="production, staging, or the host of another Pleo",
    ),
    Column("target", String, nullable=False, comment="identity of the book"),
    Column("first_used_at", UtcTime, nullable=False),
)

companies = Table(
    "companies",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("fence", Integer, nullable=False, comment="raised by whoever takes the company's lock"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("connection", String, nullable=False),
    Column("company_id", String, nullable=False),
    Column("target", String, nullable=False),
    Column("state", String, nullable=False, comment="claiming, running, closed, lost"),
    Column("created_at", UtcTime, nullable=False, comment="in Pleo"),
    Column("first_sent_at", UtcTime, nullable=False, comment="first 'started' we sent"),
    Column("outcome", String, comment="the final event"),
    Column("reason", Text),
    Column("reason_type", String),
    Column("ended_at", UtcTime),
)

_OPEN = jobs.c.state.in_(["claiming", "running"])
Index("jobs_open", jobs.c.connection, sqlite_where=_OPEN, postgresql_where=_OPEN)

# Pleo tells a job's creation in whole seconds: of two in one second, the one claimed last is newer.
NEWEST_FIRST = (jobs.c.created_at.desc(), jobs.c.first_sent_at.desc(), jobs.c.job_id)

job_items = Table(
    "job_items",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("pleo_status", String, nullable=False, comment="in the control layer, as last read"),
    Column("sort_key", String, nullable=False, default="", comment="the item's date, UTC"),
    Column("payload", Text, info=SEALED, comment="the export item as received, JSON"),
    Column("status", String, comment="our outcome: successful or failed"),
    Column("external_id", String),
    Column("external_url", String),
    Column("exported_at", UtcTime),
    Column("failure_type", String),
    Column("failure_reason", Text),
    Column("reported", Boolean, nullable=False, default=False),
    Index("job_items_order", "job_id", "sort_key", "entry_id"),
    Index("job_items_entry", "entry_id"),
)
_DONE = job_items.c.status.is_not(None)
_ORDER = (job_items.c.job_id, job_items.c.sort_key, job_items.c.entry_id)
# What is left to do is found without passing over what is done: a job's cost stays flat.
_UNREPORTED = and_(_DONE, job_items.c.reported.is_(False))
Index("job_items_unbooked", *_ORDER, sqlite_where=~_DONE, postgresql_where=~_DONE)
Index("job_items_unreported", *_ORDER, sqlite_where=_UNREPORTED, postgresql_where=_UNREPORTED)

parts = Table(
    "parts",
    metadata,
    Column("target", String, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("part", String, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("state", String, nullable=False, comment="intended, booked, refused, unknown, gone"),
    Column("job_id", String, nullable=False, comment="whose payload it was made from"),
    Column("fence", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("entry", Text, nullable=False, info=SEALED, comment="the entry as planned, JSON"),
    Column("intent_at", UtcTime, nullable=False),
    Column("external_id", String),
    Column("external_url", String),
    Column("booked_at", UtcTime),
    Column("failure_type", String),
    Column("failure_reason", Text),
)

_UNSETTLED = parts.c.state.in_(["intended", "unknown"])
# What is uncertain is found without reading all that was ever booked.
Index(
    "parts_unsettled",
    parts.c.target,
    parts.c.job_id,
    sqlite_where=_UNSETTLED,
    postgresql_where=_UNSETTLED,
)

decisions = Table(
    "decisions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("target", String, nullable=False),
    Column("entry_id", String, nullable=False),
    Column("kind", String, nullable=False, comment="keep, amend, reverse, booked_as, not_booked"),
    Column("fingerprint", String, nullable=False, comment="of the item it was made for"),
    Column("reference", String),
    Column("made_at", UtcTime, nullable=False),
    Column("made_by", String, nullable=False),
    Index("decisions_entry", "target", "entry_id"),
)

open_items = Table(
    "open_items",
    metadata,
    Column("target", String, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("part", String, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("kind", String, nullable=False, comment="bill, payment"),
    Column("account", String, nullable=False, comment="where the debt stands in the books"),
    Column("amount", String, nullable=False, comment="on that account, debit positive"),
    Column("currency", String, nullable=False),
    Column("reconciliation_id", String, nullable=False),
    Column("reconciled_entries", Text, nullable=False, comment="reconciliation ids, JSON"),
    Column("vendor", String),
    Column("invoice_number", String),
    Column("invoice_key", String, comment="vendor and invoice number as they are compared"),
    Column("paid_within", Boolean, nullable=False, comment="its expense carries the other side"),
    Column("external_id", String, nullable=False),
    Column("cleared_at", UtcTime, comment="of a payment: when nothing was left to settle"),
    Column("why", Text, comment="of a payment: why it is open"),
    # By these alone, whatever the book: SQLite takes a book to hold ten rows, and reads them all.
    Index("open_items_reconciliation", "reconciliation_id"),
    Index("open_items_invoice", "invoice_key"),
    Index("open_items_open", "target", "kind", "cleared_at"),
)

named_items = Table(
    "named_items",
    metadata,
    Column("target", String, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("part", String, primary_key=True),
    Column("reconciliation_id", String, primary_key=True, comment="that an open item names"),
    Index("named_items_name", "reconciliation_id"),
)

missing_receipts = Table(
    "missing_receipts",
    metadata,
    Column("target", String, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("connection", String, nullable=False),
    Column("job_id", String, nullable=False, comment="whose payload names the files"),
    Column("external_id", String, nullable=False, comment="of the booking that lacks them"),
    Column("why", Text, nullable=False),
    Column("missing_since", UtcTime, nullable=False),
)

settlements = Table(
    "settlements",
    metadata,
    Column("target", String, primary_key=True),
    Column("payment_entry", String, primary_key=True),
    Column("payment_part", String, primary_key=True),
    Column("payment_attempt", Integer, primary_key=True),
    Column("bill_entry", String, primary_key=True),
    Column("bill_part", String, primary_key=True),
    Column("bill_attempt", Integer, primary_key=True),
    Column("relation", String, nullable=False, comment="settles, returns"),
    Column("made_at", UtcTime, nullable=False),
    Index("settlements_bill", "target", "bill_entry"),
)

wakeups = Table(
    "wakeups",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("since", UtcTime, nullable=False, comment="when it was first asked to be looked at"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("connection", String, primary_key=True),
    Column("webhook_id", String, primary_key=True, comment="the sender's id of the message"),
    Column("company_id", String, nullable=False),
    Column("heard_at", UtcTime, nullable=False),
    Column("job_id", String, comment="the export job that it tells of"),
    Index("webhook_deliveries_heard", "heard_at"),
    Index("webhook_deliveries_job", "job_id"),
)

looks = Table(
    "looks",
    metadata,
    Column("connection", String, primary_key=True),
    Column("next_look", UtcTime, nullable=False, comment="when it is looked at by itself"),
    Column("state", String, nullable=False, comment="as State"),
    Column("worker", String, comment="who drains it, or did so last"),
    Column("looked_at", UtcTime, comment="when its last drain ended"),
    Column("error", Text, comment="why it is broken, paused or waits"),
    Column("broken", Integer, nullable=False, comment="drains in a row that could not work"),
    Column("causes", Text, nullable=False, comment="why its last jobs failed whole, JSON"),
    Column("foreign_jobs", Text, nullable=False, comment="jobs of others under way, JSON"),
    Index("looks_next", "next_look"),
)

backlogs = Table(
    "backlogs",
    metadata,
    Column("connection", String, primary_key=True),
    Column("waiting", Integer, nullable=False, comment="pending jobs, as Pleo last listed them"),
    Column("oldest_at", UtcTime, comment="when the oldest was created"),
    Column("expires_at", UtcTime, comment="when the first of them expires"),
)

books_away = Table(
    "books_away",
    metadata,
    Column("target", String, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("why", Text, nullable=False),
)

host_pauses = Table(
    "host_pauses",
    metadata,
    Column("host", String, primary_key=True),
    Column("until", UtcTime, nullable=False, comment="it asks us to wait so long"),
)

notices = Table(
    "notices",
    metadata,
    Column("event", String, primary_key=True, comment="what happened to what: told once"),
    Column("body", Text, nullable=False, comment="what is told, JSON"),
    Column("made_at", UtcTime, nullable=False),
    Column("tried_at", UtcTime, comment="when somebody last began to tell it"),
    Column("tries", Integer, nullable=False),
    Column("done_at", UtcTime, comment="when it was told, or given up"),
)

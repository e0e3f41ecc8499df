"""What is asked for every hundred items is found by an index, however much was booked before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import event

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.register import Register, open_register
from counterfoil.register.open_items import ItemKind, OpenItem

IDS = [f"entry-{number}" for number in range(100)]
PARTIAL = ("job_items_unbooked", "job_items_unreported")
"""Indexes of what is still to be done: as much of them as is asked for is read."""


@contextmanager
def explained(register: Register) -> Iterator[list[str]]:
    """Collect SQLite's plan of every statement that looks for rows."""
    plans: list[str] = []

    def explain(
        _: object,
        cursor: sqlite3.Cursor,
        statement: str,
        values: Sequence[Any],
        __: object,
        many: object,
    ) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asking = cursor.connection.cursor()
            asking.execute(f"EXPLAIN QUERY PLAN {statement}", values[0] if many else values)
            plans.extend(row[3] for row in asking.fetchall())

    event.listen(register.database.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(register.database.engine, "before_cursor_execute", explain)


def payment(entry_id: str) -> OpenItem:
    return OpenItem(
        target="ledger",
        reference=Reference(entry_id, Part.PAYMENT),
        kind=ItemKind.PAYMENT,
        account="2000",
        amount=Decimal(1),
        currency="GBP",
        reconciliation_id=f"of {entry_id}",
        reconciled_entries=(f"bill of {entry_id}",),
        vendor="V001",
        invoice_number=entry_id,
        paid_within=True,
        external_id=entry_id,
    )


def test_no_statement_of_a_chunk_passes_over_all_rows_of_a_book(tmp_path: Path) -> None:
    payments = [payment(entry_id) for entry_id in IDS]
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with open_register(url) as register, explained(register) as plans:
        register.items.save_statuses("job", dict.fromkeys(IDS, "pending"))
        register.items.save_payloads("job", [(entry_id, "", "{}") for entry_id in IDS])
        last = register.items.unbooked("job", limit=50)[-1]
        assert len(register.items.unbooked("job", limit=100, after=last)) == 50
        register.items.unreported("job", limit=100)
        register.items.mark_reported("job", IDS)
        register.items.exported_to("ledger", IDS)
        register.parts.of("ledger", IDS)
        register.parts.known("ledger", IDS)
        register.decisions.of("ledger", IDS)
        register.missing_receipts.note("ledger", [], IDS)
        register.open_items.remember(payments)
        register.open_items.bills("ledger", payments)
        register.open_items.settled("ledger", payments)
        because = {each.reference: "no bill is known" for each in payments}
        now = datetime.now(UTC)
        register.open_items.settle("ledger", [], open_because=because, now=now)
    searches = [
        plan for plan in plans if plan.startswith(("SEARCH", "SCAN")) and "ROWS" not in plan
    ]
    assert len(searches) > 15
    wide = [plan for plan in searches if plan.startswith("SCAN") or plan.endswith("(target=?)")]
    assert [plan for plan in wide if not any(name in plan for name in PARTIAL)] == []

"""What is open between bills and payments, as ``counterfoil items --open`` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from counterfoil.cli.lines import say
from counterfoil.cli.screen import show_table
from counterfoil.register import JobRecord, Register
from counterfoil.register.open_items import ListedItem

__all__ = ["OpenRow", "open_rows", "show_open"]

COLUMNS = ("item", "part", "kind", "open", "of", "account", "vendor", "invoice", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """A bill that is not paid in full, or a payment without its bill; amounts: debit positive."""

    entry_id: str
    part: str
    kind: str
    open_amount: Decimal
    amount: Decimal
    currency: str
    account: str
    vendor: str | None
    invoice_number: str | None
    external_id: str
    why: str


def open_rows(register: Register, jobs: Iterable[JobRecord]) -> list[OpenRow]:
    """Read what is open in the books that these jobs wrote to."""
    targets = dict.fromkeys(job.target for job in jobs)
    return [_row(listed) for target in targets for listed in register.open_items.open(target)]


def _row(listed: ListedItem) -> OpenRow:
    item = listed.item
    return OpenRow(
        entry_id=item.reference.entry_id,
        part=str(item.reference.part),
        kind=str(item.kind),
        open_amount=listed.open_amount,
        amount=item.amount,
        currency=item.currency,
        account=item.account,
        vendor=item.vendor,
        invoice_number=item.invoice_number,
        external_id=item.external_id,
        why=listed.why,
    )


def show_open(rows: Sequence[OpenRow]) -> None:
    """Show what is open in a table."""
    if rows:
        show_table(COLUMNS, [_cells(row) for row in rows])
    else:
        say("Nothing is open: every bill is paid, and every payment has its bill.")


def _cells(row: OpenRow) -> tuple[str, ...]:
    return (
        row.entry_id,
        row.part,
        row.kind,
        f"{row.open_amount:,f} {row.currency}",
        f"{row.amount:,f} {row.currency}",
        row.account,
        row.vendor or "",
        row.invoice_number or "",
        row.why,
    )

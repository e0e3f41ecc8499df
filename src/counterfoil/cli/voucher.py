"""The voucher of a job: every booked line as a row of a CSV file, for a person to file.

RFC 4180, UTF-8. Texts come from receipts and from Pleo, so none of them can start a formula in a
spreadsheet.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from io import StringIO

import typer

from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.cli.lines import clean
from counterfoil.cli.rows import SUCCESSFUL, is_taken_back, parts_of
from counterfoil.register import JobRecord, KeptItem, PartRecord, PartState, Register

__all__ = ["VoucherRow", "show_voucher", "voucher_rows", "written"]

FORMULA = frozenset("=+-@＝＋－＠")  # noqa: RUF001 -- spreadsheets read the wide ones, too
"""What a cell must not begin with (OWASP, "CSV Injection")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherRow:
    """A booked line; its fields are the columns. Amounts are in major units, never negative."""

    reference: str
    accountingEntryId: str  # noqa: N815 -- Pleo's word, as in its other exports
    part: str = ""
    date: str = ""
    account: str = ""
    debit: Decimal | None = None
    credit: Decimal | None = None
    currency: str = ""
    tax_code: str = ""
    tax_amount: Decimal | None = None
    dimensions: str = ""
    description: str = ""
    link: str = ""
    pleo: str = ""
    receipts: str = ""


def voucher_rows(register: Register, job: JobRecord) -> Iterator[VoucherRow]:
    """Read the booked lines of a job's items, in posting order.

    A booking that the register does not hold (it was adopted), or whose entry was pruned, is a row
    without lines; one that was taken back is none.
    """
    items = register.items.all(job.job_id)
    parts = parts_of(register, job.target, [item.entry_id for item in items])
    for item in items:
        known = parts.get(item.entry_id, [])
        successful = item.outcome is not None and item.outcome.status == SUCCESSFUL
        stands = successful and not is_taken_back(item, known)
        booked = [
            part
            for part in known
            if part.state is PartState.BOOKED and (stands or part.job_id == job.job_id)
        ]
        for part in booked:
            entry = part.planned
            yield from _lines(part, entry) if entry else [_pruned(part)]
        if stands and not booked:
            yield _adopted(item)


def _lines(part: PartRecord, entry: Entry) -> Iterator[VoucherRow]:
    for line in entry.lines:
        yield VoucherRow(
            reference=part.external_id or str(part.reference),
            accountingEntryId=part.reference.entry_id,
            part=str(part.part),
            date=entry.date.isoformat(),
            account=line.account,
            debit=line.amount if line.amount > 0 else None,
            credit=-line.amount if line.amount < 0 else None,
            currency=entry.currency,
            tax_code=(line.tax.code or "") if line.tax else "",
            tax_amount=line.tax.amount if line.tax else None,
            dimensions=_dimensions(line),
            description=" · ".join(filter(None, (entry.payee, entry.narration))),
            link=part.external_url or "",
            pleo=entry.link or "",
            receipts=_receipts(entry),
        )


def _pruned(part: PartRecord) -> VoucherRow:
    return VoucherRow(
        reference=part.external_id or str(part.reference),
        accountingEntryId=part.reference.entry_id,
        part=str(part.part),
        description="its lines are not kept any more; they are in the books",
        link=part.external_url or "",
    )


def _adopted(item: KeptItem) -> VoucherRow:
    outcome = item.outcome
    return VoucherRow(
        reference=(outcome.external_id if outcome else None) or "",
        accountingEntryId=item.entry_id,
        description="was in the books already; its lines are there",
        link=(outcome.external_url if outcome else None) or "",
    )


def _dimensions(line: Line) -> str:
    return "; ".join(f"{group}: {code}" for group, code in line.dimensions)


def _receipts(entry: Entry) -> str:
    return "; ".join(f"{each.name} (sha256 {each.sha256})" for each in entry.documents)


def written(rows: Iterable[VoucherRow]) -> str:
    """Write rows as CSV under a line of column names."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([field.name for field in fields(VoucherRow)])
    writer.writerows([_cell(value) for value in asdict(row).values()] for row in rows)
    return text.getvalue()


def _cell(value: str | Decimal | None) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = clean(value)
    return f"'{text}" if text.lstrip()[:1] in FORMULA else text


def show_voucher(rows: Sequence[VoucherRow]) -> None:
    """Print the CSV as UTF-8, whatever the terminal's own encoding is."""
    typer.echo(written(rows).encode(), nl=False)

"""Builders of pairs: an expense of 12.00 EUR that is planned, booked and told, and what differs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from counterfoil.bookkeeping.entries import Entry, Line, LineTax, Part, Reference
from counterfoil.export.pairs import Expected, Pair, Source, Told
from counterfoil.register import Decision, DecisionKind
from counterfoil.systems.contract import Capabilities, EntryState, Found, Uniqueness

ID = "59540ed2-0000-4000-8000-000000000001"
DAY = date(2026, 3, 5)
BOOKS = Capabilities(uniqueness=Uniqueness.EXCLUSIVE_FILE)
COMPUTING = Capabilities(uniqueness=Uniqueness.UNIQUE_REFERENCE, computes_tax=True)


def entry(
    amount: str = "12.00",
    *,
    part: Part = Part.ENTRY,
    attempt: int = 1,
    debit: str = "Travel",
    currency: str = "EUR",
    taxed: bool = False,
) -> Entry:
    """Plan a line from the wallet to an account."""
    tax = LineTax(
        code="VAT20", rate=Decimal("0.2"), base=Decimal(10), amount=Decimal(2), type="inclusive"
    )
    return Entry(
        reference=Reference(ID, part, attempt),
        date=DAY,
        currency=currency,
        lines=(
            Line(
                account=debit,
                amount=Decimal(amount),
                rule="line-account",
                tax=tax if taxed else None,
            ),
            Line(account="Wallet", amount=-Decimal(amount), rule="wallet"),
        ),
    )


def record(  # noqa: PLR0913 -- a builder: everything has a default
    amount: str = "12.00",
    *,
    part: Part = Part.ENTRY,
    attempt: int = 1,
    debit: str = "Travel",
    currency: str = "EUR",
    day: date = DAY,
    state: EntryState = EntryState.POSTED,
    id: str | None = None,
) -> Found:
    """Hold such an entry in the books."""
    reference = Reference(ID, part, attempt)
    return Found(
        reference=reference,
        id=id or str(reference),
        url=None,
        state=state,
        booked_at=datetime(2026, 3, 6, tzinfo=UTC),
        date=day,
        currency=currency,
        lines=((debit, Decimal(amount)), ("Wallet", -Decimal(amount))),
    )


def told(
    status: str = "successful",
    *,
    external_id: str | None = f"{ID}/entry",
    failure: str | None = None,
    job_status: str = "completed",
    resumable: bool = False,
) -> Told:
    """Let Pleo say so."""
    return Told(
        status=status,
        job_id="job-1",
        external_id=external_id if status == "successful" else None,
        failure=failure,
        job_status=job_status,
        resumable=resumable,
    )


def expected(
    *entries: Entry, source: Source = Source.REGISTER, **more: tuple[str, ...]
) -> Expected:
    """Expect these entries, or the usual one."""
    return Expected(entries=entries or (entry(),), source=source, changes=more.get("changes", ()))


def decision(kind: DecisionKind, reference: str | None = None) -> Decision:
    """Let Anna have decided."""
    return Decision(
        target="books",
        entry_id=ID,
        kind=kind,
        fingerprint="f1",
        made_at=datetime(2026, 3, 7, tzinfo=UTC),
        made_by="anna",
        reference=reference,
    )


def pair(*records: Found, says: Told | None = None, holds: Expected | None = None) -> Pair:
    """Pair these records with what Pleo says and what they should be."""
    return Pair(entry_id=ID, told=says, expected=holds, records=records)

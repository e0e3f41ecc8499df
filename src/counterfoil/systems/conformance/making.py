"""Entries and documents for a fresh book, each new and unlike any other."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypedDict, Unpack
from uuid import uuid4

from counterfoil.bookkeeping.entries import Document, Entry, Line, LineTax, Part, Reference
from counterfoil.bookkeeping.money import minor_unit
from counterfoil.effects import effect
from counterfoil.systems.conformance.book import FreshBook

__all__ = ["Wishes", "bill_and_payment", "document", "entry", "many", "taxed", "with_attempt"]

_numbers = itertools.count(1)


class Wishes(TypedDict, total=False):
    """What an entry is to be otherwise than usual."""

    id: str
    part: Part
    attempt: int
    day: date
    currency: str
    final: bool
    payee: str
    narration: str
    details: Mapping[str, str]
    documents: tuple[Document, ...]
    dimensions: tuple[tuple[str, str], ...]
    debit: str
    lines: Iterable[tuple[str, Decimal]]
    invoice_number: str


def entry(
    book: FreshBook, amount: str | int | Decimal | None = None, **wishes: Unpack[Wishes]
) -> Entry:
    """Make an entry of a part, by default of two lines with 12345 minor units."""
    part = wishes.get("part", Part.ENTRY)
    currency = wishes.get("currency", book.currencies[0])
    moved = 12345 * minor_unit(currency) if amount is None else Decimal(amount)
    debit, credit = _sides(book, part)
    lines = wishes.get("lines") or ((wishes.get("debit", debit), moved), (credit, -moved))
    id = wishes.get("id") or str(uuid4())
    return Entry(
        reference=Reference(id, part, wishes.get("attempt", 1)),
        date=wishes.get("day", book.day),
        currency=currency,
        lines=_lines(lines, wishes.get("dimensions", ())),
        payee=wishes.get("payee", "Café Ø"),
        narration=wishes.get("narration", "Coffee with Acme"),
        final=wishes.get("final", False),
        fingerprint=hashlib.sha256(f"{id} {moved}".encode()).hexdigest(),
        details=wishes.get("details", {}),
        link=f"https://app.pleo.io/expense/{id}",
        documents=wishes.get("documents", ()),
        **_of_bills(book, part, wishes),
    )


class _Bill(TypedDict, total=False):
    document_date: date
    due_date: date
    invoice_number: str
    vendor: str | None


def _of_bills(book: FreshBook, part: Part, wishes: Wishes) -> _Bill:
    if part is Part.ENTRY:
        return {}
    if part is Part.PAYMENT:
        return {"vendor": book.vendor}
    return {
        "vendor": book.vendor,
        "document_date": book.day,
        "due_date": book.day,
        "invoice_number": wishes.get("invoice_number") or f"INV-{uuid4().hex[:12]}",
    }


def _sides(book: FreshBook, part: Part) -> tuple[str, str]:
    """Return the accounts debited and credited."""
    payable = book.payable or book.credit
    sides = {
        Part.ENTRY: (book.debit, book.credit),
        Part.BILL: (book.debit, payable),
        Part.CREDIT_NOTE: (payable, book.debit),
        Part.PAYMENT: (payable, book.credit if book.payable else book.debit),
    }
    return sides[part]


def _lines(
    amounts: Iterable[tuple[str, Decimal]], dimensions: tuple[tuple[str, str], ...]
) -> tuple[Line, ...]:
    """Make lines as the rules do; the first carries the dimensions."""
    return tuple(
        Line(
            account=account,
            amount=amount,
            rule="wallet" if number else "line-account",
            dimensions=() if number else dimensions,
        )
        for number, (account, amount) in enumerate(amounts)
    )


def taxed(book: FreshBook, account: str, code: str, rate: Decimal) -> Entry:
    """Make an entry with an ingoing tax, as the rules do: the base line says what tax is on it."""
    base = Decimal(100)
    tax = base * rate
    told = LineTax(code=code, rate=rate, base=base, amount=tax, type="inclusive")
    plain = entry(book)
    lines = (
        Line(account=book.debit, amount=base, rule="line-account", tax=told),
        Line(account=account, amount=tax, rule="tax-ingoing"),
        Line(account=book.credit, amount=-base - tax, rule="wallet"),
    )
    return Entry(
        reference=plain.reference,
        date=plain.date,
        currency=plain.currency,
        lines=lines,
        payee=plain.payee,
        narration=plain.narration,
        fingerprint=plain.fingerprint,
    )


def many(book: FreshBook, count: int) -> list[Entry]:
    """Make entries whose ids come in no order, each with an amount of its own."""
    unit = minor_unit(book.currencies[0])
    return [entry(book, (number + 1) * unit) for number in range(count)]


def with_attempt(book: FreshBook, before: Entry, attempt: int) -> Entry:
    """Make the next attempt of an entry of two lines."""
    reference = before.reference
    return entry(book, before.amount, id=reference.entry_id, part=reference.part, attempt=attempt)


def bill_and_payment(book: FreshBook) -> tuple[Entry, Entry]:
    """Make a final bill, and the final payment of it."""
    return entry(book, part=Part.BILL, final=True), entry(book, part=Part.PAYMENT, final=True)


def document(book: FreshBook, name: str = "receipt.pdf") -> Document:
    """Make a document as it was fetched, with a content of its own."""
    content, media_type = book.receipt(next(_numbers))
    sha256 = hashlib.sha256(content).hexdigest()
    path = book.folder / f"fetched-{sha256}"
    with effect("conformance.document", str(path)):
        path.write_bytes(content)
    return Document(path=path, sha256=sha256, size=len(content), media_type=media_type, name=name)

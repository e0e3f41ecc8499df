"""What gets booked: entries, their lines, references and documents, whatever the accounting system.

Amounts are signed ``Decimal`` in major units of the entry's currency, debit positive. An entry that
does not balance cannot be made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

__all__ = [
    "Attachments",
    "Document",
    "Entry",
    "Line",
    "LineTax",
    "Part",
    "Reference",
    "UnbalancedEntry",
]


class Part(StrEnum):
    """Which record of an item this is; an item under accounts payable may need two."""

    ENTRY = "entry"
    BILL = "bill"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """What makes a record unique: Pleo's accounting entry id, the part, the attempt."""

    entry_id: str
    part: Part = Part.ENTRY
    attempt: int = 1

    def __str__(self) -> str:
        """``ID/entry``, and ``ID/entry/2`` from the second attempt on."""
        tail = f"/{self.attempt}" if self.attempt > 1 else ""
        return f"{self.entry_id}/{self.part}{tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """A line's tax: Pleo's code, fraction, the base it is on and its amount (major units)."""

    code: str | None
    rate: Decimal
    base: Decimal
    amount: Decimal
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One posting: an account of the chart, a signed amount, and the rule that made it."""

    account: str
    amount: Decimal
    rule: str
    tax: LineTax | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    fields: tuple[str, ...] = ()
    """Paths of the item's fields that made this line, for ``plan`` and ``explain``."""
    supplier_amount: tuple[Decimal, str] | None = None
    """The same amount in the supplier's currency, where that is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A receipt on this machine: file, SHA-256 (hex), bytes, media type and a safe name."""

    path: Path
    sha256: str
    size: int
    media_type: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachments:
    """Documents that an accounting system takes with an entry; declared, never guessed."""

    limit: int | None = None
    """How many; None: any number."""
    types: frozenset[str] = frozenset()
    """Their media types; empty: any."""
    max_bytes: int | None = None
    """How large each may be; None: any size."""

    def takes(self, media_type: str) -> bool:
        """Whether it takes documents of this type."""
        return not self.types or media_type in self.types


class UnbalancedEntry(ValueError):
    """An entry's lines do not sum to zero; a fault of the rules, never of an item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A balanced record for the books: a journal entry, bill, credit note or payment."""

    reference: Reference
    date: dt.date
    currency: str
    lines: tuple[Line, ...]
    payee: str = ""
    narration: str = ""
    final: bool = False
    """Posted when true, a draft otherwise."""
    fingerprint: str = ""
    """Hash of the item's figures as Pleo sent them; tells whether the item changed since."""
    original_date: dt.date | None = None
    """The item's own day, where a closed period moved the posting date."""
    document_date: dt.date | None = None
    due_date: dt.date | None = None
    invoice_number: str | None = None
    vendor: str | None = None
    """The chart's id of the vendor, for bills, credit notes and payments."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Further texts to keep with the entry: reconciliation_id, attendees, user, team, note, …"""
    link: str | None = None
    """Pleo's web page of the item."""
    documents: tuple[Document, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to exist unbalanced."""
        total = sum((line.amount for line in self.lines), Decimal(0))
        if total or not self.lines:
            raise UnbalancedEntry(f"{self.reference}: lines sum to {total}")

    @property
    def amount(self) -> Decimal:
        """The sum of the debits, in major units."""
        return sum((line.amount for line in self.lines if line.amount > 0), Decimal(0))

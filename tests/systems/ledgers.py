"""Ledgers in a folder, and entries for them, to tell stories about."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from counterfoil.bookkeeping.entries import Document, Entry, Line, Part, Reference
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.contract import Found
from tests.beancount_programs import bean_check, bean_query

BIN = Path(sys.executable).parent

MAIN = """\
option "title" "Acme"
2020-01-01 open Assets:Wallet EUR
  code: "1800"
2020-01-01 open Assets:VAT
  code: "2201"
2020-01-01 open Expenses:Travel
  code: "6100"
"""

COFFEE = "59540ed2-0000-4000-8000-000000000001"
TAXI = "59540ed2-0000-4000-8000-000000000002"
HOTEL = "59540ed2-0000-4000-8000-000000000003"


@dataclass(frozen=True)
class LedgerFolder:
    """A folder with a main ledger, and what Beancount itself says about it."""

    root: Path

    @property
    def main(self) -> Path:
        """The main ledger."""
        return self.root / "main.beancount"

    @property
    def month(self) -> Path:
        """The month file that entries go to unless they say otherwise."""
        return self.root / "counterfoil" / "2026-03.beancount"

    def books(self, **options: str) -> Beancount:
        """Open the ledger anew, as the next job would."""
        return Beancount(
            BeancountOptions.model_validate({"ledger": "main.beancount", **options}), self.root
        )

    def errors(self) -> str:
        """Return what bean-check has against the ledger, in its own words."""
        return bean_check(self.main)

    def ask(self, query: str) -> list[list[str]]:
        """Ask bean-query; the rows without their heading."""
        return bean_query(self.main, query)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the ledger by hand."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replace a text in a file by hand."""
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def files(self) -> set[str]:
        """Return every file below the folder, by its path."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}


def entry(  # noqa: PLR0913 - a builder: everything has a default
    id: str = COFFEE,
    amount: str = "10.00",
    *,
    debit: str = "Expenses:Travel",
    credit: str = "Assets:Wallet",
    part: Part = Part.ENTRY,
    attempt: int = 1,
    day: date = date(2026, 3, 5),
    currency: str = "EUR",
    payee: str = "Café Ø",
    narration: str = "Coffee with Acme",
    final: bool = False,
    details: dict[str, str] | None = None,
    documents: tuple[Document, ...] = (),
) -> Entry:
    """Make an entry of two lines."""
    return Entry(
        reference=Reference(id, part, attempt),
        date=day,
        currency=currency,
        lines=(
            Line(account=debit, amount=Decimal(amount), rule="line"),
            Line(account=credit, amount=-Decimal(amount), rule="wallet"),
        ),
        payee=payee,
        narration=narration,
        final=final,
        fingerprint="f1",
        details=details or {},
        documents=documents,
    )


def document(folder: Path, content: bytes = b"%PDF-1.7 a receipt", name: str = "r.pdf") -> Document:
    """Make a receipt as it was fetched."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"fetched-{sha256[:12]}"
    path.write_bytes(content)
    return Document(
        path=path,
        sha256=sha256,
        size=len(content),
        media_type="application/pdf",
        name=name,
    )


async def look_up(books: Beancount, id: str = COFFEE, part: Part = Part.ENTRY) -> list[Found]:
    """Return what is found of one part."""
    return list((await books.find([(id, part)])).get((id, part), []))


async def only(books: Beancount, id: str = COFFEE, part: Part = Part.ENTRY) -> Found:
    """Return the one record of a part."""
    (found,) = await look_up(books, id, part)
    return found

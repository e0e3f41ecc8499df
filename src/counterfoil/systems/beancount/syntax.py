r"""Entries as Beancount's text; whatever a text holds, it stays a text.

Texts are normalised as follows, and Beancount then says them as they are:

- line ends are ``\n`` (CR LF and a lone CR become one);
- control characters other than ``\n`` and tab are shown by their picture (ESC as ``␛``), those
  without a picture and lone surrogates as ``�``;
- a text over its limit is cut, the cut marked with ``…``.

In the file, line ends and tabs are escaped, so that an entry has one line a field.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from urllib.parse import quote, unquote

from counterfoil.bookkeeping.entries import Document, Entry, Line, Reference
from counterfoil.errors import shorten

__all__ = [
    "TEXT_LIMIT",
    "Receipt",
    "document_directive",
    "entry_text",
    "id_of",
    "link_of",
    "moment_text",
    "normalise",
    "own_id",
    "quoted",
    "receipt_metadata",
    "reversal_text",
]

TEXT_LIMIT = 2000
"""Longest text of one field, in characters."""
KEY_LIMIT = 60

RESERVED = frozenset(
    {"filename", "lineno", "vendor", "invoice_number", "invoice_date", "due_date", "rule"}
    | {"tax_code", "tax_type", "tax_rate", "tax_base", "tax_amount", "supplier_amount"}
)
"""Metadata keys that mean something to Beancount or to us."""

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_PLAIN = re.compile(r'[^\x00-\x1f\x7f-\x9f\ud800-\udfff"\\]*')
"""Most texts: they are as they are."""
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """A document's file as an entry names it: path relative to the month file, hash and size."""

    path: str
    sha256: str
    size: int

    @classmethod
    def of(cls, document: Document, path: str) -> Receipt:
        """Name a document that lies (or will lie) at a path."""
        return cls(path, document.sha256, document.size)


def normalise(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text as the ledger will hold it."""
    return shorten(_HIDDEN.sub(_shown, re.sub("\r\n?", "\n", text)), limit)


def quoted(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text as a Beancount string."""
    if len(text) <= limit and _PLAIN.fullmatch(text):
        return f'"{text}"'
    return f'"{normalise(text, limit).translate(_ESCAPES)}"'


def own_id(entry_id: str) -> str:
    """Return Pleo's id as the metadata keep it: a UUID as it is, anything else percent-encoded."""
    return quote(entry_id, safe="", errors="surrogatepass")


def id_of(own: str) -> str:
    """Return Pleo's id from how the metadata keep it."""
    return unquote(own, errors="surrogatepass")


def link_of(entry_id: str) -> str:
    """Return the link (without ``^``) that all records of an item share."""
    return re.sub(r"[^A-Za-z0-9\-_/.]", "_", own_id(entry_id))


def moment_text(moment: datetime) -> str:
    """Write a time in UTC, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry_text(entry: Entry, booked_at: datetime, receipts: Sequence[Receipt] = ()) -> str:
    """Write an entry as a transaction, without a line end after its last line."""
    reference = entry.reference
    flag = "*" if entry.final else "!"
    return "\n".join(
        [
            f"{entry.date} {flag} {_title(entry)} ^{link_of(reference.entry_id)}",
            *_indented(_metadata(entry, booked_at), "  "),
            *_indented(receipt_metadata(receipts), "  "),
            *(text for line in entry.lines for text in _posting(line, entry.currency)),
        ]
    )


def reversal_text(
    reference: Reference,
    on: date,
    lines: Iterable[tuple[str, Decimal]],
    currency: str,
    booked_at: datetime,
) -> str:
    """Write the transaction that takes a record's lines back."""
    own = own_id(reference.entry_id)
    tail = str(reference).removeprefix(reference.entry_id)
    return "\n".join(
        [
            f"{on} * {quoted(f'Reversal of {reference}')} ^{link_of(reference.entry_id)}",
            f'  pleo_reverses: "{own}{tail}"',
            f'  pleo_booked_at: "{moment_text(booked_at)}"',
            *(f"  {account}  {-amount:f} {currency}" for account, amount in lines),
        ]
    )


def receipt_metadata(receipts: Sequence[Receipt]) -> Iterator[tuple[str, str]]:
    """Name an entry's receipts: their paths, and what each must hold."""
    for number, receipt in enumerate(receipts, 1):
        yield (f"document-{number}" if number > 1 else "document"), quoted(receipt.path)
    if receipts:
        held = " ".join(f"{receipt.sha256}:{receipt.size}" for receipt in receipts)
        yield "pleo_receipts", f'"{held}"'


def document_directive(on: date, account: str, receipt: Receipt, entry_id: str) -> str:
    """Attach a file to an account, linked to its entry."""
    return f"{on} document {account} {quoted(receipt.path)} ^{link_of(entry_id)}"


def _title(entry: Entry) -> str:
    narration = quoted(entry.narration)
    return f"{quoted(entry.payee)} {narration}" if entry.payee else narration


def _metadata(entry: Entry, booked_at: datetime) -> Iterator[tuple[str, str]]:
    reference = entry.reference
    yield "pleo_entry", f'"{own_id(reference.entry_id)}"'
    yield "pleo_part", f'"{reference.part}"'
    yield "pleo_attempt", str(reference.attempt)
    yield "pleo_booked_at", f'"{moment_text(booked_at)}"'
    if entry.original_date:
        yield "pleo_original_date", str(entry.original_date)
    if entry.document_date:
        yield "invoice_date", str(entry.document_date)
    if entry.due_date:
        yield "due_date", str(entry.due_date)
    texts = {
        "pleo_fingerprint": entry.fingerprint,
        "pleo_link": entry.link,
        "vendor": entry.vendor,
        "invoice_number": entry.invoice_number,
    }
    yield from ((key, quoted(text)) for key, text in texts.items() if text)
    yield from _keyed(entry.details.items())


def _posting(line: Line, currency: str) -> Iterator[str]:
    yield f"  {line.account}  {line.amount:f} {currency}"
    yield from _indented(_line_metadata(line), "    ")


def _line_metadata(line: Line) -> Iterator[tuple[str, str]]:
    yield "rule", quoted(line.rule)
    if line.tax:
        if line.tax.code:
            yield "tax_code", quoted(line.tax.code)
        yield "tax_type", quoted(line.tax.type)
        yield "tax_rate", f"{line.tax.rate:f}"
        yield "tax_base", f"{line.tax.base:f}"
        yield "tax_amount", f"{line.tax.amount:f}"
    if line.supplier_amount:
        amount, currency = line.supplier_amount
        yield "supplier_amount", quoted(f"{amount:f} {currency}")
    yield from _keyed(line.dimensions)


def _keyed(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    taken: set[str] = set()
    for name, text in pairs:
        if text:
            key = _free(_key(name), taken)
            taken.add(key)
            yield key, quoted(text)


def _free(key: str, taken: set[str]) -> str:
    """Add a number to a key that is taken: Beancount refuses the same one twice."""
    if key not in taken:
        return key
    numbered = (f"{key}-{number}" for number in itertools.count(2))
    return next(name for name in numbered if name not in taken)


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    """Make a metadata key: lower case, two characters or more, none that means something else."""
    key = re.sub("[^a-z0-9_-]", "_", name.lower())[:KEY_LIMIT]
    ours = key in RESERVED or key.startswith(("pleo", "document"))
    return key if re.match("[a-z][a-z0-9_-]", key) and not ours else f"item_{key}"


def _indented(pairs: Iterable[tuple[str, str]], indent: str) -> Iterator[str]:
    return (f"{indent}{key}: {value}" for key, value in pairs)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < ord(" "):
        return chr(ord("\N{SYMBOL FOR NULL}") + code)
    return "\N{SYMBOL FOR DELETE}" if match[0] == "\x7f" else "\N{REPLACEMENT CHARACTER}"

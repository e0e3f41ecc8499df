"""Our records as Beancount reports them, wherever in the ledger they stand by now.

A record is ours by its metadata ``pleo_entry``; people may have moved it, changed its figures or
its flag. What they removed is not there any more.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, Unpack

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.systems.beancount.files import stamp
from counterfoil.systems.beancount.programs import select
from counterfoil.systems.beancount.syntax import Receipt, id_of
from counterfoil.systems.contract import EntryState, Found, PartKey

__all__ = ["Books", "Changes", "Record", "dated_query", "postings_query", "read_books"]

KEYS = (
    "pleo_entry",
    "pleo_part",
    "pleo_attempt",
    "pleo_booked_at",
    "pleo_fingerprint",
    "pleo_voided",
    "pleo_reverses",
    "pleo_settles",
    "pleo_receipts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A transaction of ours, as the ledger holds it."""

    reference: Reference
    file: Path
    date: date
    flag: str
    booked_at: datetime
    lines: tuple[tuple[str, Decimal], ...]
    currency: str
    """Several, with slashes between them, where people made it so."""
    fingerprint: str = ""
    voided: bool = False
    settles: tuple[str, ...] = ()
    """The ids of the bills it pays."""
    receipts: tuple[Receipt, ...] = ()

    @property
    def id(self) -> str:
        """What Pleo gets as the external id."""
        return str(self.reference)

    def present(self) -> frozenset[str]:
        """Return the hashes of the receipts whose files lie on the disk with the size they had."""
        return frozenset(receipt.sha256 for receipt in self.receipts if self._lies(receipt))

    def _lies(self, receipt: Receipt) -> bool:
        # A path is relative to the month file that the entry was written in, beside the ledger.
        bases = (self.file.parent, self.file.parent / "counterfoil")
        stamps = (stamp(Path(os.path.normpath(base / receipt.path))) for base in bases)
        return any(there is not None and there.size == receipt.size for there in stamps)


class Changes(TypedDict, total=False):
    """What we change of a record."""

    flag: str
    voided: bool
    settles: tuple[str, ...]
    receipts: tuple[Receipt, ...]


@dataclass(slots=True)
class Books:
    """All records of ours in a ledger, and the days its accounts are balanced on."""

    records: dict[PartKey, list[Record]] = field(default_factory=dict)
    reversals: dict[str, Path] = field(default_factory=dict)
    """Ids of the records that a transaction takes back, and the file it stands in."""
    balances: dict[str, date] = field(default_factory=dict)
    _paid: set[str] | None = None
    """Ids of the bills that live payments name; None: to be found out."""

    def reverse(self, record: Record, file: Path) -> None:
        """Note that a transaction in a file takes a record back."""
        self._paid = None
        self.reversals[record.id] = file

    def find(self, key: PartKey) -> Sequence[Record]:
        """Return every attempt of a part, oldest first."""
        return sorted(self.records.get(key, ()), key=lambda record: record.reference.attempt)

    def since(self, day: date | None) -> Sequence[Record]:
        """Return every record dated on or after a day, or all, by date."""
        every = (record for records in self.records.values() for record in records)
        dated = (record for record in every if day is None or record.date >= day)
        return sorted(dated, key=lambda record: (record.date, record.reference))

    def by_id(self, id: str) -> Record | None:
        """Return the record with an id; of several copies, the first."""
        entry_id, _, tail = id.rpartition("/")
        if tail.isdigit():
            entry_id = entry_id.rpartition("/")[0]
        parts = (record for part in Part for record in self.records.get((entry_id, part), ()))
        return next((record for record in parts if record.id == id), None)

    def add(self, record: Record) -> None:
        """Put a record in."""
        if record.settles:
            self._paid = None
        reference = record.reference
        self.records.setdefault((reference.entry_id, reference.part), []).append(record)

    def replace(self, record: Record, **changes: Unpack[Changes]) -> None:
        """Put a changed record in the old one's place."""
        if record.settles or changes.get("settles"):
            self._paid = None
        attempts = self.records[record.reference.entry_id, record.reference.part]
        attempts[attempts.index(record)] = replace(record, **changes)

    def state(self, record: Record) -> EntryState:
        """Tell a record's state."""
        if record.voided:
            return EntryState.VOIDED
        if record.id in self.reversals:
            return EntryState.REVERSED
        return EntryState.DRAFT if record.flag == "!" else EntryState.POSTED

    def settled(self, record: Record) -> bool:
        """Whether a payment names its bills, or a bill is named by a live payment."""
        if self._paid is None:
            self._paid = {id for payment in self._payments() for id in payment.settles}
        return bool(record.settles) or record.id in self._paid

    def found(self, record: Record, url: str | None) -> Found:
        """Return a record as the contract wants it."""
        return Found(
            reference=record.reference,
            id=record.id,
            url=url,
            state=self.state(record),
            booked_at=record.booked_at,
            date=record.date,
            currency=record.currency,
            lines=record.lines,
            fingerprint=record.fingerprint,
            receipts=record.present(),
            settled=self.settled(record),
        )

    def mentioned(self) -> dict[Path, Counter[tuple[str, str]]]:
        """Count by file the lines that should name entries of ours, by key and id."""
        counts: dict[Path, Counter[tuple[str, str]]] = {}
        for records in self.records.values():
            for record in records:
                counts.setdefault(record.file, Counter())[
                    "pleo_entry", record.reference.entry_id
                ] += 1
        for id, file in self.reversals.items():
            counts.setdefault(file, Counter())["pleo_reverses", id] += 1
        return counts

    def _payments(self) -> Iterator[Record]:
        for records in self.records.values():
            for record in records:
                if record.settles and self.state(record).live:
                    yield record


def dated_query(receipts: int) -> str:
    """Ask for balances and our transactions, with so many receipts each."""
    documents = ["document", *(f"document-{number}" for number in range(2, receipts + 1))]
    columns = [f"meta['{key}']" for key in (*KEYS, *documents)]
    return select(
        "#entries",
        ["type", "filename", "lineno", "date", "flag", "accounts", *columns],
        "type = 'balance' or meta['pleo_entry'] ~ '.' or meta['pleo_reverses'] ~ '.'",
    )


def postings_query() -> str:
    """Ask for the postings of our transactions."""
    columns = ["entry_meta('filename')", "entry_meta('lineno')", "account", "number", "currency"]
    return select("#postings", columns, "entry_meta('pleo_entry') ~ '.'")


_Line = tuple[str, Decimal, str]


def read_books(dated: Iterable[Sequence[str]], postings: Iterable[Sequence[str]]) -> Books:
    """Read the answers to ``dated_query`` and ``postings_query``."""
    lines: dict[tuple[str, str], list[_Line]] = {}
    for file, line, account, number, currency in postings:
        lines.setdefault((file, line), []).append((account, Decimal(number or 0), currency))
    books = Books()
    seen = set[tuple[str, str]]()
    for kind, file, line, day, flag, accounts, *values in dated:
        metadata = dict(zip(KEYS, values[: len(KEYS)], strict=True))
        if kind == "balance":
            books.balances[accounts] = max(
                date.fromisoformat(day), books.balances.get(accounts, date.min)
            )
        elif (file, line) not in seen:
            # A plugin may split a transaction; its parts share the place they came from.
            seen.add((file, line))
            if metadata["pleo_reverses"]:
                books.reversals[_reversed_id(metadata["pleo_reverses"])] = Path(file)
            if metadata["pleo_entry"]:
                books.add(
                    _record(
                        metadata,
                        values[len(KEYS) :],
                        file=Path(file),
                        date=date.fromisoformat(day),
                        flag=flag,
                        lines=lines.get((file, line), []),
                    )
                )
    return books


def _record(
    metadata: Mapping[str, str],
    documents: Sequence[str],
    *,
    file: Path,
    date: date,
    flag: str,
    lines: Sequence[_Line],
) -> Record:
    return Record(
        reference=_reference(metadata),
        file=file,
        date=date,
        flag=flag,
        booked_at=_moment(metadata["pleo_booked_at"], date),
        lines=tuple((account, number) for account, number, _ in lines),
        currency="/".join(dict.fromkeys(currency for _, _, currency in lines)),
        fingerprint=metadata["pleo_fingerprint"],
        voided=metadata["pleo_voided"].upper() == "TRUE",
        settles=tuple(map(_reversed_id, metadata["pleo_settles"].split())),
        receipts=tuple(_receipts(metadata["pleo_receipts"], [path for path in documents if path])),
    )


def _reference(metadata: Mapping[str, str]) -> Reference:
    part, attempt = metadata["pleo_part"], metadata["pleo_attempt"]
    return Reference(
        id_of(metadata["pleo_entry"]),
        Part(part) if part in set(Part) else Part.ENTRY,
        int(attempt) if attempt.isdecimal() else 1,
    )


def _moment(text: str, day: date) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.combine(day, time(), UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _receipts(held: str, paths: Sequence[str]) -> Iterator[Receipt]:
    """Pair what the entry must hold with the files it names: by hash in the name, else in order."""
    for number, (sha256, size) in enumerate(re.findall(r"([0-9a-f]{64}):(\d+)", held)):
        named = [path for path in paths if sha256[:8] in path]
        # Attached anew after it was lost, a receipt is named twice: the last one counts.
        path = next(iter(named[::-1] or paths[number : number + 1]), None)
        if path is not None:
            yield Receipt(path, sha256, int(size))


def _reversed_id(own: str) -> str:
    """Read an id with its part (and attempt) as the metadata keep it."""
    entry_id, slash, tail = own.partition("/")
    return id_of(entry_id) + slash + tail

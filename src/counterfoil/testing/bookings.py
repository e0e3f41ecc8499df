"""What the books hold of ours, as plain facts for the oracle: from memory, or from Beancount.

A ledger is read by Beancount's own ``bean-query``, not by the adapter that wrote it.
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from counterfoil.effects import effect

if TYPE_CHECKING:
    from counterfoil.testing.memory import MemoryLedger, MemoryRecord

__all__ = ["Booking", "beancount_bookings", "memory_bookings"]

LIVE = frozenset({"draft", "posted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A record of ours in the books; amounts are signed, in major units, debit positive."""

    id: str
    entry_id: str
    part: str
    attempt: int
    state: str
    """draft, posted, voided, reversed, or reversal (the record that takes another one back)."""
    lines: tuple[tuple[str, Decimal, str], ...]
    """Account, amount, currency."""
    receipts: frozenset[str] = frozenset()
    """SHA-256 (hex) of its documents."""

    @property
    def live(self) -> bool:
        """Whether it counts."""
        return self.state in LIVE

    @property
    def reference(self) -> str:
        """Name it: ``ID/part``, and ``ID/part/2`` from the second attempt on."""
        tail = f"/{self.attempt}" if self.attempt > 1 else ""
        return f"{self.entry_id}/{self.part}{tail}"

    def per_account(self) -> dict[tuple[str, str], Decimal]:
        """Sum the lines by account and currency."""
        sums: dict[tuple[str, str], Decimal] = {}
        for account, amount, currency in self.lines:
            sums[account, currency] = sums.get((account, currency), Decimal(0)) + amount
        return sums

    def per_currency(self) -> dict[str, Decimal]:
        """Sum the lines by currency: nothing but zeros, where it balances."""
        sums: dict[str, Decimal] = {}
        for _, amount, currency in self.lines:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
        return sums


def memory_bookings(ledger: MemoryLedger) -> list[Booking]:
    """Return every record of books in memory."""
    return [_of_memory(record) for record in ledger.records]


def _of_memory(record: MemoryRecord) -> Booking:
    return Booking(
        id=record.id,
        entry_id=record.reference.entry_id,
        part=str(record.reference.part),
        attempt=record.reference.attempt,
        state="reversal" if record.reverses else str(record.state),
        lines=tuple((account, amount, record.entry.currency) for account, amount in record.lines),
        receipts=record.receipts,
    )


_META = (
    "filename",
    "lineno",
    "pleo_entry",
    "pleo_part",
    "pleo_attempt",
    "pleo_reverses",
    "pleo_receipts",
)
_COLUMNS = ", ".join([*(f"entry_meta('{key}')" for key in _META), "flag"])
_QUESTION = (
    f"SELECT {_COLUMNS}, account, number, currency FROM #postings "  # noqa: S608 -- no outside text
    "WHERE entry_meta('pleo_entry') ~ '.' OR entry_meta('pleo_reverses') ~ '.'"
)


def beancount_bookings(main: Path) -> list[Booking]:
    """Return every record of ours in a ledger, as Beancount reads it.

    A voided record is a comment and so is not among them. Raises CalledProcessError where
    ``bean-query`` cannot read the ledger.
    """
    rows = sorted(_ask(main), key=_place)
    found = [_of_ledger(list(group)) for _, group in groupby(rows, key=_place)]
    taken_back = {booking.reference for booking in found if booking.state == "reversal"}
    return [
        replace(booking, state="reversed")
        if booking.live and booking.reference in taken_back
        else booking
        for booking in found
    ]


def _ask(main: Path) -> list[list[str]]:
    with effect("oracle.query", str(main)):
        done = subprocess.run(  # noqa: S603 -- Beancount's own program, no shell
            [Path(sys.executable).parent / "bean-query", "-q", "-f", "csv", str(main), _QUESTION],
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONUTF8": "1", "BEANCOUNT_DISABLE_LOAD_CACHE": "1"},
        )
    rows = csv.reader(io.StringIO(done.stdout.decode("utf-8", "surrogateescape"), newline=""))
    return [[field.strip() for field in row] for row in rows][1:]


def _place(row: Sequence[str]) -> tuple[str, int]:
    return row[0], int(row[1])


def _of_ledger(rows: Sequence[Sequence[str]]) -> Booking:
    _, _, entry, part, attempt, reverses, receipts, flag, *_ = rows[0]
    if reverses:
        entry, part, attempt = [*reverses.split("/"), "1"][:3]
    booking = Booking(
        id="",
        entry_id=unquote(entry),
        part=part,
        attempt=int(attempt or 1),
        state="reversal" if reverses else "draft" if flag == "!" else "posted",
        lines=tuple(_lines(rows)),
        receipts=frozenset(re.findall(r"[0-9a-f]{64}", receipts)),
    )
    return replace(booking, id=booking.reference)


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[tuple[str, Decimal, str]]:
    for *_, account, number, currency in rows:
        yield account, Decimal(number or 0), currency

"""A book of hostile receipts: what comes, and what becomes of the expense, whatever the system."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from zlib import crc32

import pikepdf

from counterfoil.sandbox.model import Receipt
from counterfoil.testing.world import World

__all__ = ["Case", "book_of_hostile_receipts", "export_the_book", "huge_png", "pdf"]

HTML = b"<!DOCTYPE html>\n<html><body>Sorry, something went wrong.</body></html>"


@dataclass(frozen=True)
class Case:
    """An expense's receipts, and what becomes of it: documents in the books, or a failure type."""

    name: str
    receipts: Sequence[Receipt]
    documents: int = 0
    failure: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def pdf(number: int = 1, *, password: str | None = None) -> bytes:
    """Make a PDF of one page, told apart by its width."""
    made = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(100 + number, 100))
        lock = pikepdf.Encryption(user=password, owner=password) if password else False
        document.save(made, encryption=lock)
    return made.getvalue()


def huge_png() -> bytes:
    """Make a PNG that says it has 40,000 x 40,000 pixels: 4.8 GB when decoded."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))


@cache
def book_of_hostile_receipts() -> tuple[Case, ...]:
    """Give every case; systems are meant that take any number of documents of any type."""
    shared = Receipt(pdf(500))
    lost = "receipt_download_failure"
    named = {"supplier": {"name": "../../etc/\x00\u202epasswd\r\n: <CON>"}}
    return (
        Case("as announced", [Receipt(pdf())], documents=1),
        Case("truncated", [Receipt(pdf(2), announced=10_000)], failure=lost),
        Case("bigger than announced", [Receipt(pdf(3), announced=20)], failure=lost),
        Case("another type", [Receipt(HTML, "image/png")], failure=lost),
        Case("an error page with 200", [Receipt(HTML, "application/pdf")], failure=lost),
        Case("empty", [Receipt(b"")], failure=lost),
        Case("one of two is bad", [Receipt(pdf(4)), Receipt(HTML)], failure=lost),
        Case("needs a password", [Receipt(pdf(5, password="secret"))], documents=1),
        Case("a broken PDF", [Receipt(b"%PDF-1.7\nnothing of a PDF")], documents=1),
        Case("too many pixels", [Receipt(huge_png(), "image/png")], documents=1),
        Case("a hostile name", [Receipt(pdf(6))], documents=1, fields=named),
        Case("shared by two", [shared], documents=1),
        Case("shared by two, the other", [shared], documents=1),
        Case("thirty", [Receipt(pdf(10 + number)) for number in range(30)], documents=30),
    )


async def export_the_book(world: World) -> list[tuple[str, str | None]]:
    """Export all cases in one job, twice; return each case's name and what Pleo was told last.

    What is told is None for a success, else the failure type.
    """
    cases = book_of_hostile_receipts()
    entries = [
        world.company.add_item(receipts=case.receipts, account="6100", **case.fields)
        for case in cases
    ]
    await world.export()
    job = world.queue(*entries)
    await world.drain()
    rows = [world.item(job, entry) for entry in entries]
    return [
        (case.name, None if row.status == "successful" else str(row.failure_reason_type))
        for case, row in zip(cases, rows, strict=True)
    ]

"""Builders for tests that book into Tryton: options, the adapter entered, entries."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Entry, Line, LineTax, Part, Reference
from counterfoil.systems.contract import Booked, Found, RecordResult
from counterfoil.systems.tryton import Tryton, TrytonOptions
from counterfoil.systems.tryton.values import Setup
from tests.tryton.tryton_company import FALLBACK_PARTY, FIRST_YEAR, SERVICE
from tests.tryton.tryton_server import Database, today

__all__ = ["FIRST_YEAR", "Books", "booked", "day", "options", "tax"]


def options(database: Database, password: Path, /, **changes: Any) -> TrytonOptions:  # noqa: ANN401 -- options of any type
    """Return the options of the service user, with changes."""
    password.write_text(SERVICE[1], "utf-8")
    told: dict[str, Any] = {
        "url": database.url,
        "database": database.name,
        "user": SERVICE[0],
        "password": f"file:{password}",
        "fallback_party": FALLBACK_PARTY,
        **changes,
    }
    return TrytonOptions.model_validate({name: value for name, value in told.items() if value})


def day(month: int = 6, number: int = 10, *, year: int | None = None) -> dt.date:
    """Return a day of last year, which is open, or of another."""
    return dt.date(year or today().year - 1, month, number)


def tax(code: str, base: str, amount: str, rate: str = "0.2", type: str = "inclusive") -> LineTax:
    """Build a line's tax."""
    return LineTax(
        code=code, rate=Decimal(rate), base=Decimal(base), amount=Decimal(amount), type=type
    )


class Books:
    """The adapter, entered, and builders of entries on its chart."""

    def __init__(self, system: Tryton, chart: Chart) -> None:
        """Take both."""
        self.system = system
        self.chart = chart

    @classmethod
    @asynccontextmanager
    async def of(cls, chosen: TrytonOptions, base: Path) -> AsyncIterator[Books]:
        """Enter the adapter for a while."""
        async with Tryton(chosen, base) as system:
            assert await system.ready() == []
            yield cls(system, await system.chart())

    @property
    def setup(self) -> Setup:
        """How the adapter books."""
        inside = self.system._inside
        assert inside is not None
        return inside.setup

    def account(self, code: str) -> str:
        """Return an account's id by its code."""
        return self.chart.by_code[code].id

    def vendor(self, code: str) -> str:
        """Return a vendor's id by its code."""
        (vendor,) = self.chart.vendors_by["code", code.lower()]
        return vendor.id

    def line(self, code: str, amount: str, rule: str = "line-account", **more: Any) -> Line:  # noqa: ANN401 -- a line's fields
        """Build a line."""
        return Line(account=self.account(code), amount=Decimal(amount), rule=rule, **more)

    def entry(self, *lines: Line, **changes: Any) -> Entry:  # noqa: ANN401 -- an entry's fields
        """Build an entry; by default a card purchase of 12 pounds."""
        told: dict[str, Any] = {
            "reference": Reference(str(uuid.uuid4())),
            "date": day(),
            "currency": "GBP",
            "lines": lines or (self.line("6100", "12.00"), self.line("1800", "-12.00", "wallet")),
            "narration": "Taxi to the airport",
            "fingerprint": "f1",
            **changes,
        }
        return Entry(**told)

    def bill(self, *costs: Line, vendor: str = "V001", **changes: Any) -> Entry:  # noqa: ANN401 -- the same
        """Build a bill of a vendor's; by default of 100 pounds."""
        costs = costs or (self.line("6200", "100.00"),)
        total = sum((line.amount for line in costs), Decimal(0))
        owed = self.line("2000", str(-total), "vendor-payable")
        return self.entry(
            *(costs if total > 0 else ()),
            owed,
            *(costs if total < 0 else ()),
            **{
                "reference": Reference(
                    str(uuid.uuid4()), Part.BILL if total > 0 else Part.CREDIT_NOTE
                ),
                "vendor": self.vendor(vendor),
                "document_date": day(6, 1),
                "due_date": day(7, 1),
                **changes,
            },
        )

    def payment(self, amount: str = "100.00", vendor: str = "V001", **changes: Any) -> Entry:  # noqa: ANN401 -- the same
        """Build a payment to a vendor."""
        return self.entry(
            self.line("2000", amount, "vendor-payable"),
            self.line("1800", str(-Decimal(amount)), "wallet"),
            **{
                "reference": Reference(str(uuid.uuid4()), Part.PAYMENT),
                "vendor": self.vendor(vendor),
                **changes,
            },
        )

    async def record(self, *entries: Entry) -> list[RecordResult]:
        """Write entries."""
        return list(await self.system.record(entries))

    async def found(self, entry: Entry) -> Found:
        """Look the one record of an entry up."""
        (only,) = await self.every(entry)
        return only

    async def every(self, entry: Entry) -> Sequence[Found]:
        """Look all records of an entry's part up."""
        key = (entry.reference.entry_id, entry.reference.part)
        return (await self.system.find([key])).get(key, ())

    async def book(self, *entries: Entry) -> list[Found]:
        """Write entries that Tryton takes, and look them up."""
        assert await self.record(*entries) == booked(*entries)
        return [await self.found(entry) for entry in entries]


def booked(*entries: Entry) -> list[RecordResult]:
    """Return the results of entries that were all taken."""
    return [Booked(reference=entry.reference) for entry in entries]

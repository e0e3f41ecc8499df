"""Fresh books of the systems that ship, for the conformance kit."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ChartTax, ChartVendor, ClosedSpan
from counterfoil.errors import JobFailureType
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.conformance import FreshBook
from counterfoil.systems.contract import (
    AccountingSystem,
    Capabilities,
    EntryState,
    OtherPosting,
    Problem,
)
from counterfoil.testing.strict import StrictBooks, StrictLedger
from tests.beancount_programs import bean_query

CURRENCIES = ("EUR", "JPY", "KWD", "USD")


def memory_chart() -> Chart:
    """Return a chart with accounts, a tax code, a vendor, a dimension and a closed year."""
    accounts = ("6100", "1800", "2000", "2201")
    return Chart(
        accounts={
            id: ChartAccount(id=id, code=id, currencies=frozenset(CURRENCIES)) for id in accounts
        },
        taxes={"VAT20": ChartTax(code="VAT20", ingoing_account="2201")},
        vendors=(ChartVendor(id="V1", account="2000"),),
        dimensions={"team": frozenset({"ops"})},
        closed=(ClosedSpan(first=None, last=date(2025, 12, 31)),),
    )


def denied_ledger() -> StrictLedger:
    """Return a ledger that takes no key of ours."""
    denied = Problem(
        message="the books do not take the key",
        failure_type=JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
    )
    return StrictLedger(memory_chart(), problems=[denied])


class MemoryBook(FreshBook):
    """Books in memory; what people do, they do to the ledger itself."""

    debit, credit, payable, vendor = "6100", "1800", "2000", "V1"
    currencies = CURRENCIES
    unknown_currency = "XTS"
    closed_day = date(2025, 12, 31)
    dimension = ("team", "ops")
    tax = ("VAT20", Decimal("0.2"))

    capabilities: ClassVar[Capabilities | None] = None
    """What the books can do, if not everything."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ledger = StrictLedger(memory_chart())
        if self.capabilities is not None:
            self.ledger.capabilities = self.capabilities

    def open(self) -> AccountingSystem:
        return StrictBooks(self.ledger)

    @contextmanager
    def away(self) -> Iterator[None]:
        self.ledger.away = True
        yield
        self.ledger.away = False

    def open_denied(self) -> AccountingSystem:
        return StrictBooks(denied_ledger())

    async def balance(self, account: str) -> Decimal:
        final = (
            record
            for record in self.ledger.records
            if record.state in {EntryState.POSTED, EntryState.REVERSED}
        )
        return sum(
            (amount for record in final for id, amount in record.lines if id == account),
            Decimal(0),
        )

    async def text_of(self, id: str) -> str:
        record = self.ledger.by_id(id)
        details = record.entry.details.values()
        return " ".join([record.entry.payee, record.entry.narration, *details, *record.notes])

    async def person_posts(self, id: str) -> None:
        self.ledger.change(id, state=EntryState.POSTED)

    async def person_voids(self, id: str) -> None:
        self.ledger.change(id, state=EntryState.VOIDED)

    async def person_reverses(self, id: str) -> None:
        self.ledger.change(id, state=EntryState.REVERSED)

    async def person_edits(self, id: str, amount: Decimal) -> None:
        self.ledger.change(id, lines=((self.debit, amount), (self.credit, -amount)))

    async def person_removes(self, id: str) -> None:
        self.ledger.delete(id)

    async def person_books(self, amount: Decimal) -> None:
        self.ledger.others += [
            OtherPosting(
                account=account,
                amount=signed,
                currency="EUR",
                date=self.day,
                text="by hand",
                place="line 1",
            )
            for account, signed in ((self.debit, amount), (self.credit, -amount))
        ]


BIN = Path(sys.executable).parent
LEDGER = """\
2020-01-01 open Expenses:Travel EUR,JPY,KWD,USD
  code: "6100"
2020-01-01 open Assets:Wallet EUR,JPY,KWD,USD
  code: "1800"
2020-01-01 open Liabilities:AP:Acme EUR,JPY,KWD,USD
  vendor_code: "V001"
2020-01-01 open Assets:VAT EUR
  tax_codes: "VAT20"
"""


class BeancountBook(FreshBook):
    """A ledger with four accounts, in which people work with an editor."""

    debit, credit, payable = "Expenses:Travel", "Assets:Wallet", "Liabilities:AP:Acme"
    vendor = payable
    currencies = CURRENCIES
    unknown_currency = "XTS"
    unknown_account = "Expenses:No:Such"
    closed_day = date(2019, 12, 31)
    dimension = ("team", "ops")
    tax = ("VAT20", Decimal("0.2"))
    # Neither do these change what another process sees: a private folder, a time, what fsync does.
    reads = frozenset(
        {
            "beancount.check",
            "beancount.query",
            "beancount.scratch",
            "beancount.start",
            "beancount.end",
        }
        | {"beancount.sync_folder", "beancount.touch"}
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.main = folder / "books" / "main.beancount"
        self.main.parent.mkdir()
        self.main.write_text(LEDGER)

    def open(self) -> AccountingSystem:
        books = Beancount(BeancountOptions(ledger=self.main), self.folder)
        books._session.patience = 0.1
        return books

    async def balance(self, account: str) -> Decimal:
        rows = self._ask(
            f"select number where account = '{account}' and currency = 'EUR' and flag = '*'"
        )
        return sum((Decimal(number) for (number,) in rows), Decimal(0))

    async def text_of(self, id: str) -> str:
        rows = self._ask(
            "select payee, narration, any_meta('note') "
            f"where entry_meta('pleo_entry') = '{id.partition('/')[0]}'"
        )
        return " ".join([*map(" ".join, rows), self._month().read_text()])

    async def person_posts(self, id: str) -> None:
        self._edit(id, lambda block: block.replace(" ! ", " * ", 1))

    async def person_voids(self, id: str) -> None:
        self._edit(
            id, lambda block: block.replace("  pleo_part", "  pleo_voided: TRUE\n  pleo_part")
        )

    async def person_reverses(self, id: str) -> None:
        day = self.day.isoformat()
        with self._month().open("a") as file:
            file.write(
                f'\n{day} * "Taken back"\n  pleo_reverses: "{id}"\n'
                f"  {self.credit}  123.45 EUR\n  {self.debit}  -123.45 EUR\n"
            )

    async def person_edits(self, id: str, amount: Decimal) -> None:
        self._edit(id, lambda block: block.replace("123.45", str(amount)))

    async def person_removes(self, id: str) -> None:
        self._edit(id, lambda _: "")

    async def person_books(self, amount: Decimal) -> None:
        with self.main.open("a") as file:
            file.write(f'\n{self.day} * "By hand"\n  {self.debit}  {amount} EUR\n  {self.credit}\n')

    def lost(self) -> Exception:
        return OSError(errno.ENOSPC, "No space left on device")

    def _month(self) -> Path:
        return self.main.parent / "counterfoil" / f"{self.day:%Y-%m}.beancount"

    def _edit(self, id: str, change: Callable[[str], str]) -> None:
        named = f'pleo_entry: "{id.partition("/")[0]}"'
        blocks = self._month().read_text().split("\n\n")
        assert sum(named in block for block in blocks) == 1
        changed = (change(block) if named in block else block for block in blocks)
        self._month().write_text("\n\n".join(changed))

    def _ask(self, query: str) -> list[list[str]]:
        return bean_query(self.main, query)

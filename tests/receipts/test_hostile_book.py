"""The book of hostile receipts ends as stated: in memory, and in a Beancount ledger."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.contract import AccountingSystem
from counterfoil.testing.world import SETTINGS, World
from tests.beancount_programs import bean_check
from tests.receipts.hostile_book import book_of_hostile_receipts, export_the_book

pytestmark = pytest.mark.slow

STATED = [(case.name, case.failure) for case in book_of_hostile_receipts()]
LEDGER = "\n".join(
    f'2020-01-01 open {name}\n  code: "{code}"'
    for name, code in [
        ("Assets:Wallet", "1800"),
        ("Assets:Contra", "1899"),
        ("Liabilities:Payable", "2000"),
        ("Liabilities:Employees", "2900"),
        ("Expenses:Travel", "6100"),
    ]
)


class LedgerWorld(World):
    """A world whose books are a Beancount ledger."""

    def __init__(self, main: Path) -> None:
        super().__init__(settings=replace(SETTINGS, posting=PostingMode.FINAL))
        self.main = main
        main.write_text(LEDGER)

    def books(self) -> AccountingSystem:
        return Beancount(BeancountOptions(ledger=self.main), self.main.parent)


def kept(folder: Path) -> Counter[str]:
    """Count the documents beside a ledger, by content."""
    files = [path for path in (folder / "documents").rglob("*") if path.is_file()]
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def wanted() -> Counter[str]:
    """Count the receipts of what is booked, by content."""
    return Counter(
        hashlib.sha256(receipt.data).hexdigest()
        for case in book_of_hostile_receipts()
        if case.failure is None
        for receipt in case.receipts
    )


async def test_in_memory() -> None:
    async with World() as world:
        assert await export_the_book(world) == STATED
        booked = [len(record.receipts) for record in world.ledger.records]
    assert sorted(booked) == sorted(
        case.documents for case in book_of_hostile_receipts() if case.failure is None
    )


async def test_in_a_ledger(tmp_path: Path) -> None:
    async with LedgerWorld(tmp_path / "main.beancount") as world:
        assert await export_the_book(world) == STATED
    assert bean_check(tmp_path / "main.beancount") == ""
    assert kept(tmp_path).keys() == wanted().keys()
    assert all(path.is_relative_to(tmp_path) for path in _everything(tmp_path))


def _everything(folder: Path) -> list[Path]:
    return [path.resolve() for path in folder.rglob("*")]

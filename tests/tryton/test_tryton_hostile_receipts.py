"""The book of hostile receipts ends in Tryton as it does in the other systems."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from counterfoil.systems.contract import AccountingSystem
from counterfoil.systems.tryton import Tryton
from counterfoil.testing.world import World
from tests.receipts.hostile_book import Case, book_of_hostile_receipts, export_the_book
from tests.tryton.tryton_books import options
from tests.tryton.tryton_server import Database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class TrytonWorld(World):
    """A world whose books are a Tryton database."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self.options = options(database, folder / "password")
        self.folder = folder

    def books(self) -> AccountingSystem:
        return Tryton(self.options, self.folder)


def booked() -> list[Case]:
    return [case for case in book_of_hostile_receipts() if case.failure is None]


async def test_every_case_ends_as_stated_and_its_documents_are_whole(
    database: Database, tmp_path: Path
) -> None:
    async with TrytonWorld(database, tmp_path) as world:
        told = await export_the_book(world)
    assert told == [(case.name, case.failure) for case in book_of_hostile_receipts()]
    held = database.service().read("ir.attachment", [], "name", "data", "resource")
    assert sorted(Counter(each["resource"] for each in held).values()) == sorted(
        case.documents for case in booked()
    )
    assert Counter(hashlib.sha256(each["data"]).digest() for each in held) == Counter(
        hashlib.sha256(receipt.data).digest() for case in booked() for receipt in case.receipts
    )
    # What a hostile supplier is called reaches no name as a path, a control or a turned direction.
    assert all(each["name"].isprintable() and "/" not in each["name"] for each in held)

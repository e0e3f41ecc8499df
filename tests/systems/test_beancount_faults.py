"""A disk that fails, and effects that go past the gate."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.systems.contract import Booked, BooksNotReady, Unknown
from tests.gate.plugin import Gate
from tests.systems.ledgers import COFFEE, TAXI, LedgerFolder, document, entry, look_up, only

pytestmark = pytest.mark.slow

APRIL = entry().date.replace(month=4)


@dataclass
class DiskFull:
    """Fails an effect on a file, every time or only after it happened."""

    name: str
    ending: str
    late: bool = False
    times: int = 1

    def before(self, effect: Effect) -> None:
        """Fail before the effect."""
        self._fail(effect, late=False)

    def after(self, effect: Effect) -> None:
        """Fail after the effect."""
        self._fail(effect, late=True)

    def _fail(self, effect: Effect, *, late: bool) -> None:
        matches = effect.name == self.name and effect.target.endswith(self.ending)
        if matches and late == self.late and self.times:
            self.times -= 1
            raise OSError(errno.ENOSPC, "No space left on device", effect.target)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("beancount.write", ".pdf"),
        ("beancount.write", "index.beancount"),
        ("beancount.write", "main.beancount"),
        ("beancount.write", "2026-04.beancount"),
        ("beancount.replace", "2026-03.beancount"),
    ],
)
async def test_nothing_is_booked_when_the_disk_is_full(
    ledger: LedgerFolder, tmp_path: Path, name: str, ending: str
) -> None:
    entries = [entry(documents=(document(tmp_path),)), entry(TAXI, day=APRIL)]
    async with ledger.books() as books:
        with observe(DiskFull(name, ending)), pytest.raises(BooksNotReady) as caught:
            await books.record(entries)
        assert "No space left on device" in str(caught.value)
        assert f"{ledger.main} was left as it is" in str(caught.value)
        assert await look_up(books) == []
        assert not [name for name in ledger.files() if name.endswith("counterfoil-tmp")]
        results = await books.record(entries)
        assert all(isinstance(result, Booked) for result in results)
    assert ledger.errors() == ""


async def test_what_a_failing_disk_leaves_open_is_unknown_until_it_is_looked_up(
    ledger: LedgerFolder,
) -> None:
    entries = [entry(COFFEE), entry(TAXI, day=APRIL)]
    async with ledger.books() as books:
        with observe(DiskFull("beancount.replace", "2026-04.beancount")):
            booked, unknown = await books.record(entries)
        assert isinstance(booked, Booked)
        assert isinstance(unknown, Unknown)
        assert "No space left" in unknown.why
        assert (await only(books, COFFEE)).id == f"{COFFEE}/entry"
        assert await look_up(books, TAXI) == []
        assert await books.record(entries) == [
            Booked(reference=entries[0].reference),
            Booked(reference=entries[1].reference),
        ]
    assert ledger.errors() == ""
    assert ledger.month.read_text().count("pleo_entry") == 1


async def test_a_folder_that_cannot_be_made_is_said(ledger: LedgerFolder) -> None:
    (ledger.root / "counterfoil").write_text("in the way")
    async with ledger.books() as books:
        (found,) = await books.ready()
        assert f"cannot write in {ledger.root}" in found.message
        with pytest.raises(BooksNotReady):
            await books.record([entry()])


async def test_every_kind_of_change_goes_through_the_gate(
    ledger: LedgerFolder, tmp_path: Path, gate: Gate
) -> None:
    receipts = [document(tmp_path, bytes([number])) for number in range(2)]
    async with ledger.books() as books:
        await books.ready()
        await books.record([entry(documents=(receipts[0],)), entry(TAXI)])
        await books.attach(f"{COFFEE}/entry", receipts[1])
        await books.post([f"{COFFEE}/entry"])
        await books.void(f"{TAXI}/entry")
        await books.reverse(f"{COFFEE}/entry", APRIL)
        assert await books.check() == []
    assert gate.escapes() == []

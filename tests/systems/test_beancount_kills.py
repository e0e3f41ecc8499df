"""Killed anywhere, the ledger parses, and the next run ends in the same place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.effects import Effect, observe
from counterfoil.systems.contract import Booked
from tests.systems.ledgers import COFFEE, HOTEL, MAIN, TAXI, LedgerFolder, document, entry, look_up

CHANGING = {
    "beancount.lock",
    "beancount.write",
    "beancount.replace",
    "beancount.sync_folder",
    "beancount.make_folder",
    "beancount.discard",
}
LASTING = {"beancount.replace", "beancount.make_folder"}


class Killed(BaseException):
    """The process dies here; nothing catches it."""


@dataclass
class KillOnce:
    """Kills before or after the first effect that it has not killed at yet."""

    done: set[tuple[str, str, str]] = field(default_factory=set)

    def before(self, effect: Effect) -> None:
        """Kill before the effect."""
        self._kill("before", effect)

    def after(self, effect: Effect) -> None:
        """Kill after the effect."""
        self._kill("after", effect)

    def _kill(self, when: str, effect: Effect) -> None:
        point = (when, effect.name, effect.target)
        # What follows another effect at once is killed before that one.
        matters = effect.name in CHANGING if when == "before" else effect.name in LASTING
        if matters and point not in self.done:
            self.done.add(point)
            raise Killed


def batch(tmp_path: Path) -> list[Entry]:
    """Return entries of two months, one with a receipt."""
    receipt = document(tmp_path, b"receipt")
    return [
        entry(COFFEE, documents=(receipt,)),
        entry(TAXI),
        entry(HOTEL, day=entry().date.replace(month=4)),
    ]


async def run(ledger: LedgerFolder, entries: list[Entry]) -> None:
    """Do what an export does: look up, book what is absent."""
    async with ledger.books() as books:
        assert await books.ready() == []
        absent = [each for each in entries if not await look_up(books, each.reference.entry_id)]
        assert all(isinstance(result, Booked) for result in await books.record(absent))


def held(ledger: LedgerFolder) -> dict[str, str]:
    """Return the text of every file but for the times."""
    return {
        name: "\n".join(
            line
            for line in (ledger.root / name).read_text().split("\n")
            if "pleo_booked_at" not in line
        )
        for name in ledger.files()
    }


@pytest.mark.slow
@pytest.mark.reliability
async def test_killed_at_every_effect_in_turn_it_ends_the_same(tmp_path: Path) -> None:
    entries = batch(tmp_path)
    undisturbed = LedgerFolder(tmp_path / "undisturbed")
    disturbed = LedgerFolder(tmp_path / "disturbed")
    for ledger in (undisturbed, disturbed):
        ledger.root.mkdir()
        ledger.main.write_text(MAIN)
    await run(undisturbed, entries)
    killer = KillOnce()
    runs = 0
    with observe(killer):
        while True:
            runs += 1
            try:
                await run(disturbed, entries)
                break
            except Killed:
                continue
    assert runs > 15
    assert disturbed.errors() == ""
    assert held(disturbed) == held(undisturbed)

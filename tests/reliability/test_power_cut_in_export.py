"""A power cut in the middle of a whole export: the next one books each expense once.

Real parts: the engine, a sandbox on real HTTP, SQLite, and a Beancount ledger. The process dies at
an effect on the ledger; of what was not durable in its folder, nothing is there afterwards.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from counterfoil.effects import observe
from counterfoil.sandbox.model import Receipt
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.contract import AccountingSystem
from counterfoil.testing.oracle import Expected, beancount_bookings, violations
from counterfoil.testing.world import World
from tests.reliability.crashing import Recording, bare, heard_by
from tests.systems.ledgers import LedgerFolder
from tests.systems.powercut import Death, Killed, faults
from tests.systems.remembering import remembered_answers

pytestmark = [pytest.mark.slow, pytest.mark.reliability, pytest.mark.timeout(300)]

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
LEDGER = "".join(
    f'2020-01-01 open {name}\n  code: "{code}"\n'
    for name, code in {
        "Assets:Wallet": "1800",
        "Assets:Contra": "1899",
        "Liabilities:Payable": "2000",
        "Liabilities:Employees": "2900",
        "Expenses:Travel": "6100",
    }.items()
)


class LedgerWorld(World):
    """A world whose books are a Beancount ledger in a folder."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        self.folder = LedgerFolder(root)
        self.folder.main.write_text(LEDGER)
        self.opened: list[Beancount] = []
        self.company.add_item(value=1200)
        self.company.add_item(receipts=[Receipt(PDF, "application/pdf")])
        self.company.add_item(method="accounts_payable")
        self.job = self.queue()

    def books(self) -> AccountingSystem:
        books = Beancount(BeancountOptions(ledger=self.folder.main), self.folder.root)
        self.opened.append(books)
        return books

    async def killed(self, number: int) -> Recording | None:
        """Export, killed before effect ``number`` on the ledger; None if there are not so many."""
        recording = Recording(self.folder.root)
        death = Death(self.folder.root, number)
        with recording, observe(death), heard_by(death.happening), suppress(Killed):
            await self.drain()
        for books in self.opened:
            books._session._lock.release()
        return recording if death.dead else None

    def power_fails(self, recording: Recording) -> None:
        """Leave of the ledger's folder what was durable, and nothing else."""
        shutil.rmtree(self.folder.root)
        bare(recording).lay_out(self.folder.root)

    async def wrong(self) -> list[str]:
        """Return what is wrong in the end, by Beancount and by the oracle."""
        booked = beancount_bookings(self.folder.main)
        told = violations(self.state, booked, expected=Expected(receipts=True), ended=True)
        return [*await faults(self.folder), *told]


SHARES = 3


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("register", ["kept", "lost"])
async def test_the_next_export_ends_as_if_nothing_had_happened(
    tmp_path: Path, share: int, register: str
) -> None:
    number = share
    with remembered_answers():
        while True:
            async with LedgerWorld(tmp_path / "books") as world:
                recording = await world.killed(number)
                if recording is None:
                    break
                world.power_fails(recording)
                if register == "lost":
                    world.lose_register()
                    world.state.close(world.job)
                    world.queue()
                await world.drain()
                assert await world.wrong() == [], f"killed before effect {number}"
            number += SHARES
    assert number > 20

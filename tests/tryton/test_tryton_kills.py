"""The process is killed at each effect of an export into Tryton; the next run ends the same.

Real parts: the command in a process of its own, SIGKILL, a sandbox on real HTTP, Tryton on
PostgreSQL. What is only read in Tryton is not killed at: nothing happens between two such effects.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterfoil.sandbox.model import Receipt
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import State
from tests.reliability.killed import Ended, run_ready
from tests.tryton.tryton_exports import configure
from tests.tryton.tryton_server import Database, Tryton

pytestmark = [pytest.mark.slow, pytest.mark.reliability, pytest.mark.timeout(900)]

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
READS = {"tryton.load", "tryton.login", "tryton.read"}
SHARES = 12
"""How many tests the sweep is cut into, so that they can run beside each other."""


class Desk:
    """One company's Pleo and configuration, its books in Tryton, and the command."""

    def __init__(self, folder: Path, state: State, url: str, database: Database) -> None:
        self.folder = folder
        self.state = state
        self.database = database
        self.company = state.add_company()
        self.entries = [
            self.company.add_item(),
            self.company.add_item(),
            self.company.add_item(
                method="accounts_payable", receipts=[Receipt(PDF, "application/pdf")]
            ),
        ]
        self.job = state.queue_job(self.company.id)
        configure(folder, url, self.company, database)

    def run(self, when: str = "never", number: int = 0) -> Ended:
        """Run the command; killed at an effect if told so."""
        return run_ready(when, number, ["run", "--once"], self.folder, os.environ)

    def check(self) -> None:
        """Ask Tryton itself: each part once, posted, settled, its receipt there once."""
        rpc = self.database.service()
        moves = rpc.read("account.move", [["external_id", "!=", None]], "external_id", "state")
        bills = rpc.read("account.invoice", [], "external_id", "state")
        held = Counter((row["external_id"], row["state"]) for row in (*moves, *bills))
        first, second, owed = self.entries
        assert held == {
            (f"{first}/entry", "posted"): 1,
            (f"{second}/entry", "posted"): 1,
            (f"{owed}/bill", "paid"): 1,
            (f"{owed}/payment", "posted"): 1,
        }
        assert len(rpc.read("account.move", [], "id")) == len(moves) + len(bills)
        assert len(rpc.read("ir.attachment", [], "id")) == 1
        job = self.state.job(self.job)
        assert job.status == "completed"
        assert {item.status for item in job.items.values()} == {"successful"}
        assert self.state.count("event", "started", self.job) == 1
        assert self.state.count("event", "completed", self.job) == 1


@contextmanager
def set_up(folder: Path, tryton: Tryton) -> Iterator[Desk]:
    """Set up one company for a while."""
    folder.mkdir()
    state = State()
    with SandboxServer(state) as server, tryton.database() as database:
        yield Desk(folder, state, server.url, database)


@pytest.fixture(scope="module")
def effects(tryton: Tryton, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """List the effects of a whole run, in order."""
    with set_up(tmp_path_factory.mktemp("whole") / "desk", tryton) as desk:
        done = desk.run("list")
        assert done.returncode == 0, done.stdout + done.stderr
        desk.check()
    lines = [line for line in done.stderr.splitlines() if line.startswith("effect ")]
    return [line.removeprefix("effect ") for line in lines]


def moments(effects: list[str]) -> list[tuple[str, int]]:
    """Give each moment to kill at: before the first effect that changes something, after each."""
    changes = [number for number, name in enumerate(effects, 1) if name not in READS]
    return [("before", changes[0]), *(("after", number) for number in changes)]


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_any_effect_it_ends_the_same(
    tryton: Tryton, tmp_path: Path, effects: list[str], share: int
) -> None:
    for when, number in moments(effects)[share::SHARES]:
        with set_up(tmp_path / f"{number} {when}", tryton) as desk:
            at = f"{when} {effects[number - 1]}"
            assert desk.run(when, number).returncode == -9, at
            again = desk.run()
            assert again.returncode == 0, (at, again.stdout, again.stderr)
            desk.check()


def test_a_register_that_is_lost_books_nothing_twice(
    tryton: Tryton, tmp_path: Path, effects: list[str]
) -> None:
    """Killed after the books were written, register deleted, exported again in a new job."""
    written = len(effects) - effects[::-1].index("tryton.press")
    with set_up(tmp_path / "desk", tryton) as desk:
        assert desk.run("after", written).returncode == -9
        for file in desk.folder.glob("counterfoil.db*"):
            if file.is_file():
                file.unlink()
        desk.state.close(desk.job)
        desk.job = desk.state.queue_job(desk.company.id)
        again = desk.run()
        assert again.returncode == 0, again.stdout + again.stderr
        desk.check()

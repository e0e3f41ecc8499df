"""The process is killed after each of its effects; the next run ends the same.

Real parts: the command in a process of its own, SIGKILL, a sandbox on real HTTP, SQLite, and a
Beancount ledger that Beancount itself judges and reads.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.sandbox.model import Receipt
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import State

pytestmark = pytest.mark.slow

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
BIN = Path(sys.executable).parent
LEDGER = "\n".join(
    f'2020-01-01 open {name}\n  code: "{code}"'
    for name, code in [
        ("Assets:Wallet", "1800"),
        ("Liabilities:Employees", "2900"),
        ("Assets:Contra", "1899"),
        ("Liabilities:Payable", "2000"),
        ("Expenses:Travel", "6100"),
    ]
)
CONFIG = """
[pleo]
base_url = "{url}"
api_key = "env:PLEO_API_KEY"

[register]
url = "sqlite:///counterfoil.db"

[[connection]]
name = "acme"
company_id = "{company}"
system = "beancount"

[connection.options]
ledger = "books/main.beancount"

[connection.accounts]
wallet = "1800"
out_of_pocket = "2900"
contra = "1899"
payable = "2000"
"""


class Desk:
    """One company's Pleo, books and configuration, and the command that joins them."""

    def __init__(self, folder: Path, state: State, url: str) -> None:
        self.folder = folder
        self.state = state
        self.company = state.add_company()
        self.entries = [
            self.company.add_item(),
            self.company.add_item(),
            self.company.add_item(value=1200),
            self.company.add_item(method="accounts_payable", receipts=[receipt()]),
        ]
        self.job = state.queue_job(self.company.id)
        (folder / "books").mkdir()
        self.ledger = folder / "books" / "main.beancount"
        self.ledger.write_text(LEDGER)
        text = CONFIG.format(url=url, company=self.company.id)
        (folder / "counterfoil.toml").write_text(text)

    def run(self, when: str = "never", number: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command; killed at an effect if told so."""
        child = Path(__file__).with_name("killed.py")
        return subprocess.run(
            [sys.executable, str(child), when, str(number), "run", "--once"],
            cwd=self.folder,
            env={**os.environ, "PLEO_API_KEY": self.company.api_key},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def booked(self) -> Counter[str]:
        """Count the postings that Beancount reads, by what they book."""
        query = (
            "SELECT entry_meta('pleo_entry') AS e, entry_meta('pleo_part') AS p, account, number"
            " WHERE entry_meta('pleo_entry') ~ '.'"
        )
        found = subprocess.run(
            [BIN / "bean-query", "-f", "csv", str(self.ledger), query],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = csv.DictReader(io.StringIO(found.stdout))
        return Counter(f"{row['e']}/{row['p']} {row['account']}" for row in rows)

    def check(self) -> None:
        """Ask the oracle: each part booked once, Pleo told the truth, the book in order."""
        judged = subprocess.run(
            [BIN / "bean-check", str(self.ledger)], capture_output=True, text=True, check=False
        )
        assert judged.returncode == 0, judged.stdout + judged.stderr
        accounts = {
            "entry": ["Expenses:Travel", "Assets:Wallet"],
            "bill": ["Expenses:Travel", "Liabilities:Payable"],
            "payment": ["Liabilities:Payable", "Assets:Wallet"],
        }
        parts = [(entry, "entry") for entry in self.entries[:3]]
        parts += [(self.entries[3], "bill"), (self.entries[3], "payment")]
        wanted = {f"{entry}/{part} {name}": 1 for entry, part in parts for name in accounts[part]}
        assert self.booked() == wanted
        job = self.state.job(self.job)
        assert job.status == "completed"
        assert {item.status for item in job.items.values()} == {"successful"}
        assert self.state.count("event", "started", self.job) == 1
        assert self.state.count("event", "completed", self.job) == 1
        assert len(list(self.folder.glob("books/documents/**/*.pdf"))) == 1


def receipt() -> Receipt:
    """Build a receipt."""
    return Receipt(PDF, "application/pdf")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Set up one company."""
    state = State()
    with SandboxServer(state) as server:
        yield Desk(tmp_path, state, server.url)


@pytest.fixture(scope="session")
def effects(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """List the effects of a whole run, in order."""
    state = State()
    with SandboxServer(state) as server:
        desk = Desk(tmp_path_factory.mktemp("desk"), state, server.url)
        done = desk.run("list")
        desk.check()
    return [
        line.removeprefix("effect ")
        for line in done.stderr.splitlines()
        if line.startswith("effect ")
    ]


SHARES = 24
"""How many tests the sweep is cut into, so that they can run beside each other."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_after_any_effect_it_ends_the_same(
    tmp_path: Path, effects: list[str], share: int
) -> None:
    """Nothing happens outside between two effects: after one is before the next."""
    for number, name in list(enumerate(effects, 1))[share::SHARES]:
        state = State()
        folder = tmp_path / str(number)
        folder.mkdir()
        with SandboxServer(state) as server:
            desk = Desk(folder, state, server.url)
            assert desk.run("after", number).returncode == -9, name
            again = desk.run()
            assert again.returncode == 0, (name, again.stdout, again.stderr)
            desk.check()


def test_a_second_run_books_nothing(desk: Desk) -> None:
    assert desk.run().returncode == 0
    desk.check()
    assert desk.run().returncode == 0
    desk.check()


def test_a_register_lost_half_way_books_nothing_twice(desk: Desk, effects: list[str]) -> None:
    """Killed after the books were written, register deleted, exported again in a new job."""
    written = effects.index("register.settle") + 1
    assert desk.run("before", written).returncode == -9
    for file in desk.folder.glob("counterfoil.db*"):
        if file.is_file():
            file.unlink()
    desk.state.close(desk.job)
    desk.job = desk.state.queue_job(desk.company.id)
    assert desk.run().returncode == 0
    desk.check()

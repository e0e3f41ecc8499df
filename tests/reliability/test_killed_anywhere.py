"""The process is killed before and after each of its effects; the next run ends the same.

Real parts: the command in a process of its own, SIGKILL, a sandbox on real HTTP, a register in an
SQLite file and one on PostgreSQL, and a Beancount ledger that Beancount itself judges and reads.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path

import pytest

from counterfoil.sandbox.model import Receipt
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import State
from tests.beancount_programs import bean_check, bean_query
from tests.postgres import PostgresServer
from tests.reliability.killed import Ended, run_ready

pytestmark = [pytest.mark.slow, pytest.mark.reliability]

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
url = "{register}"

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

    def __init__(self, folder: Path, state: State, url: str, register: str) -> None:
        self.folder = folder
        self.state = state
        self.url = url
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
        self.use_register(register)

    def use_register(self, register: str) -> None:
        """Write the configuration, with the register at a URL."""
        text = CONFIG.format(url=self.url, company=self.company.id, register=register)
        (self.folder / "counterfoil.toml").write_text(text)

    def run(self, when: str = "never", number: int = 0) -> Ended:
        """Run the command; killed at an effect if told so."""
        key = {"PLEO_API_KEY": self.company.api_key}
        return run_ready(when, number, ["run", "--once"], self.folder, key)

    def booked(self) -> Counter[str]:
        """Count the postings that Beancount reads, by what they book."""
        query = (
            "SELECT entry_meta('pleo_entry') AS e, entry_meta('pleo_part') AS p, account"
            " WHERE entry_meta('pleo_entry') ~ '.'"
        )
        found = bean_query(self.ledger, query)
        return Counter(f"{entry}/{part} {account}" for entry, part, account in found)

    def check(self) -> None:
        """Ask the oracle: each part booked once, Pleo told the truth, the book in order."""
        assert bean_check(self.ledger) == ""
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


Place = Callable[[], AbstractContextManager[str]]
"""Makes an empty register for a while, and gives its URL."""


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Say which database keeps the register."""
    return str(request.param)


@pytest.fixture
def place(kind: str, request: pytest.FixtureRequest) -> Place:
    """Give empty registers."""
    if kind == "sqlite":
        numbers = count()
        return lambda: nullcontext(f"sqlite:///counterfoil{next(numbers)}.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return lambda: server.database(server.template)


@contextmanager
def set_up(folder: Path, place: Place) -> Iterator[Desk]:
    """Set up one company for a while."""
    state = State()
    folder.mkdir()
    with SandboxServer(state) as server, place() as register:
        yield Desk(folder, state, server.url, register)


@pytest.fixture
def desk(tmp_path: Path, place: Place) -> Iterator[Desk]:
    """Set up one company."""
    with set_up(tmp_path / "desk", place) as desk:
        yield desk


@pytest.fixture(scope="session")
def known() -> dict[str, list[str]]:
    """Remember the effects of a whole run, by the kind of its register."""
    return {}


@pytest.fixture
def effects(known: dict[str, list[str]], kind: str, place: Place, tmp_path: Path) -> list[str]:
    """List the effects of a whole run, in order."""
    if kind not in known:
        with set_up(tmp_path / "whole", place) as desk:
            done = desk.run("list")
            desk.check()
        lines = [line for line in done.stderr.splitlines() if line.startswith("effect ")]
        known[kind] = [line.removeprefix("effect ") for line in lines]
    return known[kind]


def moments(kind: str, effects: Sequence[str]) -> list[tuple[str, int]]:
    """Give every moment to kill at: after an effect is as good as before the next one.

    Nothing happens outside between the two. So one register is killed before each and after the
    last effect, and the other before the first and after each.
    """
    if kind == "sqlite":
        return [
            *(("before", number) for number, _ in enumerate(effects, 1)),
            ("after", len(effects)),
        ]
    return [("before", 1), *(("after", number) for number, _ in enumerate(effects, 1))]


SHARES = 24
"""How many tests each sweep is cut into, so that they can run beside each other."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_any_effect_it_ends_the_same(
    kind: str,
    place: Place,
    tmp_path: Path,
    effects: Sequence[str],
    share: int,
    record_property: Callable[[str, int], None],
) -> None:
    chosen = moments(kind, effects)[share::SHARES]
    record_property("kills", len(chosen))
    for when, number in chosen:
        with set_up(tmp_path / f"{number} {when}", place) as desk:
            at = f"{when} {effects[number - 1]}"
            assert desk.run(when, number).returncode == -9, at
            again = desk.run()
            assert again.returncode == 0, (at, again.stdout, again.stderr)
            desk.check()


def test_a_second_run_books_nothing(desk: Desk) -> None:
    assert desk.run().returncode == 0
    desk.check()
    assert desk.run().returncode == 0
    desk.check()


def test_a_register_lost_half_way_books_nothing_twice(
    desk: Desk, place: Place, effects: Sequence[str]
) -> None:
    """Killed after the books were written, register lost, exported again in a new job."""
    written = effects.index("register.settle") + 1
    assert desk.run("before", written).returncode == -9
    with place() as another:
        desk.use_register(another)
        desk.state.close(desk.job)
        desk.job = desk.state.queue_job(desk.company.id)
        assert desk.run().returncode == 0
        desk.check()

"""The example adapter keeps the contract; as a package of its own it is found by entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.settings import Accounts, Settings
from counterfoil.systems.contract import AccountingSystem, EntryState
from counterfoil.testing.world import World
from examples.sqlbooks.tests.test_sqlbooks import SqlBook
from examples.sqlbooks.tests.test_sqlbooks import TestSqlBooks as Kit

CONFIGURATION = """
[pleo]
environment = "staging"
api_key = "env:PLEO_API_KEY"

[[connection]]
name = "acme"
company_id = "12abc3d4-e567-890e-1234-abc56e78fabc"
system = "sqlbooks"
options = { database = "books.sqlite" }
accounts = { wallet = "1800" }
"""


def test_the_page_shows_the_adapter_as_it_is(root: Path) -> None:
    page = (root / "docs/write-an-adapter.md").read_text()
    shown = re.findall(r'```python title="(\S+)"\n(.*?)```', page, re.DOTALL)
    example = root / "examples/sqlbooks"
    adapter = (example / "src/sqlbooks.py").read_text()
    book = (example / "tests/test_sqlbooks.py").read_text()
    assert dict(shown)["sqlbooks.py"] == adapter
    assert dict(shown)["test_sqlbooks.py"].split('"""')[1] == book.split('"""')[3]
    assert len(adapter.splitlines()) < 150


class SqlWorld(World):
    """A local Pleo whose expenses are booked in an SQLite database."""

    def __init__(self, book: SqlBook) -> None:
        super().__init__(settings=Settings(accounts=Accounts(wallet="1800", payable="2000")))
        self.book = book

    def books(self) -> AccountingSystem:
        return self.book.open()


@pytest.mark.slow
async def test_an_export_books_each_expense_in_it_once(tmp_path: Path) -> None:
    book = SqlBook(tmp_path)
    async with SqlWorld(book) as world:
        expense = world.company.add_item(value=1200, account="6100")
        (first,) = await world.export()
        world.lose_register()
        (second,) = await world.export(expense)
    assert [first.outcome, second.outcome] == ["completed", "completed"]
    async with book.open() as books:
        (found,) = (await books.find([(expense, Part.ENTRY)]))[expense, Part.ENTRY]
    assert found.state is EntryState.DRAFT
    assert dict(found.lines) == {"6100": Decimal(12), "1800": Decimal(-12)}


@pytest.mark.slow
class TestSqlBooks(Kit):
    """The whole kit, as the example runs it."""


@pytest.fixture
def installed(tmp_path: Path, root: Path) -> dict[str, str]:
    """Install the example as others would, beside Counterfoil, and give the environment."""
    place = tmp_path / "installed"
    source = root / "examples" / "sqlbooks"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", place, source],
        check=True,
        capture_output=True,
    )
    paths = [str(place), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PLEO_API_KEY": "x"}


@pytest.mark.slow
def test_an_installed_adapter_is_found_by_its_name(
    installed: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "counterfoil.toml").write_text(CONFIGURATION)
    book = SqlBook(tmp_path)
    assert book.database.name == "books.sqlite"
    program = (
        "import os; from pathlib import Path; from counterfoil.config import load\n"
        "config = load(Path('counterfoil.toml'), os.environ)\n"
        "print(config.connections[0].open_books().target)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=installed,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == f"sqlbooks:{book.database}"

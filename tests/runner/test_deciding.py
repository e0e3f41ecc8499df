"""A person decides, with a real ledger: keep, amend, reverse, booked elsewhere, not booked."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from counterfoil.cli import main
from counterfoil.effects import observe
from counterfoil.errors import RefusedByBooks
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import State
from tests.instead import Instead

pytestmark = pytest.mark.slow

LEDGER = "\n".join(
    f'2020-01-01 open {name}\n  code: "{code}"'
    for name, code in [
        ("Assets:Wallet", "1800"),
        ("Liabilities:Employees", "2900"),
        ("Assets:Contra", "1899"),
        ("Liabilities:Payable", "2000"),
        ("Expenses:Travel", "6100"),
        ("Expenses:Meals", "6300"),
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
posting.mode = "{mode}"
options.ledger = "main.beancount"
accounts = {{ wallet = "1800", out_of_pocket = "2900", contra = "1899", payable = "2000" }}
"""


class Desk:
    """A company with one booked expense, and the commands."""

    def __init__(self, folder: Path, state: State, url: str, mode: str) -> None:
        self.folder = folder
        self.state = state
        self.company = state.add_company()
        self.entry = self.company.add_item(account="6100")
        (folder / "main.beancount").write_text(LEDGER)
        text = CONFIG.format(url=url, company=self.company.id, mode=mode)
        (folder / "counterfoil.toml").write_text(text)

    def do(self, *arguments: str, code: int = 0) -> str:
        """Run a command that ends with this exit code; return what it prints."""
        told = io.StringIO()
        with redirect_stdout(told), redirect_stderr(told), pytest.raises(SystemExit) as ended:
            main(arguments)
        assert (ended.value.code or 0) == code, told.getvalue()
        return told.getvalue()

    def export(self, *, account: str | None = None) -> str:
        """Export the expense, with another category if one is given; return its status."""
        if account:
            lines = self.company.build(account=account)["accountingEntryLines"]
            self.state.edit_item(self.entry, {"accountingEntryLines": lines})
        job = self.state.queue_job(self.company.id, [self.entry])
        self.do("run", "--once")
        return str(self.state.job(job).items[self.entry].status)

    @property
    def book(self) -> str:
        """All month files as text."""
        files = sorted(self.folder.glob("counterfoil/*.beancount"))
        return "".join(file.read_text() for file in files)


@pytest.fixture
def desk(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """Set up the desk; entries are drafts unless the test asks for posted ones."""
    state = State()
    with SandboxServer(state) as server:
        made = Desk(tmp_path, state, server.url, getattr(request, "param", "draft"))
        monkeypatch.setenv("PLEO_API_KEY", made.company.api_key)
        monkeypatch.setenv("COUNTERFOIL_CONFIG", str(tmp_path / "counterfoil.toml"))
        yield made


def test_a_changed_item_is_kept(desk: Desk) -> None:
    assert desk.export() == "successful"
    assert desk.export(account="6300") == "failed"
    assert "stands as it is" in desk.do("resolve", desk.entry, "--keep")
    assert "kept as it is by" in desk.book
    assert desk.export() == "successful"
    assert "Expenses:Meals" not in desk.book


def test_a_decision_to_keep_needs_no_remark_in_the_books(desk: Desk) -> None:
    desk.export()
    desk.export(account="6300")
    with observe(Instead("beancount.replace", RefusedByBooks("read only"))):
        assert "stands as it is" in desk.do("resolve", desk.entry, "--keep")
    assert "kept as it is by" not in desk.book
    assert desk.export() == "successful"


def test_a_changed_draft_is_booked_anew(desk: Desk) -> None:
    desk.export()
    assert desk.export(account="6300") == "failed"
    desk.do("resolve", desk.entry, "--amend")
    assert desk.export() == "successful"
    assert "Voided by Counterfoil" in desk.book
    assert "Expenses:Meals" in desk.book


@pytest.mark.parametrize("desk", ["final"], indirect=True)
def test_a_posted_entry_is_reversed_and_may_be_booked_again(desk: Desk) -> None:
    desk.export()
    assert f"{desk.entry}/entry: taken back" in desk.do("reverse", desk.entry)
    assert "pleo_reverses" in desk.book
    assert desk.export() == "successful"
    assert "pleo_attempt: 2" in desk.book


def test_a_whole_job_is_undone(desk: Desk) -> None:
    desk.export()
    job = next(iter(desk.state.jobs))
    assert "taken back" in desk.do("reverse", "--job", job)
    assert "nothing that it booked is in the books" in desk.do("reverse", "--job", job)


def test_undoing_a_job_leaves_alone_what_another_job_booked(desk: Desk) -> None:
    desk.export()
    desk.state.entry(desk.entry).exported = False
    desk.export()
    first, second = desk.state.jobs
    assert "nothing that it booked" in desk.do("reverse", "--job", second)
    assert "taken back" in desk.do("reverse", "--job", first)


def test_an_unknown_job_is_not_undone(desk: Desk) -> None:
    assert "is not a job of ours" in desk.do("reverse", "--job", "unknown", code=2)


def test_what_is_booked_in_whole_is_not_booked_elsewhere(desk: Desk) -> None:
    desk.export()
    told = desk.do("resolve", desk.entry, "--booked-as", "JE-7", code=1)
    assert f"is booked as {desk.entry}/entry, and nothing of it is missing" in told
    assert f"counterfoil reverse {desk.entry}" in told


def test_what_the_books_show_in_whole_is_not_called_not_booked(desk: Desk) -> None:
    desk.export()
    told = desk.do("resolve", desk.entry, "--not-booked", code=1)
    assert f"is booked as {desk.entry}/entry, and nothing of it is missing" in told
    assert f"counterfoil reverse {desk.entry}" in told


def test_an_item_that_is_in_the_books_elsewhere_counts_as_booked(desk: Desk) -> None:
    desk.export()
    desk.do("resolve", desk.entry, "--reverse")
    desk.do("resolve", desk.entry, "--booked-as", "JE-7")
    assert desk.export() == "successful"
    item = desk.state.job(list(desk.state.jobs)[-1]).items[desk.entry]
    assert item.external_id == "JE-7"


def test_an_item_that_a_person_did_not_find_is_booked(desk: Desk) -> None:
    desk.export()
    desk.do("resolve", desk.entry, "--reverse")
    assert "not booked" in desk.do("resolve", desk.entry, "--not-booked")


@pytest.mark.parametrize("damage", ["{}", None])
def test_an_item_that_is_not_readable_any_more_can_be_decided_about(
    desk: Desk, damage: str | None
) -> None:
    desk.export()
    with closing(sqlite3.connect(desk.folder / "counterfoil.db")) as register, register:
        register.execute("update job_items set payload = ?", [damage])
    assert "stands as it is" in desk.do("resolve", desk.entry, "--keep")
    assert "nothing of it is missing" in desk.do(
        "resolve", desk.entry, "--booked-as", "JE-7", code=1
    )


def test_a_fault_stops_one_connection_and_no_other(desk: Desk) -> None:
    desk.state.queue_job(desk.company.id, [desk.entry])
    with (desk.folder / "counterfoil.toml").open("a") as file:
        file.write(
            '[[connection]]\nname = "globex"\nsystem = "beancount"\n'
            'company_id = "99abc3d4-e567-890e-1234-abc56e78fabc"\n'
            'options.ledger = "globex.beancount"\n'
        )
    with observe(Instead("register.fence", RuntimeError("unforeseen"))):
        told = desk.do("run", "--once", code=1)
    assert "acme: a fault of Counterfoil stopped it (RuntimeError)" in told
    assert "\nglobex: " in told
    assert "completed, 1 of 1" in desk.do("run", "--once", "--connection", "acme")


def test_an_unknown_item_is_nothing_to_decide_about(desk: Desk) -> None:
    assert "never exported" in desk.do("resolve", "unknown", "--keep", code=1)


@pytest.mark.parametrize(
    "arguments",
    [("resolve", "x"), ("resolve", "x", "--keep", "--amend"), ("reverse",)],
)
def test_a_decision_is_one_decision(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.do(*arguments, code=2)

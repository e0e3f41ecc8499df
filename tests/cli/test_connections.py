"""A connection stays with the books that it was first used with, until a person says otherwise."""

from __future__ import annotations

import io
import json

import pytest

from tests.acme import LEDGER, Acme, CommandLine

pytestmark = pytest.mark.slow

REBIND = ("connections", "rebind", "acme")


@pytest.fixture
def moved(counterfoil: CommandLine, acme: Acme) -> str:
    """Book an expense, then point the connection at other books; return the expense's id."""
    item = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    (acme.folder / "elsewhere").mkdir()
    (acme.folder / "elsewhere/other.beancount").write_text(LEDGER)
    acme.replace("main.beancount", "elsewhere/other.beancount")
    return item


@pytest.mark.parametrize(
    "command",
    ["run --once", "plan", "plan --against register", "doctor", "reverse {}", "resolve {} --keep"],
)
def test_other_books_are_refused(counterfoil: CommandLine, moved: str, command: str) -> None:
    said = counterfoil(*command.format(moved).split())
    assert said.code == 1
    told = said.out + said.err
    assert "main.beancount became " in told
    assert "counterfoil connections rebind acme" in told


def test_a_mistyped_path_is_put_right_without_ceremony(
    counterfoil: CommandLine, acme: Acme
) -> None:
    acme.company.add_item()
    acme.export()
    acme.replace("main.beancount", "mian.beancount")
    assert counterfoil("run", "--once").code == 1
    acme.replace("mian.beancount", "main.beancount")
    acme.company.add_item()
    acme.export()
    said = counterfoil("run", "--once")
    assert said.code == 0
    assert "completed, 2 of 2" in said.out


def test_a_connection_that_was_never_used_is_bound_to_nothing(
    counterfoil: CommandLine, acme: Acme
) -> None:
    del acme
    assert counterfoil("connections", "list").out.rstrip().endswith("\tnot used yet")


def test_the_doctor_knows_the_books_of_an_earlier_run(counterfoil: CommandLine, acme: Acme) -> None:
    del acme
    counterfoil("run", "--once")
    said = counterfoil("doctor")
    assert (said.code, "✓ acme: binding: " in said.out) == (0, True)


def test_the_bindings_are_listed_with_what_is_configured(
    counterfoil: CommandLine, acme: Acme, moved: str
) -> None:
    del moved
    _, row = counterfoil("connections", "list").out.splitlines()
    name, where, company, _, books, remark = row.split("\t")
    assert (name, where, company) == ("acme", "file", acme.company.id)
    assert books.endswith("main.beancount")
    assert remark.endswith("other.beancount")
    (bound,) = json.loads(counterfoil("connections", "list", "--json").out)
    assert (bound["name"], bound["bound"]) == ("acme", True)


def test_a_connection_that_is_configured_no_more_is_listed(
    counterfoil: CommandLine, acme: Acme
) -> None:
    counterfoil("run", "--once")
    assert counterfoil("connections", "list").out.splitlines()[1].endswith("beancount\t")
    acme.replace('name = "acme"', 'name = "renamed"')
    assert "not in the configuration" in counterfoil("connections", "list").out


def test_a_person_binds_it_anew(counterfoil: CommandLine, moved: str, acme: Acme) -> None:
    said = counterfoil(*REBIND)
    assert said.code == 2
    assert "--yes" in said.err
    assert "is bound to company" in counterfoil(*REBIND, "--yes").out
    acme.export(moved)
    assert counterfoil("run", "--once").code == 0
    assert (acme.folder / "elsewhere/counterfoil").exists()


class Keyboard(io.StringIO):
    """A person at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks(
    counterfoil: CommandLine, moved: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    del moved
    monkeypatch.setattr("sys.stdin", Keyboard(f"{answer}\n"))
    said = counterfoil(*REBIND)
    assert said.code == code
    assert "other.beancount" in said.err


def test_with_json_it_says_what_is_bound_now(counterfoil: CommandLine, moved: str) -> None:
    del moved
    assert json.loads(counterfoil(*REBIND, "--yes", "--json").out)["name"] == "acme"


def test_a_connection_that_is_not_configured_is_refused(
    counterfoil: CommandLine, acme: Acme
) -> None:
    del acme
    assert counterfoil("connections", "rebind", "unknown", "--yes").code == 2

"""``counterfoil conformance`` runs the kit on a named class, and says what is wrong with one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from counterfoil.cli.conformance import conformance
from counterfoil.cli.exits import ExitCode
from counterfoil.errors import ConfigurationError
from counterfoil.systems.conformance.plugin import load_book

BOOK = """
from counterfoil.systems.conformance import FreshBook
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger

class Book(FreshBook):
    debit, credit = "account-6100", "account-1800"

    def __init__(self, folder):
        super().__init__(folder)
        self.ledger = MemoryLedger(chart_of("6100", "1800"))

    def open(self):
        return MemoryBooks(self.ledger)

class Lacking(FreshBook):
    debit = "6100"
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in a folder that has a module ``my_books``; its exit code and words."""
    (tmp_path / "my_books.py").write_text(BOOK)
    monkeypatch.chdir(tmp_path)

    def run(book: str, *options: str) -> tuple[int, str]:
        with pytest.raises(typer.Exit) as ended:
            conformance(book, list(options))
        told = capfd.readouterr()
        return ended.value.exit_code, told.out + told.err

    return run


@pytest.mark.slow
def test_the_chosen_tests_run_on_the_named_book(run: Run, tmp_path: Path) -> None:
    code, told = run("my_books:Book", "-k", "chart or wrong_credentials")
    assert code == ExitCode.DONE
    assert "2 passed, 1 skipped" in told
    assert "Book does not say how it is opened with wrong credentials" in told
    assert not (tmp_path / ".pytest_cache").exists()


@pytest.mark.slow
def test_a_failure_says_what_is_wanted_and_cites_the_contract(run: Run) -> None:
    code, told = run("my_books:Book", "-k", "unknown_account")
    assert code == ExitCode.NOT_DONE
    assert "What is wanted: The reason is a sentence that a bookkeeper can act on." in told
    assert "The contract, Refused:" in told
    assert "nothing of it is in the books" in told


@pytest.mark.slow
def test_a_name_that_leads_to_no_book_is_wrong_usage(run: Run) -> None:
    code, told = run("nowhere:Book")
    assert code == ExitCode.USAGE
    assert "nowhere:Book cannot be loaded: No module named 'nowhere'" in told


@pytest.mark.parametrize(
    ("book", "words"),
    [
        ("some_books:Missing", "module 'some_books' has no attribute 'Missing'"),
        ("some_books", "some_books names no class: say MODULE:CLASS"),
        ("some_books:MemoryBooks", "is no class that inherits from FreshBook"),
        ("some_books:Lacking", r"some_books:Lacking does not say how to open\(\) it"),
    ],
)
def test_it_is_said_what_a_named_class_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book: str, words: str
) -> None:
    (tmp_path / "some_books.py").write_text(BOOK)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(pytest.UsageError, match=words):
        load_book(book)


def test_without_pytest_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(ConfigurationError, match="pip install pytest"):
        conformance("my_books:Book")

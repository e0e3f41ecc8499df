"""What was taken back is shown as taken back, and is in no voucher."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from counterfoil.cli.items_table import show_items
from counterfoil.cli.rows import ItemRow
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


@pytest.fixture
def item(counterfoil: CommandLine, acme: Acme) -> str:
    """Book an expense and take it back; return its id."""
    made = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    assert "taken back" in counterfoil("reverse", made).out
    return made


def voucher(said: str) -> list[str]:
    return [row["reference"] for row in csv.DictReader(StringIO(said, newline=""))]


def test_an_item_says_that_it_was_taken_back(counterfoil: CommandLine, item: str) -> None:
    row = counterfoil("items").out.splitlines()[-1].split("\t")
    assert (row[0], row[5]) == (item, "taken back")
    (told,) = json.loads(counterfoil("items", "--json").out)
    assert (told["taken_back"], told["debits"]) == (True, [])


def test_what_was_taken_back_is_in_no_voucher(counterfoil: CommandLine, item: str) -> None:
    del item
    assert voucher(counterfoil("items", "--csv").out) == []


def test_explain_says_that_it_is_gone(counterfoil: CommandLine, item: str) -> None:
    assert "was booked, and is in the books no more" in counterfoil("explain", item).out


def test_what_is_booked_again_is_the_later_jobs(
    counterfoil: CommandLine, acme: Acme, item: str
) -> None:
    first = next(iter(acme.state.jobs))
    second = acme.export(item)
    counterfoil("run", "--once")
    assert "taken back" in counterfoil("items", "--job", first).out
    assert "taken back" not in counterfoil("items", "--job", second).out
    assert voucher(counterfoil("items", "--job", first, "--csv").out) == []
    assert len(voucher(counterfoil("items", "--job", second, "--csv").out)) == 2


def test_on_a_terminal_it_has_a_mark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    row = ItemRow(
        job_id="job",
        entry_id="coffee",
        date="2026-03-05",
        type="card_purchase",
        supplier="",
        amount=None,
        currency="GBP",
        status="successful",
        reported=True,
        taken_back=True,
    )
    show_items([row])
    assert "↶" in capsys.readouterr().out

"""``counterfoil items --uncertain``: what may be booked, and what a person or an export settles."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from counterfoil.register import PartRecord, PartState, open_register
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow

NOTHING = "Nothing is uncertain: of every item it is known whether it is booked.\n"


@pytest.fixture
def entry(counterfoil: CommandLine, acme: Acme) -> str:
    """Export an expense to which the books gave no answer, and which they do not show."""
    entry_id = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    for month in acme.folder.glob("counterfoil/2*.beancount"):
        month.unlink()
    with open_register("sqlite:///counterfoil.db") as register:
        (record,) = _records(acme, entry_id)
        unanswered = replace(record, state=PartState.UNKNOWN, external_id=None)
        register.parts.settle([unanswered], job_id="", outcomes={})
    return entry_id


def _records(acme: Acme, entry_id: str) -> list[PartRecord]:
    with open_register("sqlite:///counterfoil.db") as register:
        return register.parts.of(f"beancount:{acme.ledger.resolve()}", [entry_id])[entry_id]


def test_where_nothing_is_uncertain_that_is_said(counterfoil: CommandLine, acme: Acme) -> None:
    assert counterfoil("items", "--uncertain").out == NOTHING
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    assert counterfoil("items", "--uncertain").out == NOTHING
    assert counterfoil("items", "--uncertain", "--json").out == "[]\n"


def test_what_is_uncertain_is_listed_with_what_to_look_for(
    counterfoil: CommandLine, entry: str
) -> None:
    heading, row, advice = counterfoil("items", "--uncertain").out.splitlines()
    assert heading.split("\t") == ["item", "since", "date", "what", "amount", "look for", "why"]
    cells = row.split("\t")
    assert [cells[0], *cells[3:6]] == [entry, "card_purchase", "12.00 GBP", f"{entry}/entry"]
    assert cells[6].startswith("it was sent, no answer came")
    assert advice.startswith("Look for each reference in the books, then export the item again")
    (told,) = json.loads(counterfoil("items", "--uncertain", "--json").out)
    assert (told["entry_id"], told["reference"]) == (entry, f"{entry}/entry")


def test_the_next_export_settles_it(counterfoil: CommandLine, acme: Acme, entry: str) -> None:
    acme.export(entry)
    assert counterfoil("run", "--once").code == 0
    assert counterfoil("items", "--uncertain").out == NOTHING


@pytest.mark.parametrize("decision", [["--not-booked"], ["--booked-as", "their-id"]])
def test_a_person_settles_it(counterfoil: CommandLine, entry: str, decision: list[str]) -> None:
    assert counterfoil("resolve", entry, *decision).code == 0
    assert counterfoil("items", "--uncertain").out == NOTHING


def test_what_is_uncertain_is_no_matter_of_one_job(counterfoil: CommandLine, acme: Acme) -> None:
    del acme
    said = counterfoil("items", "--uncertain", "--job", "a-job")
    assert said.err == "items: --uncertain and --job do not go together; choose one\n"

"""``counterfoil plan``: the exact entries an export would write; nothing is written by looking."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from counterfoil.pleo.models import NO_ID
from counterfoil.sandbox.items import build_item, build_line, build_tax
from counterfoil.sandbox.model import Item, encode
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def expense(**fields: Any) -> Item:  # noqa: ANN401 -- build_item's own
    """Build an expense of 5 January, of no company in particular."""
    own = {"company_id": NO_ID, "date": "2026-01-05T12:00:00.000Z"}
    return build_item(**{**own, **fields})


def write_items(folder: Path, content: object) -> str:
    (folder / "items.json").write_bytes(encode(content))
    return "items.json"


def all_files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("as_pleo_answers", [False, True])
def test_items_come_as_a_list_or_as_pleo_answers(
    counterfoil: CommandLine, acme: Acme, *, as_pleo_answers: bool
) -> None:
    items = [expense(id=f"coffee-{number}") for number in (1, 2)]
    file = write_items(acme.folder, {"data": items} if as_pleo_answers else items)
    said = counterfoil("plan", "--connection", "acme", "--items", file, "--json")
    told = json.loads(said.out)
    assert said.code == 0
    assert [entry["accountingEntryId"] for entry in told["entries"]] == ["coffee-1", "coffee-2"]


def test_an_entry_names_its_lines_with_rule_and_fields(
    counterfoil: CommandLine, acme: Acme
) -> None:
    line = build_line(1200, tax=build_tax(200, ingoing="6100"), tags=[("dept", "Sales")])
    item = expense(id="coffee", lines=[line])
    said = counterfoil("plan", "--items", write_items(acme.folder, [item]), "--json")
    told = json.loads(said.out)
    assert list(told)[:3] == ["hash", "entries", "failures"]
    (entry,) = told["entries"]
    assert [entry[key] for key in ("part", "date", "currency")] == ["entry", "2026-01-05", "GBP"]
    amounts = [(line["account"], line["amount"], line["rule"]) for line in entry["lines"]]
    assert amounts == [
        ("Expenses:Travel", "10.00", "line-account"),
        ("Expenses:Travel", "2.00", "tax-ingoing"),
        ("Assets:Pleo:Wallet", "-12.00", "wallet"),
    ]
    assert entry["lines"][0]["dimensions"] == [{"group": "dept", "code": "Sales"}]
    assert entry["lines"][0]["tax"]["amount"] == "2.00"
    assert entry["lines"][2]["fields"] == [
        "[connection.accounts] wallet",
        "accountingEntryLines[].lineAmount",
    ]


def test_a_bill_and_its_payment_are_two_parts(counterfoil: CommandLine, acme: Acme) -> None:
    item = expense(id="bill", type="card_invoice", method="accounts_payable")
    told = json.loads(
        counterfoil("plan", "--items", write_items(acme.folder, [item]), "--json").out
    )
    assert [entry["part"] for entry in told["entries"]] == ["bill", "payment"]


def test_what_would_fail_is_told_as_pleo_would_be(counterfoil: CommandLine, acme: Acme) -> None:
    item = expense(id="coffee", account="6999")
    told = json.loads(
        counterfoil("plan", "--items", write_items(acme.folder, [item]), "--json").out
    )
    (failure,) = told["failures"]
    assert (told["entries"], set(failure)) == (
        [],
        {"accountingEntryId", "failureReasonType", "failureReason"},
    )
    assert (failure["accountingEntryId"], failure["failureReasonType"]) == (
        "coffee",
        "account_unknown",
    )
    assert failure["failureReason"].startswith("The books have no account with code 6999")


@pytest.mark.parametrize("broken", [{}, {"accountingEntryId": None}, {"accountingEntryId": "x"}])
def test_an_object_that_is_no_item_fails_alone(
    counterfoil: CommandLine, acme: Acme, broken: object
) -> None:
    items = [broken, expense(id="coffee")]
    said = counterfoil("plan", "--items", write_items(acme.folder, items), "--json")
    told = json.loads(said.out)
    assert said.code == 0
    assert [entry["accountingEntryId"] for entry in told["entries"]] == ["coffee"]
    assert [each["failureReasonType"] for each in told["failures"]] == ["validation_failure"]


def test_another_company_s_expense_would_fail(counterfoil: CommandLine, acme: Acme) -> None:
    theirs = expense(company_id="9b2d3c55-0c1e-4b6b-9d8e-111111111111")
    said = counterfoil("plan", "--items", write_items(acme.folder, [theirs]), "--json")
    (failure,) = json.loads(said.out)["failures"]
    assert failure["failureReasonType"] == "validation_failure"
    assert f"those of {acme.company.id}" in failure["failureReason"]


def test_an_item_that_comes_twice_is_planned_once(counterfoil: CommandLine, acme: Acme) -> None:
    item = expense(id="coffee")
    once = counterfoil("plan", "--items", write_items(acme.folder, [item]), "--json")
    twice = counterfoil("plan", "--items", write_items(acme.folder, [item, item]), "--json")
    assert json.loads(twice.out) == json.loads(once.out)


def test_people_see_the_debits_and_credits(counterfoil: CommandLine, acme: Acme) -> None:
    items = [
        expense(id="coffee", note="Flat\x1b[2J white"),
        expense(id="lunch", type="lunch"),
    ]
    said = counterfoil("plan", "--items", write_items(acme.folder, items))
    first, debit, credit, failure, counts, way = said.out.splitlines()
    assert first == "2026-01-05 coffee/entry Flat�[2J white"
    assert debit.split() == [
        *("Expenses:Travel", "12.00", "GBP", "line-account", "from"),
        *("accountingEntryLines[0].account,", "accountingEntryLines[0].lineAmount"),
    ]
    assert credit.split()[:4] == ["Assets:Pleo:Wallet", "-12.00", "GBP", "wallet"]
    assert failure.startswith("lunch would fail, validation_failure: There is no rule")
    assert counts == "1 entry to write, 1 item would fail, 0 items are booked already"
    assert re.fullmatch("plan [0-9a-f]{16}", way)


def test_the_hash_is_of_figures_not_of_texts(counterfoil: CommandLine, acme: Acme) -> None:
    def hash_of(**fields: object) -> str:
        item = expense(id="coffee", **fields)
        file = write_items(acme.folder, [item])
        return str(json.loads(counterfoil("plan", "--items", file, "--json").out)["hash"])

    one = hash_of()
    assert hash_of(note="with milk") == one
    assert hash_of(date="2026-01-06T12:00:00.000Z") != one
    assert hash_of(value=Decimal(1201)) != one


def test_planning_items_needs_no_key_and_writes_nothing(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    monkeypatch.delenv("PLEO_API_KEY")
    file = write_items(acme.folder, [expense(id="coffee")])
    before = all_files(acme.folder)
    assert counterfoil("plan", "--items", file).code == 0
    assert all_files(acme.folder) == before


def test_planning_jobs_asks_for_the_key(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    del acme
    monkeypatch.delenv("PLEO_API_KEY")
    said = counterfoil("plan")
    assert said.code == 2
    assert "the environment variable PLEO_API_KEY is not set" in said.err


def test_jobs_in_pleo_are_planned_and_left_as_they_are(
    counterfoil: CommandLine, acme: Acme
) -> None:
    first, second = (acme.company.add_item() for _ in range(2))
    jobs = [acme.export(first), acme.export(second)]
    before = all_files(acme.folder)
    told = json.loads(counterfoil("plan", "--json").out)
    assert {entry["accountingEntryId"] for entry in told["entries"]} == {first, second}
    assert [acme.state.job(job).status for job in jobs] == ["pending", "pending"]
    kept = all_files(acme.folder).items() - before.items()
    assert before.items() <= all_files(acme.folder).items()
    assert [name for name, _ in kept] == [f"counterfoil.db.plans/{told['hash']}.json"]


def test_what_is_booked_is_not_planned_again(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    file = write_items(acme.folder, [acme.state.entry(item).item])
    told = json.loads(counterfoil("plan", "--items", file, "--json").out)
    assert (told["entries"], told["failures"], told["booked"]) == ([], [], [item])


@pytest.mark.parametrize("content", ["no JSON", "{}", '{"data": 1}', '["an item"]', "12", "[{]"])
def test_a_file_without_items_is_refused(
    counterfoil: CommandLine, acme: Acme, content: str
) -> None:
    (acme.folder / "items.json").write_text(content)
    said = counterfoil("plan", "--items", "items.json")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("--items items.json: ")


def test_a_file_that_is_not_there_is_refused(counterfoil: CommandLine, acme: Acme) -> None:
    del acme
    said = counterfoil("plan", "--items", "nowhere.json")
    assert said.code == 2
    assert "cannot be read" in said.err


def test_books_that_do_not_fit_the_settings_are_told(counterfoil: CommandLine, acme: Acme) -> None:
    acme.replace('wallet = "1800"', 'wallet = "1801"')
    said = counterfoil("plan", "--items", write_items(acme.folder, []))
    assert said.code == 1
    assert "1801" in said.err


def test_one_connection_of_several_has_to_be_named(counterfoil: CommandLine, acme: Acme) -> None:
    with (acme.folder / "counterfoil.toml").open("a") as file:
        file.write(
            '[[connection]]\nname = "globex"\nsystem = "beancount"\n'
            'company_id = "99abc3d4-e567-890e-1234-abc56e78fabc"\n'
            'options.ledger = "main.beancount"\n'
        )
    said = counterfoil("plan", "--items", write_items(acme.folder, []))
    assert (said.code, said.err) == (2, "--connection: is missing; one of acme, globex is right\n")

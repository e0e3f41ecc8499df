"""``counterfoil items --problems``: one cause is one problem, with the items that it blocks."""

from __future__ import annotations

import json

import pytest

from counterfoil.cli.problems import cause, problems
from counterfoil.cli.rows import ItemRow
from counterfoil.sandbox.items import build_line
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow

ID = "59540ed2-2c4f-4f3d-9a0e-8f5a2b1c7d6e"


def failed(entry_id: str, reason: str, type: str = "validation_failure") -> ItemRow:
    return ItemRow(
        job_id="job",
        entry_id=entry_id,
        date="2026-01-05",
        type="card_purchase",
        supplier="Café",
        amount=None,
        currency="GBP",
        status="failed",
        reported=True,
        failure_type=type,
        failure_reason=reason,
    )


def test_one_unmapped_account_is_one_problem(counterfoil: CommandLine, acme: Acme) -> None:
    blocked = [
        acme.company.add_item(account="6999"),
        acme.company.add_item(lines=[build_line(500), build_line(700, "6999")]),
    ]
    lunch = acme.company.add_item(type="lunch")
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    heading, first, second = counterfoil("items", "--problems").out.splitlines()
    assert heading.split("\t") == ["count", "type of failure", "problem", "items"]
    count, kind, sentence, ids = first.split("\t")
    assert (count, kind, set(ids.split())) == ("2", "account_unknown", set(blocked))
    assert sentence.startswith("The books have no account with code 6999")
    assert second.split("\t")[3] == lunch
    told = json.loads(counterfoil("items", "--problems", "--json").out)
    assert [(each["count"], each["failure_type"]) for each in told] == [
        (2, "account_unknown"),
        (1, "validation_failure"),
    ]


def test_what_was_booked_since_is_no_problem_any_more(counterfoil: CommandLine, acme: Acme) -> None:
    items = [acme.company.add_item(account="6999") for _ in range(2)]
    first = acme.export(hours_ago=0.5)
    counterfoil("run", "--once")
    with acme.ledger.open("a") as ledger:
        ledger.write('2020-01-01 open Expenses:Other\n  code: "6999"\n')
    acme.export(items[0])
    counterfoil("run", "--once")
    (left,) = json.loads(counterfoil("items", "--problems", "--json").out)
    assert left["items"] == [items[1]]
    (then,) = json.loads(counterfoil("items", "--problems", "--job", first, "--json").out)
    assert set(then["items"]) == set(items)


def test_without_failures_there_is_no_problem(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    assert counterfoil("items", "--problems").out == (
        "No item has failed that was not booked since.\n"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Line 1 (12.00 GBP) has no category with an account: choose one.",
            "Line 3 (-4000 JPY) has no category with an account: choose one.",
        ),
        (
            "The lines sum to 11.00 GBP, but the amount is 12.00 GBP: correct the expense.",
            "The lines sum to 0.10 GBP, but the amount is 2.50 GBP: correct the expense.",
        ),
        (
            "The net amount of line 1 is 9.00, but 12.00 was paid with 2.00 of tax, which is much",
            "The net amount of line 2 is 1.50, but 3.00 was paid with 0.00 of tax, which is much",
        ),
        (
            f"It is not certain that this was booked (reference {ID}/entry). Look for {ID}/entry",
            "It is not certain that this was booked (reference coffee/bill). Look for coffee/bill",
        ),
        (
            "Already booked as MOVE/2026/7 on 2026-01-05; since then account 6100 became 6300",
            "Already booked as MOVE/2026/8 on 2026-02-05; since then account 6100 became 6300",
        ),
        (
            "The date is 1999-01-05, over 10 years back: correct it in Pleo.",
            "The date is 1998-03-07, over 10 years back: correct it in Pleo.",
        ),
        (
            "The receipt https://files.example.com/a.pdf?signed=1 is gone",
            "The receipt https://files.example.com/b.pdf?signed=2 is gone",
        ),
        (
            "More came than the 120 bytes Pleo announced.",
            "More came than the 7000 bytes Pleo announced.",
        ),
    ],
)
def test_what_is_an_items_own_makes_no_problem_of_its_own(one: str, other: str) -> None:
    (problem,) = problems([failed(ID, one), failed("coffee", other)])
    assert (problem.count, problem.items) == (2, (ID, "coffee"))
    assert ID not in problem.cause


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "The books have no account with code 6999, which",
            "The books have no account with code 6998, which",
        ),
        (
            "The books have no account with code 6999.10, which",
            "The books have no account with code 6999.20, which",
        ),
        ("Account 1801 EUR (Bank) is inactive", "Account 1802 EUR (Bank) is inactive"),
        ("Account 1801 VAT is inactive", "Account 1802 VAT is inactive"),
        ("No wallet account is set for EUR", "No wallet account is set for DKK"),
        ("account 6100 is settled up to 2025-12-31. Open", "account 6100 is settled up to 2025-11"),
        ("closed_through is 2025-12-31. Open", "closed_through is 2025-11-30. Open"),
        ("The vendor Acme is blocked", "The vendor Globex is blocked"),
        ("has more than 500 bytes; the limit is 500 bytes", "is empty; the limit is 500 bytes"),
    ],
)
def test_different_causes_stay_apart(one: str, other: str) -> None:
    assert len(problems([failed("one", one), failed("other", other)])) == 2


def test_an_account_is_one_cause_however_it_is_named() -> None:
    start, end = "The books have no account with code 6610", ": open it in the books."
    (problem,) = problems(
        [
            failed("one", f"{start}, which Pleo names as a line's category{end}"),
            failed("two", f"{start} or identifier Expenses:Diem, which Pleo names as a tax{end}"),
        ]
    )
    assert problem.cause == f"{start}, which Pleo names as …{end}"


def test_a_problem_is_told_in_the_fullest_words_that_are_true_of_all() -> None:
    said = "The books have no account with code 6610{}, which Pleo names as a tax: open it."
    named = failed("one", said.format(" or identifier Expenses:Diem"))
    (problem,) = problems([named, failed("two", said.format(""))])
    assert problem.cause == said.format("")


def test_one_sentence_under_two_types_is_two_problems() -> None:
    rows = [failed("one", "No."), failed("other", "No.", "tag_unknown")]
    assert len(problems(rows)) == 2


def test_a_problem_of_one_item_keeps_its_whole_sentence() -> None:
    reason = "Line 1 (12.00 GBP) has no category with an account"
    (problem,) = problems([failed("coffee", reason)])
    assert problem.cause == reason


def test_a_cause_is_its_own_cause() -> None:
    said = cause(f"Line 1 (12.00 GBP) of {ID}/entry is 3.00 GBP, at https://a.b/c", ID)
    assert said == "A line of … is … GBP, at …"
    assert cause(said, ID) == said


def test_what_blocks_most_comes_first() -> None:
    rows = [failed("a", "Rare."), failed("b", "Common."), failed("c", "Common.")]
    assert [problem.cause for problem in problems(rows)] == ["Common.", "Rare."]

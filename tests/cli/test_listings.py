"""``counterfoil jobs`` and ``counterfoil items``: what the register remembers, to be read."""

from __future__ import annotations

import json

import pytest

from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", ["jobs", "items"])
def test_before_the_first_run_there_is_nothing(
    counterfoil: CommandLine, acme: Acme, command: str
) -> None:
    said = counterfoil(command)
    assert (said.code, said.out) == (0, "Nothing was exported yet: counterfoil run --once\n")
    assert counterfoil(command, "--json").out == "[]\n"
    assert not (acme.folder / "counterfoil.db").exists()


def test_jobs_are_listed_newest_first(counterfoil: CommandLine, acme: Acme) -> None:
    items = [acme.company.add_item() for _ in range(2)]
    jobs = [acme.export(item, hours_ago=at) for at, item in zip((0.5, 0), items, strict=True)]
    counterfoil("run", "--once")
    heading, *rows = counterfoil("jobs").out.splitlines()
    assert heading.split("\t") == ["job", "connection", "created", "state", "outcome", "reason"]
    assert [row.split("\t")[0] for row in rows] == jobs[::-1]
    assert rows[0].split("\t")[3:5] == ["closed", "completed"]


def test_an_items_accounts_and_link_are_listed(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item(supplier={"name": "Café\x1b[2J\tNoir"})
    job = acme.export()
    counterfoil("run", "--once")
    title, _, row = counterfoil("items").out.splitlines()
    assert title == f"Job {job} of acme: completed"
    cells = row.split("\t")
    assert (cells[0], cells[3:5]) == (item, ["12.00 GBP", "successful"])
    assert cells[2] == "card_purchase · Café�[2J Noir"
    assert cells[5] == "Assets:Pleo:Wallet → Expenses:Travel"
    assert cells[6] == f"{item}/entry"


def test_an_item_that_failed_is_listed_with_its_reason(
    counterfoil: CommandLine, acme: Acme
) -> None:
    failed = acme.company.add_item(type="lunch")
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    _, _, row = counterfoil("items", "--failed").out.splitlines()
    assert row.startswith(f"{failed}\t")
    assert "\tfailed\tvalidation_failure: There is no rule" in row


def test_the_items_of_an_earlier_job_can_be_asked_for(counterfoil: CommandLine, acme: Acme) -> None:
    items = [acme.company.add_item() for _ in range(2)]
    jobs = [acme.export(item) for item in items]
    counterfoil("run", "--once")
    (told,) = json.loads(counterfoil("items", "--job", jobs[0], "--json").out)
    assert (told["job_id"], told["entry_id"]) == (jobs[0], items[0])
    assert (told["amount"], told["currency"]) == ("12.00", "GBP")


def test_a_job_that_is_not_ours_is_told(counterfoil: CommandLine, acme: Acme) -> None:
    acme.export(acme.company.add_item())
    counterfoil("run", "--once")
    said = counterfoil("items", "--job", "no-such-job")
    assert said.code == 2
    assert said.err == '--job: "no-such-job" is not a job of ours; see counterfoil jobs\n'


def test_a_bill_is_open_until_it_is_paid(counterfoil: CommandLine, acme: Acme) -> None:
    bill = acme.company.add_item(type="invoice", method="accounts_payable")
    acme.export(hours_ago=0.5)
    counterfoil("run", "--once")
    heading, row = counterfoil("items", "--open").out.splitlines()
    assert heading.split("\t")[:4] == ["item", "part", "kind", "open"]
    assert row.split("\t")[:6] == [
        *(bill, "bill", "bill", "-12.00 GBP", "-12.00 GBP"),
        "Liabilities:Payable",
    ]
    (told,) = json.loads(counterfoil("items", "--open", "--json").out)
    assert (told["entry_id"], told["open_amount"]) == (bill, "-12.00")


def test_where_nothing_is_open_that_is_said(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    assert counterfoil("items", "--open").out == (
        "Nothing is open: every bill is paid, and every payment has its bill.\n"
    )


def test_what_is_open_is_no_matter_of_one_job(counterfoil: CommandLine, acme: Acme) -> None:
    del acme
    said = counterfoil("items", "--open", "--job", "a-job")
    assert (said.code, said.err) == (
        2,
        "items: --open and --job do not go together; choose one\n",
    )

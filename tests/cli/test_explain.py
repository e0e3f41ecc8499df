"""``counterfoil explain``: why something booked long ago is as it is, from what was kept of it."""

from __future__ import annotations

import json

import pytest

from counterfoil.bookkeeping.rules import RULES
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def test_lines_are_told_with_rule_meaning_and_fields_as_received(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = acme.company.add_item(supplier={"name": "Café\x1b[2J"}, contra="1800")
    job = acme.export()
    counterfoil("run", "--once")
    monkeypatch.delenv("PLEO_API_KEY")
    said = counterfoil("explain", item)
    assert said.code == 0
    lines = [line.strip() for line in said.out.splitlines()]
    assert lines[0] == item
    assert lines[1].startswith(f"entry, attempt 1: booked as {item}/entry at ")
    assert lines[1].endswith(f" by job {job}")
    assert f"line-account: {RULES['line-account']}" in lines
    assert "accountingEntryLines[0].lineAmount = 1200 GBP (hundredths)" in lines
    assert f"item-contra-account: {RULES['item-contra-account']}" in lines
    assert any(line.startswith("contraAccount = ") and "code 1800" in line for line in lines)
    assert lines[-1] == f"job {job} told Pleo: successful, as {item}/entry"
    assert "\x1b" not in said.out


def test_the_id_in_the_books_finds_the_same(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item(type="card_invoice", method="accounts_payable")
    acme.export()
    counterfoil("run", "--once")
    by_entry_id = counterfoil("explain", item).out
    assert counterfoil("explain", f"{item}/payment").out == by_entry_id
    assert "payment, attempt 1: booked as" in by_entry_id


def test_with_json_fields_carry_their_values(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item()
    job = acme.export()
    counterfoil("run", "--once")
    (told,) = json.loads(counterfoil("explain", item, "--json").out)
    (entry,) = told["entries"]
    assert (entry["state"], entry["jobId"], entry["connection"]) == ("booked", job, "acme")
    debit, credit = entry["lines"]
    assert (debit["amount"], debit["meaning"]) == ("12.00", RULES["line-account"])
    paths = {field["path"]: field.get("value") for field in debit["fields"]}
    assert paths["accountingEntryLines[0].account"]["code"] == "6100"
    assert {field["path"] for field in credit["fields"]} == {
        "[connection.accounts] wallet",
        "accountingEntryLines[].lineAmount",
    }
    assert [each["value"] for each in credit["fields"] if "value" in each] == [
        [acme.state.entry(item).item["amount"]]
    ]
    (outcome,) = told["told"]
    assert (outcome["status"], outcome["reported"], outcome["externalId"]) == (
        "successful",
        True,
        f"{item}/entry",
    )


def test_a_failure_and_the_booking_after_it_are_both_told(
    counterfoil: CommandLine, acme: Acme
) -> None:
    item = acme.company.add_item(account="6999")
    jobs = [acme.export(hours_ago=0.5)]
    counterfoil("run", "--once")
    failed = counterfoil("explain", item).out
    assert "told Pleo: failed, account_unknown: The books have no account" in failed
    assert "this register has no entry of it" in failed
    with acme.ledger.open("a") as ledger:
        ledger.write('2020-01-01 open Expenses:Other\n  code: "6999"\n')
    jobs.append(acme.export(item))
    counterfoil("run", "--once")
    (told,) = json.loads(counterfoil("explain", item, "--json").out)
    assert [(each["jobId"], each["status"]) for each in told["told"]] == [
        (jobs[1], "successful"),
        (jobs[0], "failed"),
    ]


def test_what_a_person_decided_is_told(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    counterfoil("resolve", item, "--keep")
    assert counterfoil("explain", item).out.rstrip().endswith("decided: keep")


def test_only_what_the_connections_jobs_did_is_told(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    acme.replace('name = "acme"', 'name = "globex"')
    assert counterfoil("explain", item, "--connection", "globex").code == 1
    assert counterfoil("explain", item).code == 0


@pytest.mark.parametrize("exported", [False, True])
def test_what_the_register_does_not_know_is_said_with_what_to_do(
    counterfoil: CommandLine, acme: Acme, *, exported: bool
) -> None:
    if exported:
        acme.company.add_item()
        acme.export()
        counterfoil("run", "--once")
    said = counterfoil("explain", "no-such-entry")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith('The register knows no entry "no-such-entry". Give the')

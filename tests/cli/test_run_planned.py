"""``counterfoil run --once --plan HASH``: exactly what was shown is booked, or nothing is."""

from __future__ import annotations

import json
import os

import pytest

from counterfoil.cli.plans import KEPT, keep_plan, kept_plan
from counterfoil.config import load
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def plan(counterfoil: CommandLine) -> str:
    return str(json.loads(counterfoil("plan", "--json").out)["hash"])


def untouched(acme: Acme, *jobs: str) -> bool:
    """Whether nothing was claimed in Pleo and nothing written, here or in the books."""
    return (
        not (acme.folder / "counterfoil").exists()
        and not (acme.folder / "counterfoil.db").exists()
        and {acme.state.job(job).status for job in jobs} == {"pending"}
    )


def test_what_was_planned_is_booked(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_items(3)
    job = acme.export()
    agreed = plan(counterfoil)
    said = counterfoil("run", "--once", "--plan", agreed)
    assert (said.code, said.err) == (0, "")
    assert f"acme: job {job}: completed, 3 of 3 items booked" in said.out
    assert json.loads(counterfoil("plan", "--json").out)["entries"] == []


def test_a_bill_and_the_payment_of_it_in_the_next_job_are_booked_as_planned(
    counterfoil: CommandLine, acme: Acme
) -> None:
    bill = acme.company.add_item(type="invoice", method="accounts_payable")
    acme.export(hours_ago=0.5)
    counterfoil("run", "--once")
    acme.company.add_item(
        type="invoice_payment",
        additionalInformation={"reconciliationId": "p", "reconciledEntries": [f"rec-{bill}"]},
    )
    acme.export()
    said = counterfoil("run", "--once", "--plan", plan(counterfoil))
    assert "completed, 1 of 1 items booked" in said.out


def test_an_item_that_changed_since_is_shown_and_nothing_is_booked(
    counterfoil: CommandLine, acme: Acme
) -> None:
    item = acme.company.add_item()
    job = acme.export()
    agreed = plan(counterfoil)
    acme.state.entry(item).change({"date": "2026-02-03T12:00:00.000Z"})
    said = counterfoil("run", "--once", "--plan", agreed)
    assert said.code == 1
    assert said.err.startswith(f"Plan {agreed} is not what would be booked now, so nothing was")
    old, *old_lines, new = (line for line in said.out.splitlines() if line[2] != " " or "-" in line)
    assert old.startswith("- ")
    assert old.endswith(f"{item}/entry")
    assert old_lines
    assert f"+ 2026-02-03 {item}/entry" in said.out
    assert new.startswith("+ ")
    assert untouched(acme, job)


def test_what_would_fail_now_and_what_is_new_are_told(counterfoil: CommandLine, acme: Acme) -> None:
    gone = acme.company.add_item()
    jobs = [acme.export(hours_ago=0.5)]
    agreed = plan(counterfoil)
    acme.state.entry(gone).change({"type": "lunch"})
    new = acme.company.add_item()
    jobs.append(acme.export())
    lines = counterfoil("run", "--once", "--plan", agreed).out.splitlines()
    assert lines[0].endswith(f"{gone}/entry")
    assert lines[3].startswith("  it would fail now, validation_failure: There is no rule")
    assert lines[4].startswith("+ ")
    assert lines[4].endswith(f"{new}/entry")
    assert untouched(acme, *jobs)


def test_what_is_in_no_job_any_more_is_told(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    job = acme.export()
    agreed = plan(counterfoil)
    acme.state.job(job).status = "failed"
    said = counterfoil("run", "--once", "--plan", agreed)
    assert said.out.splitlines()[-1] == "  it is in no open job any more"
    assert said.code == 1


def test_with_json_the_difference_is_data(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item()
    acme.export()
    agreed = plan(counterfoil)
    acme.replace('wallet = "1800"', 'wallet = "1899"')
    said = counterfoil("run", "--once", "--plan", agreed, "--json")
    told = json.loads(said.out)
    assert (said.code, told["planned"], told["kept"]) == (1, agreed, True)
    ((old, new),) = told["changed"]
    assert (old["accountingEntryId"], old["lines"][1]["account"]) == (item, "Assets:Pleo:Wallet")
    assert new["lines"][1]["account"] == "Assets:Pleo:Contra"


@pytest.mark.parametrize("unknown", ["0123456789abcdef", "../../etc/passwd", "yesterday"])
def test_a_plan_that_is_not_kept_is_refused_too(
    counterfoil: CommandLine, acme: Acme, unknown: str
) -> None:
    acme.company.add_item()
    job = acme.export()
    said = counterfoil("run", "--once", "--plan", unknown)
    assert said.code == 1
    assert said.out.startswith(f"What plan {unknown} holds is not kept here")
    assert untouched(acme, job)


def test_a_plan_of_nothing_is_held_to_as_well(counterfoil: CommandLine, acme: Acme) -> None:
    agreed = plan(counterfoil)
    acme.company.add_item()
    job = acme.export()
    assert counterfoil("run", "--once", "--plan", agreed).code == 1
    assert untouched(acme, job)


def test_the_newest_plans_are_kept(acme: Acme) -> None:
    config = load(acme.folder / "counterfoil.toml", os.environ)
    names = [f"{number:016x}" for number in range(KEPT + 2)]
    for number, name in enumerate(names):
        keep_plan(config, {"hash": name, "entries": []})
        os.utime(acme.folder / f"counterfoil.db.plans/{name}.json", (number, number))
    keep_plan(config, {"hash": "f" * 16, "entries": []})
    kept = [name for name in names if kept_plan(config, name)]
    assert kept == names[-KEPT + 1 :]


def test_a_plan_that_cannot_be_kept_is_shown_all_the_same(
    counterfoil: CommandLine, acme: Acme
) -> None:
    (acme.folder / "counterfoil.db.plans").write_text("a file in the way")
    said = counterfoil("plan")
    assert said.code == 0
    assert "0 entries to write" in said.out
    assert "the plan could not be kept" in said.err

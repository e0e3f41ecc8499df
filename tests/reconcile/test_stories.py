"""Whatever people or accidents do to a ledger and to Pleo, the comparison says what it is."""

from __future__ import annotations

import pytest

from tests.reconcile.conftest import Office

pytestmark = pytest.mark.slow

TOP_UP = """
2026-03-07 * "Bank" "Topped up"
  Assets:Wallet  500.00 GBP
  Equity:Bank  -500.00 GBP
"""
BILL = """
2026-03-08 * "Plumber" "Not of Pleo's"
  Liabilities:Payable  -80.00 GBP
  Expenses:Travel  80.00 GBP
"""


def test_what_agrees_is_matched_and_summed_up(office: Office) -> None:
    office.spend()
    office.spend(900)
    office.export()
    found = office.reconcile()
    assert found.code == 0
    assert found.counts == {"matched": 2}
    assert found.connection["compared"] == {
        "jobs": 1,
        "records": 2,
        "register": True,
        "foreignItems": 0,
        "items": 2,
        "statusFrom": {"pleo": 2},
        "figuresFrom": {"register": 2},
    }
    assert found.total("Assets:Wallet") == {
        "account": "Assets:Wallet",
        "currency": "GBP",
        "pleo": "-21.00",
        "books": "-21.00",
        "others": "0",
        "difference": "0.00",
        "notKnown": "0",
    }


def test_an_entry_that_somebody_deleted_is_missing(office: Office) -> None:
    gone = office.spend()
    office.spend(900)
    office.export()
    office.edit(office.entry(gone), "")
    found = office.reconcile()
    assert found.code == 1
    assert found.counts == {"missing": 1, "matched": 1}
    assert found.finding["accountingEntryId"] == gone
    assert found.finding["remedy"] == "Export it again in Pleo: it is booked again then"
    assert found.total("Assets:Wallet")["difference"] == "12.00"


def test_an_entry_that_somebody_copied_is_doubled(office: Office) -> None:
    copied = office.spend()
    office.export()
    office.by_hand("\n" + office.entry(copied).replace("2026-03-05", "2026-04-05", 1))
    found = office.reconcile()
    assert found.code == 1
    assert found.counts == {"doubled": 1}
    assert f"{copied}/entry of 2026-04-05" in found.finding["what"]
    assert found.total("Assets:Wallet")["difference"] == "-12.00"


def test_an_amount_that_somebody_changed_is_told_until_a_person_lets_it_stand(
    office: Office,
) -> None:
    entry = office.spend()
    office.export()
    office.edit("12.00 GBP", "13.50 GBP")
    found = office.reconcile()
    assert found.code == 1
    assert found.counts == {"changed_in_books": 1}
    assert "Expenses:Travel 12.00 GBP as planned, 13.50 in the books" in found.finding["what"]
    office.do("resolve", entry, "--keep")
    kept = office.reconcile()
    assert kept.code == 0
    assert kept.counts == {"kept": 1}


def test_what_pleo_was_not_told_is_told_by_a_repair_and_nothing_else_is_done(
    office: Office,
) -> None:
    entry, changed = office.spend(), office.spend(900)
    job = office.click_export()
    office.die("pleo.put_items")
    office.edit("9.00 GBP", "9.90 GBP")
    found = office.reconcile()
    assert found.code == 1
    assert found.counts == {"unknown_to_pleo": 1, "changed_in_books": 1}
    mended = office.reconcile("--repair")
    assert mended.code == 1
    assert mended.counts == {"matched": 1, "changed_in_books": 1}
    assert mended.connection["repairs"] == [
        {"accountingEntryId": entry, "jobId": job, "status": "successful", "failure": None}
    ]
    items = office.state.job(job).items
    assert (items[entry].status, items[entry].external_id) == ("successful", f"{entry}/entry")
    assert items[changed].status == "pending"
    office.do("run", "--once")
    assert office.state.job(job).status == "completed"


def test_an_item_that_may_have_been_booked_is_uncertain_until_the_next_run(
    office: Office,
) -> None:
    entry = office.spend()
    office.click_export()
    office.die("beancount.replace")
    found = office.reconcile("--repair")
    assert found.code == 1
    assert found.counts == {"uncertain": 1}
    assert found.connection["repairs"] == []
    assert found.finding["remedy"] == "counterfoil run --once looks again, and settles it"
    office.do("run", "--once")
    assert f'pleo_entry: "{entry}"' in office.month.read_text()
    assert office.reconcile().counts == {"matched": 1}


def test_what_others_post_on_a_wallet_is_off_and_elsewhere_only_told(office: Office) -> None:
    office.spend()
    office.export()
    office.by_hand(TOP_UP + BILL)
    found = office.reconcile()
    assert found.code == 1
    assert found.counts == {"matched": 1}
    assert [(each["account"], each["off"]) for each in found.connection["others"]] == [
        ("Assets:Wallet", True),
        ("Liabilities:Payable", False),
    ]
    assert found.total("Assets:Wallet")["difference"] == "500.00"
    told = office.do("reconcile", code=1)
    assert "not of ours: 2026-03-07 500.00 GBP on Assets:Wallet" in told
    assert "main.beancount:" in told
    assert "Liabilities:Payable (payable): 1 posting of others, -80.00 GBP in all" in told
    assert "1 matched, 1 posting of others on a wallet: look at what is off" in told


def test_without_the_register_what_is_there_is_found_by_its_reference(office: Office) -> None:
    office.spend()
    gone = office.spend(900)
    office.export()
    office.lose_register()
    office.edit(office.entry(gone), "")
    found = office.reconcile("--repair")
    assert found.code == 1
    assert found.counts == {"missing": 1, "not_comparable": 1}
    assert found.connection["compared"]["register"] is False
    assert found.connection["compared"]["figuresFrom"] == {"none": 2}
    (total,) = [found.total("Expenses:Travel")]
    assert (total["notKnown"], total["difference"]) == ("12.00", "0.00")
    assert not (office.folder / "counterfoil.db").exists()


def test_without_the_register_figures_come_from_pleo_while_a_job_is_open(office: Office) -> None:
    entry, changed = office.spend(), office.spend(900)
    job = office.click_export()
    office.die("pleo.send_event", nth=2)
    office.lose_register()
    office.edit("9.00 GBP", "9.90 GBP")
    found = office.reconcile()
    assert found.counts == {"matched": 1, "figures_differ": 1}
    assert found.connection["compared"]["figuresFrom"] == {"pleo": 2}
    assert found.finding["accountingEntryId"] == changed
    assert office.state.job(job).items[entry].status == "successful"


def test_people_read_what_is_off_and_what_to_do(office: Office) -> None:
    gone = office.spend()
    office.spend(900)
    office.export()
    office.edit(office.entry(gone), "")
    told = office.do("reconcile", code=1)
    assert f"missing: 2026-03-05 12.00 GBP {gone}" in told
    assert "    Export it again in Pleo: it is booked again then" in told
    assert "Assets:Wallet\tGBP\t-21.00\t-9.00\t\t12.00" in told
    assert "compared 1 export job in Pleo, 1 record in the books, and our copy" in told
    assert told.endswith("acme: 1 missing, 1 matched: look at what is off\n")


def test_people_read_that_nothing_is_off(office: Office) -> None:
    assert office.do("reconcile").endswith("acme: nothing was exported: nothing is off\n")


def test_a_connection_that_cannot_be_read_is_off(office: Office) -> None:
    office.state.revoke_key(office.company.api_key)
    found = office.reconcile()
    assert found.code == 1
    assert "check the API key" in found.connection["error"]
    assert found.connection["compared"] is None


def test_books_that_cannot_be_read_are_off(office: Office) -> None:
    office.by_hand("2026-01-01 nonsense\n")
    assert "Beancount cannot read" in office.do("reconcile", code=1)


def test_a_day_that_is_none_is_a_mistake_in_the_command_line(office: Office) -> None:
    assert "yesterday" in office.do("reconcile", "--since", "yesterday", code=2)

"""``run --shadow``: a week beside an old integration, without writing anything."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow

OLD = """
2026-03-06 * "Taxi" "booked by the old program"
  {account}  {amount} GBP
  Assets:Pleo:Wallet
"""


@pytest.fixture
def shadowed(acme: Acme) -> Sequence[str]:
    """Export two expenses; the old integration has one of them in its books."""
    entries = [
        acme.company.add_item(value=value, account="6100", date="2026-03-05T10:00:00Z")
        for value in (1200, 3400)
    ]
    acme.export()
    book(acme, "12.00")
    return entries


def book(acme: Acme, amount: str, account: str = "Expenses:Travel") -> None:
    """Let the old integration book something."""
    with acme.ledger.open("a") as ledger:
        ledger.write(OLD.format(account=account, amount=amount))


def test_it_compares_and_touches_nothing(
    acme: Acme, shadowed: Sequence[str], counterfoil: CommandLine
) -> None:
    before = acme.ledger.read_text()
    said = counterfoil("run", "--shadow")
    assert said.code == 1
    assert "2 entries planned: 1 are in the books so, 0 otherwise, 1 not (yet)" in said.out
    assert f"{shadowed[1]}/entry" in said.out
    assert f"{shadowed[0]}/entry" not in said.out
    assert acme.ledger.read_text() == before
    assert not (acme.folder / "counterfoil").exists()
    (job,) = acme.state.jobs.values()
    assert job.status == "pending"


@pytest.mark.usefixtures("shadowed")
def test_what_is_booked_later_is_found_though_the_job_is_over(
    acme: Acme, counterfoil: CommandLine
) -> None:
    counterfoil("run", "--shadow")
    (job,) = acme.state.jobs.values()
    acme.state.close(job.id)
    book(acme, "34.00")
    said = counterfoil("run", "--shadow")
    assert said.code == 0
    assert "2 entries planned: 2 are in the books so" in said.out


def test_what_the_old_one_booked_otherwise_is_shown_beside(
    acme: Acme, shadowed: Sequence[str], counterfoil: CommandLine
) -> None:
    book(acme, "34.00", "Liabilities:Payable")
    said = counterfoil("run", "--shadow", "--json")
    assert said.code == 1
    compared = json.loads(said.out)["compared"]
    found = {each["planned"]["accountingEntryId"]: each for each in compared}
    assert [found[entry]["likeness"] for entry in shadowed] == ["same", "otherwise"]
    (posting,) = found[shadowed[1]]["books"]
    assert (posting["account"], posting["amount"]) == ("Assets:Pleo:Wallet", "-34.00")


def test_what_would_fail_is_told(acme: Acme, counterfoil: CommandLine) -> None:
    acme.company.add_item(account="9999")
    acme.export()
    said = counterfoil("run", "--shadow")
    assert said.code == 1
    assert "would fail, account_unknown" in said.out


def test_nothing_to_compare_is_well(acme: Acme, counterfoil: CommandLine) -> None:
    del acme
    said = counterfoil("run", "--shadow")
    assert said.code == 0
    assert "0 entries planned" in said.out


def test_it_goes_with_no_other_wish(acme: Acme, counterfoil: CommandLine) -> None:
    del acme
    assert counterfoil("run", "--shadow", "--once").code == 2


def test_a_file_that_cannot_be_read_is_told(acme: Acme, counterfoil: CommandLine) -> None:
    folder = acme.folder / "counterfoil.db.shadow"
    folder.mkdir()
    (folder / "acme.json").write_text("half a")
    said = counterfoil("run", "--shadow")
    assert said.code == 1
    assert "Move it away to start afresh" in said.err

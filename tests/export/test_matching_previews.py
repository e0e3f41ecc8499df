"""A plan shows payments on the accounts that an export would book them to."""

from __future__ import annotations

from datetime import date
from typing import Any

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ChartVendor
from counterfoil.export.preview import digest, preview
from counterfoil.sandbox.items import build_item
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger
from counterfoil.testing.world import SETTINGS

OWN = ChartAccount(id="account-2001", code="2001")
CHART = Chart(
    accounts={**chart_of("1800", "2900", "1899", "2000", "6100").accounts, OWN.id: OWN},
    vendors=(ChartVendor(id="V001", code="V001", account=OWN.id),),
)


def item(type: str, rec: str, *names: str, day: int = 5, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- further keys of the payload
    """Build an item under accounts payable."""
    return build_item(
        company_id="c",
        id=rec,
        type=type,
        date=f"2026-03-{day:02}T10:00:00Z",
        method="accounts_payable",
        additionalInformation={"reconciliationId": rec, "reconciledEntries": [*names]},
        **fields,
    )


def bill(rec: str = "R1", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- as above
    """Build the invoice of a vendor with an account of its own."""
    return item("invoice", rec, vendor={"id": "v", "name": "V", "code": "V001"}, **fields)


async def accounts(*jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Return the account that each payment is planned to be booked to."""
    books = MemoryBooks(MemoryLedger(CHART))
    shown = await preview(jobs, books, CHART, SETTINGS, today=date(2026, 4, 1))
    assert shown.failures == ()
    return {
        entry.reference.entry_id: entry.lines[0].account
        for entry in shown.entries
        if entry.reference.part == "payment"
    }


async def test_a_payment_is_shown_on_the_account_of_its_bill() -> None:
    assert await accounts([bill(), item("invoice_payment", "P", "R1")]) == {"P": OWN.id}


async def test_the_bill_may_come_in_the_job_before() -> None:
    other = item("card_purchase", "C")
    found = await accounts([bill(), other], [item("invoice_payment", "P", "R1")])
    assert found["P"] == OWN.id


async def test_a_bill_in_the_job_after_is_not_known_yet() -> None:
    assert await accounts([item("invoice_payment", "P", "R1")], [bill()]) == {"P": "account-2000"}


async def test_only_the_bill_that_is_meant_counts() -> None:
    found = await accounts([bill("R1"), bill("R2")], [item("invoice_payment", "P", "R2")])
    assert found == {"P": OWN.id}


async def test_an_invoice_is_not_paid_to_employees_nor_an_employee_to_suppliers() -> None:
    debts = [item("out_of_pocket", "E1"), item("invoice", "I1")]
    payments = [item("invoice_payment", "P", "E1"), item("direct_reimbursement", "D", "I1")]
    assert await accounts([*debts, *payments]) == {"P": "account-2000", "D": "account-2900"}


async def test_an_item_that_comes_twice_is_shown_once_and_each_without_id_fails() -> None:
    once, nameless = bill(), {**bill(), "accountingEntryId": None}
    books = MemoryBooks(MemoryLedger(CHART))
    jobs = [[once, nameless, nameless], [once]]
    shown = await preview(jobs, books, CHART, SETTINGS, today=date(2026, 4, 1))
    assert [entry.reference.entry_id for entry in shown.entries] == [once["accountingEntryId"]]
    assert [failure.entry_id for failure in shown.failures] == ["", ""]
    assert shown.agreed.entries == {digest(shown.entries[0])}
    assert shown.agreed.jobs == frozenset()

"""The chart comes from the ledger's own directives."""

from __future__ import annotations

from datetime import date

from counterfoil.bookkeeping.chart import ChartTax, ChartVendor
from tests.systems.ledgers import LedgerFolder

LEDGER = """\
2020-01-01 open Assets:Bank EUR,USD
  code: "1800"
2020-01-01 open Assets:Bank:Savings
  code: 1810
  name: "Savings account"
2020-01-01 open Assets:VAT
  code: "2201"
  tax_codes: "VAT20 VAT5, RC20"
2020-01-01 open Liabilities:VAT
  reverse_tax_codes: "RC20"
2020-01-01 open Liabilities:AP:Acme
  vendor_code: "V001"
  vendor_tax_id: "DK12345678"
  vendor_registration: "12345678"
  vendor_name: "Acme A/S"
2020-01-01 open Liabilities:AP:Bolt
  vendor_code: "V002"
  blocked: TRUE
2021-01-01 open Expenses:Travel
  code: "6100"
2021-01-01 open Expenses:Trips
  code: "6100"
2025-07-01 close Expenses:Trips
2020-01-01 open Expenses:Old
  blocked: TRUE
2025-01-01 balance Assets:Bank 0 EUR
2026-01-01 balance Assets:Bank 0 EUR
"""


async def test_the_chart_is_what_the_directives_declare(ledger: LedgerFolder) -> None:
    ledger.main.write_text(LEDGER)
    async with ledger.books() as books:
        assert await books.ready() == []
        chart = await books.chart()
    bank, savings = chart.accounts["Assets:Bank"], chart.accounts["Assets:Bank:Savings"]
    trips = chart.accounts["Expenses:Trips"]
    assert (bank.code, bank.name, bank.opened) == ("1800", "Bank", date(2020, 1, 1))
    assert bank.currencies == {"EUR", "USD"}
    assert (savings.code, savings.name) == ("1810", "Savings account")
    assert not savings.currencies
    # A balance holds for the accounts below as well.
    assert bank.closed_before == savings.closed_before == date(2026, 1, 1)
    assert chart.accounts["Expenses:Travel"].closed_before is None
    assert (trips.opened, trips.closed) == (date(2021, 1, 1), date(2025, 7, 1))
    assert not chart.accounts["Expenses:Old"].active
    assert chart.ambiguous_codes == {"6100": ("Expenses:Travel", "Expenses:Trips")}
    assert chart.taxes == {
        "VAT20": ChartTax(code="VAT20", ingoing_account="Assets:VAT"),
        "VAT5": ChartTax(code="VAT5", ingoing_account="Assets:VAT"),
        "RC20": ChartTax(
            code="RC20", ingoing_account="Assets:VAT", outgoing_account="Liabilities:VAT"
        ),
    }
    assert chart.vendors == (
        ChartVendor(
            id="Liabilities:AP:Acme",
            name="Acme A/S",
            account="Liabilities:AP:Acme",
            code="V001",
            registration_number="12345678",
            tax_number="DK12345678",
        ),
        ChartVendor(
            id="Liabilities:AP:Bolt",
            name="Bolt",
            account="Liabilities:AP:Bolt",
            code="V002",
            blocked=True,
        ),
    )
    assert chart.dimensions is None


async def test_a_tax_code_that_two_accounts_claim_is_a_problem(ledger: LedgerFolder) -> None:
    ledger.main.write_text(
        LEDGER.replace(
            '"VAT20 VAT5, RC20"', '"VAT20"\n2020-01-01 open Assets:VAT:Other\n  tax_codes: "VAT20"'
        )
    )
    async with ledger.books() as books:
        (found,) = await books.ready()
    assert "VAT20" in found.message
    assert "Assets:VAT, Assets:VAT:Other" in found.message

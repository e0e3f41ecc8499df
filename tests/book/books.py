"""The books that every case starts from: one chart of accounts and one connection's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from counterfoil.bookkeeping.chart import (
    Chart,
    ChartAccount,
    ChartTax,
    ChartVendor,
    ClosedSpan,
)
from counterfoil.bookkeeping.settings import (
    Accounts,
    ClosedPeriods,
    NegativeTotals,
    PostingMode,
    Settings,
    UnmatchedVendor,
)
from tests.book.items import Json

__all__ = ["CHART", "SETTINGS", "TODAY", "account_name", "changed_chart", "changed_settings"]

TODAY = date(2026, 11, 20)

SETTINGS = Settings(
    company_id="12abc3d4-e567-890e-1234-abc56e78fabc",
    accounts=Accounts(wallet="1800", out_of_pocket="2900", contra="1899", payable="2000"),
)

_ACCOUNTS = {
    "1800": "Assets:Pleo:Wallet",
    "1801": "Assets:Pleo:Euro",
    "1899": "Assets:Pleo:Clearing",
    "2000": "Liabilities:Payable",
    "2201": "Assets:VAT:Input",
    "2202": "Liabilities:VAT:Output",
    "2900": "Liabilities:Employees",
    "2901": "Liabilities:Payable:Acme",
    "2902": "Liabilities:Payable:Berta",
    "2950": "Liabilities:Employees:Ann",
    "6100": "Expenses:Office",
    "6200": "Expenses:Travel",
    "6300": "Expenses:Software",
    "8100": "Income:Cashback",
}

_TAXES = (
    ChartTax(code="VAT20", ingoing_account="Assets:VAT:Input"),
    ChartTax(code="HOTEL", recoverable=False),
    ChartTax(
        code="RC20",
        ingoing_account="Assets:VAT:Input",
        outgoing_account="Liabilities:VAT:Output",
    ),
    ChartTax(code="RC-LOST", outgoing_account="Liabilities:VAT:Output", recoverable=False),
    ChartTax(code="RC-IN", ingoing_account="Assets:VAT:Input"),
    ChartTax(code="RC-OUT", outgoing_account="Liabilities:VAT:Output"),
)

_VENDORS = (
    ChartVendor(
        id="acme",
        name="Acme",
        code="V001",
        external_id="ext-1",
        registration_number="12345678",
        tax_number="DK12345678",
        account="Liabilities:Payable:Acme",
    ),
    ChartVendor(
        id="berta",
        name="Berta GmbH",
        code="V002",
        tax_number="DE 99 88 77 66",
        account="Liabilities:Payable:Berta",
    ),
    ChartVendor(id="closed", name="Closed Ltd", code="V003", blocked=True),
    ChartVendor(id="twin-1", name="Twin One", code="V004", tax_number="GB555555555"),
    ChartVendor(id="twin-2", name="Twin Two", code="V005", tax_number="GB555555555"),
    ChartVendor(id="plain", name="Plain", code="V006"),
    ChartVendor(id="ann", name="Ann Lee", code="E7", account="Liabilities:Employees:Ann"),
)

CHART = Chart(
    accounts={
        name: ChartAccount(id=name, code=code, name=name.rpartition(":")[2])
        for code, name in _ACCOUNTS.items()
    },
    taxes={tax.code: tax for tax in _TAXES},
    vendors=_VENDORS,
)


def account_name(chart: Chart, code: str) -> str:
    """Return the id of the account with this code; a text that is no code is an id itself."""
    account = chart.by_code.get(code)
    return account.id if account else code


def changed_chart(chart: Chart, changes: Json) -> Chart:
    """Return the chart with accounts changed or added by code, dimensions, closed spans."""
    accounts = dict(chart.accounts)
    for code, change in changes.get("accounts", {}).items():
        account = _changed_account(chart, code, dict(change))
        accounts[account.id] = account
    dimensions = changes.get("dimensions")
    return replace(
        chart,
        accounts=accounts,
        dimensions=dimensions and {name: frozenset(all_) for name, all_ in dimensions.items()},
        closed=tuple(
            ClosedSpan(first=span.get("first"), last=span["last"])
            for span in changes.get("closed", [])
        ),
    )


def _changed_account(chart: Chart, code: str, change: Json) -> ChartAccount:
    name = change.pop("id", None) or account_name(chart, code)
    old = chart.accounts.get(name, ChartAccount(id=name, code=code, name=name))
    if "currencies" in change:
        change["currencies"] = frozenset(change["currencies"])
    if change.get("code") == "none":
        change["code"] = None
    return replace(old, **change)


_READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "timezone": ("zone", ZoneInfo),
    "posting": ("posting", PostingMode),
    "closed": ("closed", ClosedPeriods),
    "closed_through": ("closed_through", lambda day: day),
    "negative": ("negative", NegativeTotals),
    "unmatched_vendor": ("unmatched_vendor", UnmatchedVendor),
    "codes": ("codes", dict),
    "description": ("description", str),
    "narration_limit": ("narration_limit", int),
    "table": ("table_overrides", tuple),
}
"""A case's words for settings, with the setting's name and type."""


def changed_settings(changes: Json) -> Settings:
    """Return the settings with what a case changes; ``unset`` lists accounts to leave out."""
    given = dict(changes)
    unset = dict.fromkeys(given.pop("unset", []))
    accounts = replace(SETTINGS.accounts, **given.pop("accounts", {}), **unset)
    read = {_READERS[key][0]: _READERS[key][1](value) for key, value in given.items()}
    return replace(SETTINGS, accounts=accounts, **read)

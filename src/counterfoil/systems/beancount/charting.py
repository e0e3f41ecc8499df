"""The chart of accounts, tax codes and vendors, from ``open`` and ``balance`` directives.

    2020-01-01 open Liabilities:VAT:Output EUR
      code: "2202"                       ; what people and Pleo write
      tax_codes: "VAT20 VAT5"            ; takes the ingoing tax of these codes
      reverse_tax_codes: "RC20"          ; takes the outgoing tax of these codes
    2020-01-01 open Liabilities:AP:Acme
      vendor_code: "V001"                ; also vendor_name, vendor_tax_id, vendor_registration
      blocked: TRUE

An account's id is its name. A ``balance`` of an account holds for its sub-accounts too, so all of
them are closed before that day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ChartTax, ChartVendor
from counterfoil.systems.beancount.programs import select

__all__ = ["ACCOUNTS", "AccountRow", "claimed_twice", "read_accounts", "read_chart"]

KEYS = (
    "code",
    "name",
    "tax_codes",
    "reverse_tax_codes",
    "vendor_code",
    "vendor_name",
    "vendor_tax_id",
    "vendor_registration",
    "vendor_external_id",
    "blocked",
)
ACCOUNTS = select(
    "#accounts",
    ["account", "open.date", "open.currencies", "close.date"]
    + [f"open.meta['{key}']" for key in KEYS],
)
"""The query whose answer ``read_accounts`` reads."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as its directives declare it."""

    account: str
    opened: date | None
    currencies: frozenset[str]
    closed: date | None
    metadata: Mapping[str, str]

    @property
    def declaration(self) -> str:
        """The directives that open and close it, for Beancount to judge entries against."""
        currencies = ",".join(sorted(self.currencies))
        lines = [f"{self.opened} open {self.account} {currencies}"] if self.opened else []
        lines += [f"{self.closed} close {self.account}"] if self.closed else []
        return "\n".join(lines)

    @property
    def blocked(self) -> bool:
        """Whether it says ``blocked: TRUE``."""
        return self.metadata["blocked"].upper() == "TRUE"

    @property
    def vendor(self) -> ChartVendor | None:
        """The vendor that is owed on this account, if it names one."""
        if not any(value for key, value in self.metadata.items() if key.startswith("vendor_")):
            return None
        return ChartVendor(
            id=self.account,
            name=self.metadata["vendor_name"] or _last(self.account),
            account=self.account,
            code=self.metadata["vendor_code"] or None,
            external_id=self.metadata["vendor_external_id"] or None,
            registration_number=self.metadata["vendor_registration"] or None,
            tax_number=self.metadata["vendor_tax_id"] or None,
            blocked=self.blocked,
        )


def read_accounts(rows: Iterable[Sequence[str]]) -> list[AccountRow]:
    """Read the answer to ``ACCOUNTS``."""
    return [
        AccountRow(
            account=account,
            opened=date.fromisoformat(opened) if opened else None,
            currencies=frozenset(re.findall(r"[^\s,'\[\]]+", currencies)),
            closed=date.fromisoformat(closed) if closed else None,
            metadata=dict(zip(KEYS, metadata, strict=True)),
        )
        for account, opened, currencies, closed, *metadata in rows
    ]


def read_chart(rows: Iterable[AccountRow], balances: Mapping[str, date]) -> Chart:
    """Make the chart; ``balances`` is the last day of a ``balance`` directive by account."""
    opened = [row for row in rows if row.opened]
    return Chart(
        accounts={row.account: _account(row, balances) for row in opened},
        taxes=_taxes(opened),
        vendors=tuple(row.vendor for row in opened if row.vendor),
    )


def claimed_twice(rows: Iterable[AccountRow]) -> dict[str, list[str]]:
    """Find tax codes that two accounts claim for the same side, with the accounts' names."""
    claims: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for key in ("tax_codes", "reverse_tax_codes"):
            for code in _codes(row.metadata[key]):
                claims.setdefault((key, code), []).append(row.account)
    return {code: accounts for (_, code), accounts in claims.items() if len(accounts) > 1}


def _account(row: AccountRow, balances: Mapping[str, date]) -> ChartAccount:
    parts = row.account.split(":")
    above = [":".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    return ChartAccount(
        id=row.account,
        code=row.metadata["code"] or None,
        name=row.metadata["name"] or _last(row.account),
        opened=row.opened,
        closed=row.closed,
        currencies=row.currencies,
        active=row.vendor is not None or not row.blocked,
        closed_before=max((balances[name] for name in above if name in balances), default=None),
    )


def _taxes(rows: Iterable[AccountRow]) -> dict[str, ChartTax]:
    ingoing: dict[str, str] = {}
    outgoing: dict[str, str] = {}
    for row in rows:
        for code in _codes(row.metadata["tax_codes"]):
            ingoing.setdefault(code, row.account)
        for code in _codes(row.metadata["reverse_tax_codes"]):
            outgoing.setdefault(code, row.account)
    return {
        code: ChartTax(
            code=code, ingoing_account=ingoing.get(code), outgoing_account=outgoing.get(code)
        )
        for code in ingoing | outgoing
    }


def _codes(text: str) -> list[str]:
    return [code for code in re.split(r"[\s,;]+", text) if code]


def _last(account: str) -> str:
    return account.rpartition(":")[2]

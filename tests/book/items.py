"""Writes an item of the book out as Pleo's JSON: short for a person, whole for the parser."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

__all__ = ["Json", "item_json", "known_only"]

Json = dict[str, Any]

_NO_OBJECT = "no object"
_ZERO = "00000000-0000-0000-0000-000000000000"


def known_only(table: Mapping[str, object], allowed: set[str], place: str) -> None:
    unknown = table.keys() - allowed
    if unknown:
        raise ValueError(f"{place}: unknown {', '.join(sorted(unknown))}")


def item_json(short: Json, method: str) -> Json:
    """Write an item out as Pleo's JSON has it."""
    currency = short.pop("currency", "GBP")
    lines = [_line(i, line, currency) for i, line in enumerate(short.pop("lines", [{}]))]
    total, _ = _sum(lines, "inWalletCurrency", currency)
    item: Json = {
        "_links": {"web": {"exportItem": "https://app.pleo.io/expense/1"}},
        "accountingEntryId": "59540ed2-0d68-4e36-9e31-58223975d9e9",
        "companyId": "12abc3d4-e567-890e-1234-abc56e78fabc",
        "type": short.pop("type", "card_purchase"),
        "subType": short.pop("sub_type", None),
        "date": short.pop("date", "2026-03-05T10:00:00Z"),
        "amount": {
            "inSupplierCurrency": _money(*_sum(lines, "inSupplierCurrency", currency)),
            "inWalletCurrency": _money(_hundredths(short.pop("amount", None), total), currency),
        },
        "note": short.pop("note", None),
        "files": None,
        "supplier": _named(short.pop("supplier", None), _SUPPLIER),
        "user": _named(short.pop("user", None), {"id": "user-1", "name": "Ann Lee", "code": None}),
        "team": _named(short.pop("team", None), {"id": "team-1", "name": "Sales", "code": None}),
        "vendor": _named(short.pop("vendor", None), _VENDOR),
        "contraAccount": _account(short.pop("contra", None)),
        "bookkeeping": None if method == _NO_OBJECT else {"method": _null(method)},
        "servicePeriod": short.pop("service_period", None),
        "accountingEntryLines": lines,
        "additionalInformation": {
            "reconciliationId": short.pop("reconciliation_id", "R-1"),
            "attendees": short.pop("attendees", None),
            "reconciledEntries": short.pop("reconciled", None),
            "invoiceInformation": _named(short.pop("invoice", None), _INVOICE),
        },
    }
    changes = {**short.pop("pleo", {}), **dict.fromkeys(short.pop("null", []))}
    for path, value in changes.items():
        _put(item, path, value)
    for path in short.pop("absent", []):
        _drop(item, path)
    known_only(short, set(), "[item]")
    return item


def _sum(lines: Sequence[Json], pair: str, currency: str) -> tuple[Decimal, str]:
    amounts = [line["lineAmount"][pair] for line in lines]
    total = sum((Decimal(amount["value"]) for amount in amounts), Decimal(0))
    return total, amounts[0]["currency"] if amounts else currency


_SUPPLIER: Json = {
    "account": None,
    "categoryCode": None,
    "code": None,
    "country": None,
    "name": "Target",
    "taxIdentifier": None,
}
_VENDOR: Json = {"id": "vendor-1", "name": "Acme", "defaultCurrency": "GBP"}
_INVOICE: Json = {"invoiceNumber": "INV-7", "invoiceDate": "2026-02-20", "status": "paid"}


def _named(given: Json | None, base: Json) -> Json | None:
    return None if given is None else {**base, **given}


def _null(text: str) -> str | None:
    return None if text == "null" else text


def _hundredths(text: str | None, otherwise: Decimal = Decimal(0)) -> Decimal:
    return otherwise if text is None else Decimal(text) * 100


def _money(value: Decimal, currency: str) -> Json:
    whole = int(value) if value == int(value) else value
    return {"currency": currency, "value": whole}


def _pair(text: str, currency: str, supplier: str | None) -> Json:
    ours = _money(_hundredths(text), currency)
    if supplier is None:
        return {"inSupplierCurrency": ours, "inWalletCurrency": dict(ours)}
    amount, _, theirs = supplier.partition(" ")
    return {
        "inSupplierCurrency": _money(_hundredths(amount), theirs),
        "inWalletCurrency": ours,
    }


def _line(index: int, short: Json, currency: str) -> Json:
    amount = short.pop("amount", "60.00")
    supplier = short.pop("supplier", None)
    tax = _tax(short.pop("tax", None), currency, short.pop("supplier_tax", None))
    net = Decimal(amount)
    if tax is not None and tax["type"] != "reverse":
        net -= Decimal(tax["amount"]["inWalletCurrency"]["value"]) / 100
    line = {
        "accountingEntryLineId": f"line-{index + 1}",
        "lineAmount": _pair(amount, currency, supplier),
        "netAmount": _pair(short.pop("net", str(net)), currency, None),
        "account": _account(short.pop("account", "6100")),
        "tags": _tags(short.pop("tags", None)),
        "tax": tax,
    }
    known_only(short, set(), "[item] lines")
    return line


def _account(short: str | Json | None) -> Json | None:
    if short is None or short == "none":
        return None
    if isinstance(short, dict):
        return {"id": "account-1", "name": "Named", "code": None, "identifier": None, **short}
    account = {"id": "account-1", "name": f"Account {short}", "code": short, "identifier": None}
    return {**account, "id": _ZERO} if short == "zero" else account


_TAX = re.compile(
    r"(?P<code>\S+) (?P<type>\S+) (?P<rate>[\d.]+)% (?P<amount>-?[\d.]+)"
    r"(?: in=(?P<ingoing>\S+))?(?: out=(?P<outgoing>\S+))?"
)


def _tax(text: str | None, currency: str, supplier: str | None) -> Json | None:
    if text is None:
        return None
    read = _TAX.fullmatch(text)
    if read is None:
        raise ValueError(f"a tax is written 'VAT20 inclusive 20% 10.00 in=2201', not {text!r}")
    tax = {
        "id": "tax-1",
        "code": None if read["code"] == "-" else read["code"],
        "type": read["type"],
        "rate": Decimal(read["rate"]) / 100,
        "amount": _pair(read["amount"], currency, supplier),
    }
    if read["ingoing"]:
        tax["ingoingTaxAccount"] = read["ingoing"]
    if read["outgoing"]:
        tax["outgoingTaxAccount"] = read["outgoing"]
    return tax


def _tags(text: str | None) -> list[Json] | None:
    if text is None:
        return None
    pairs = [pair.strip().partition("=") for pair in text.split(",")]
    return [{"id": "tag-1", "groupCode": group, "code": code} for group, _, code in pairs]


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _steps(path: str) -> list[str | int]:
    return [int(number) if number else name for name, number in _STEP.findall(path)]


def _put(item: Json, path: str, value: object) -> None:
    *way, last = _steps(path)
    place: Any = item
    for step in way:
        place = place[step]
    place[last] = value


def _drop(item: Json, path: str) -> None:
    *way, last = _steps(path)
    place: Any = item
    for step in way:
        place = place[step]
    del place[last]

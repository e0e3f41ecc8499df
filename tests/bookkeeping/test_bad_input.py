"""Every field of an item, one at a time: absent, null, of another type, and every figure absurd."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.errors import InvalidItem, ItemFailure, MissingSetting
from tests.book.books import CHART, SETTINGS, TODAY
from tests.book.items import Json, item_json


def rich() -> Json:
    """Write an item with every field that Pleo's contract knows."""
    return item_json(
        {
            "type": "invoice",
            "note": "Printer ink",
            "contra": "1800",
            "supplier": {"code": "1", "country": "DK", "taxIdentifier": "DK1"},
            "user": {"code": "E7"},
            "team": {"code": "T1"},
            "vendor": {
                "code": "V001",
                "country": "DK",
                "externalId": "ext-1",
                "registrationNumber": "12345678",
                "taxRegistrationNumber": "DK12345678",
            },
            "service_period": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"},
            "attendees": ["Ann"],
            "reconciled": ["R-2"],
            "invoice": {
                "dueDate": "2026-04-01",
                "paymentDate": "2026-03-02",
                "supplierBankAccount": {"bankName": "Bank", "country": "DK", "iban": "DK00"},
            },
            "lines": [
                {
                    "amount": "120.00",
                    "supplier": "900.00 DKK",
                    "tags": "PROJECT=P1",
                    "tax": "VAT20 inclusive 20% 20.00 in=2201 out=2202",
                    "supplier_tax": "150.00 DKK",
                }
            ],
            "pleo": {"files": [{"url": "https://example.com/a.pdf", "type": "a/b", "size": 1}]},
        },
        "accounts_payable",
    )


def paths(value: object, path: str = "") -> Iterator[str]:
    """Name every place of an item, as the book's cases do."""
    if path:
        yield path.removeprefix(".")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, f"{path}[{number}]")


def steps(path: str) -> list[str | int]:
    parts = path.replace("[", ".").replace("]", "").split(".")
    return [int(part) if part.isdecimal() else part for part in parts]


def changed(path: str, value: object) -> Json:
    item = rich()
    *way, last = steps(path)
    place: Any = item
    for step in way:
        place = place[step]
    place[last] = deepcopy(value)
    return item


def without(path: str) -> Json:
    item = rich()
    *way, last = steps(path)
    place: Any = item
    for step in way:
        place = place[step]
    del place[last]
    return item


def booked(raw: Json) -> tuple[Entry, ...]:
    return plan(parse_item(raw), CHART, SETTINGS, today=TODAY)


LINE = "accountingEntryLines[0]"
FIGURES = [
    "amount.inWalletCurrency.value",
    f"{LINE}.lineAmount.inWalletCurrency.value",
    f"{LINE}.netAmount.inWalletCurrency.value",
    f"{LINE}.tax.amount.inWalletCurrency.value",
]
NEEDED = [
    "accountingEntryId",
    "accountingEntryLines",
    LINE,
    f"{LINE}.lineAmount",
    f"{LINE}.netAmount",
    f"{LINE}.tax.amount",
    f"{LINE}.tax.rate",
    f"{LINE}.tax.type",
    "additionalInformation",
    "additionalInformation.reconciliationId",
    "amount",
    "amount.inWalletCurrency",
    "amount.inWalletCurrency.currency",
    "companyId",
    "date",
    "type",
    *FIGURES,
]


def test_the_rich_item_itself_is_booked() -> None:
    assert [str(entry.reference.part) for entry in booked(rich())] == ["bill"]


@pytest.mark.parametrize("path", NEEDED)
def test_what_must_be_there_fails_when_absent_or_null(path: str) -> None:
    for raw in (without(path), changed(path, None)):
        with pytest.raises(InvalidItem):
            booked(raw)


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize(
    "value",
    [-12000, 10**15, -(10**15), 10**400, Decimal("12000.5"), Decimal("1E+999999999"), "12000"],
    ids=["negative", "huge", "huge negative", "endless", "too fine", "beyond", "text"],
)
def test_an_absurd_figure_fails(path: str, value: object) -> None:
    with pytest.raises(InvalidItem):
        booked(changed(path, value))


@pytest.mark.parametrize("half", ["inWalletCurrency", "inSupplierCurrency"])
@pytest.mark.parametrize(
    "amount", ["amount", f"{LINE}.lineAmount", f"{LINE}.netAmount", f"{LINE}.tax.amount"]
)
def test_a_huge_amount_fails_in_either_currency(amount: str, half: str) -> None:
    with pytest.raises(InvalidItem, match="too large"):
        booked(changed(f"{amount}.{half}.value", 10**15))


def test_a_supplier_amount_the_other_way_round_fails() -> None:
    with pytest.raises(InvalidItem, match="other way round"):
        booked(changed(f"{LINE}.lineAmount.inSupplierCurrency.value", -90000))


@pytest.mark.parametrize(
    ("currency", "value"), [("EUR", 15000), ("DKK", 15000.5), ("DKK", -15000), ("DKK", 90100)]
)
def test_a_supplier_tax_that_makes_no_sense_is_not_kept(currency: str, value: float) -> None:
    money = {"currency": currency, "value": Decimal(str(value))}
    (bill,) = booked(changed(f"{LINE}.tax.amount.inSupplierCurrency", money))
    assert {line.supplier_amount for line in bill.lines} == {None}


def test_a_line_without_its_account_fails_as_missing_configuration() -> None:
    for raw in (without(f"{LINE}.account"), changed(f"{LINE}.account", None)):
        with pytest.raises(MissingSetting):
            booked(raw)


ODD: list[object] = [
    None,
    True,
    7,
    10**15,
    Decimal("0.5"),
    "",
    "text",
    "\ud83d",
    "9999-12-31T23:59:59Z",
    [],
    [7],
    {},
    {"code": 7},
]


@pytest.mark.parametrize("path", list(paths(rich())))
def test_nothing_in_any_field_raises_anything_but_a_named_failure(path: str) -> None:
    for raw in (without(path), *(changed(path, odd) for odd in ODD)):
        try:
            entries = booked(raw)
        except ItemFailure as failure:
            texts = [failure.reason]
        else:
            texts = [f"{entry.narration}{entry.payee}{dict(entry.details)}" for entry in entries]
        for text in texts:
            text.encode()

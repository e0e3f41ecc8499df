"""An export item seen as the old ``Expense``: a story for every row of Pleo's table of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import simplejson

from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bridge.expense import SeenExpense, as_expense
from counterfoil.bridge.old_api import Mark, old_api
from counterfoil.errors import InvalidItem
from counterfoil.pleo.models import NO_ID
from counterfoil.sandbox.items import amount_pair, build_item, build_line, build_tax
from tests.bridge.conftest import amount

DAY = "2026-04-18T09:30:15.250Z"
PERSON = {"id": "user-1", "name": "Zoë Ärlig", "code": "E7"}
VENDOR = {"id": "vendor-1", "name": "Nordic Hosting ApS", "defaultCurrency": "DKK"}


def line(value: int = 1200, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- keys of a line
    return {**build_line(value), **changes}


def seen(status: str = "QUEUED", **fields: Any) -> SeenExpense:  # noqa: ANN401 -- keys of an item
    fields.setdefault("date", DAY)
    return as_expense(parse_item(build_item(company_id="company-1", **fields)), status)


def at(expense: SeenExpense, path: str) -> Any:  # noqa: ANN401 -- any JSON
    """Read ``supplier.CIF`` or ``lines[].accountId``: with ``[]``, of every element."""
    value: Any = expense.json
    for step in path.split("."):
        name = step.removesuffix("[]")
        if isinstance(value, list):
            value = [each[name] if isinstance(each, dict) else each for each in value]
        else:
            value = value[name]
    return value


Story = tuple[dict[str, Any], Any]
"""What the export item holds, and what the old field then says."""

STORIES: Mapping[str, Callable[[], Story]] = {
    "id": lambda: ({"id": "entry-1"}, "entry-1"),
    "employeeId": lambda: ({"user": PERSON}, "user-1"),
    "employeeCode": lambda: ({"user": PERSON}, "E7"),
    "departmentId": lambda: ({"team": {**PERSON, "id": "team-1"}}, "team-1"),
    "performedAt": lambda: ({}, DAY),
    "amountOriginal": lambda: ({"value": 1200}, None),
    "amountSettled": lambda: ({"value": 123456}, amount("1234.56")),
    "note": lambda: ({"note": "Lunch på Ærø"}, "Lunch på Ærø"),
    "type": lambda: ({"type": "out_of_pocket"}, "MANUAL"),
    "accountId": lambda: _with_account("accountId"),
    "taxCodeId": lambda: _with_tax("taxCodeId"),
    "createdAt": lambda: ({}, DAY),
    "updatedAt": lambda: ({}, DAY),
    "deletedAt": lambda: ({}, None),
    "tagIds[].id": lambda: ({"lines": [_tagged("tag-1")]}, ["tag-1"]),
    "tagIds[].tagGroupId": lambda: ({"lines": [_tagged("tag-1", "project")]}, ["project"]),
    "receiptIds[]": lambda: ({"files": None}, []),
    "settledExpenseIds[]": lambda: (
        {
            "type": "direct_reimbursement",
            "additionalInformation": {
                "reconciliationId": "r",
                "reconciledEntries": ["r-1", None, "r-2"],
            },
        },
        ["r-1", "r-2"],
    ),
    "status": lambda: ({}, "QUEUED"),
    "supplier.CIF": lambda: ({"supplier": {"taxIdentifier": "DK12345678"}}, "DK12345678"),
    "supplier.documentNumber": lambda: ({"supplier": {"taxIdentifier": "DK12345678"}}, None),
    "cardTransaction.state": lambda: ({"type": "refund"}, None),
    "cardTransaction.authorizedAt": lambda: ({}, None),
    "cardTransaction.settledAt": lambda: ({}, DAY),
    "cardTransaction.reversedAt": lambda: ({"type": "chargeback"}, None),
    "cardTransaction.merchant.id": lambda: ({"vendor": VENDOR}, "vendor-1"),
    "cardTransaction.merchant.name": lambda: ({"vendor": VENDOR}, "Nordic Hosting ApS"),
    "lines[].amountSettled": lambda: (
        {"lines": [line(1000), line(205)]},
        [amount("10"), amount("2.05")],
    ),
    "lines[].accountId": lambda: _with_account("lines[].accountId"),
    "lines[].taxCodeId": lambda: _with_tax("lines[].taxCodeId"),
    "lines[].tagIds[]": lambda: (
        {"lines": [_tagged("tag-1", "project")]},
        [[{"id": "tag-1", "tagGroupId": "project"}]],
    ),
}


def _with_account(path: str) -> Story:
    item = line(account={"id": "account-1", "name": "Travel", "code": "6100"})
    return {"lines": [item]}, ["account-1"] if path.startswith("lines") else "account-1"


def _with_tax(path: str) -> Story:
    tax = {**build_tax(200), "id": "tax-1"}
    return {"lines": [line(tax=tax)]}, ["tax-1"] if path.startswith("lines") else "tax-1"


def _tagged(*ids: str) -> dict[str, Any]:
    tag, group = (*ids, "project")[:2]
    return line(tags=[{"id": tag, "groupCode": group, "code": "P1"}])


def test_every_row_of_pleos_table_has_a_story() -> None:
    assert set(STORIES) == {row.old for row in old_api().expense_fields}


@pytest.mark.parametrize("old", STORIES)
def test_the_old_field_says_what_the_export_item_holds(old: str) -> None:
    fields, wanted = STORIES[old]()
    assert at(seen(**fields), old) == wanted


@pytest.mark.parametrize("old", [row.old for row in old_api().expense_fields])
def test_what_has_no_equivalent_is_null_and_says_why(old: str) -> None:
    (row,) = (row for row in old_api().expense_fields if row.old == old)
    lacking = row.mark is Mark.NONE and old != "status"
    expense = seen(type="card_purchase", supplier={"name": "Kiosk"})
    assert (old in expense.absent) == lacking
    if lacking:
        assert at(expense, old) is None
        assert expense.absent[old] == row.reason
    assert row.reason


def test_an_expense_has_exactly_the_keys_of_the_old_api() -> None:
    names = {row.old.split(".")[0].removesuffix("[]") for row in old_api().expense_fields}
    assert set(seen().json) == names
    assert set(at(seen(), "cardTransaction")) == {
        "state",
        "merchant",
        "authorizedAt",
        "settledAt",
        "reversedAt",
    }


@pytest.mark.parametrize("row", old_api().types, ids=lambda row: row.new)
def test_every_type_is_shown_as_one_of_the_seven_old_ones(row: Any) -> None:  # noqa: ANN401 -- a row
    assert at(seen(type=row.new), "type") == row.old


def test_the_types_are_all_of_pleos_contract_and_all_seven_old_ones(root: Path) -> None:
    enums = simplejson.loads((root / "tests/contract/samples/enums.json").read_text())
    known = enums["export_item_type"] if "export_item_type" in enums else _types(enums)
    assert {row.new for row in old_api().types} == set(known)
    assert {row.old for row in old_api().types} == {
        "CARD",
        "PERSONAL_TRANSFER",
        "BILL_INVOICE",
        "LOAD",
        "MANUAL",
        "MANUAL_TRANSFER",
        "PLEO_INVOICE",
    }


def _types(enums: Mapping[str, Any]) -> Sequence[str]:
    """Find the list that holds the types, under whatever name."""
    for value in enums.values():
        if isinstance(value, list) and "card_purchase" in value:
            return value
        if isinstance(value, dict) and "card_purchase" in value:
            return list(value)
    raise AssertionError("the contract's samples list no types")


def test_an_unknown_type_is_not_shown_and_said_by_name() -> None:
    with pytest.raises(InvalidItem, match="quantum_leap"):
        seen(type="quantum_leap")


@pytest.mark.parametrize(
    ("hundredths", "json"),
    [
        (1200, "12"),
        (1250, "12.5"),
        (1, "0.01"),
        (-5, "-0.05"),
        (0, "0"),
        (123456789012, "1234567890.12"),
        (Decimal("1000.00"), "10"),
    ],
)
def test_amounts_are_major_units_to_the_last_digit(hundredths: int | Decimal, json: str) -> None:
    shown = at(seen(value=hundredths), "amountSettled")["value"]
    assert simplejson.dumps(shown, use_decimal=True) == json


def test_an_amount_finer_than_its_currency_is_not_shown() -> None:
    with pytest.raises(InvalidItem, match="hundredths"):
        seen(value=Decimal("12.5"))


def test_the_settled_amount_is_the_wallets_not_the_suppliers() -> None:
    pair = amount_pair(1200, "DKK")
    pair["inSupplierCurrency"] = {"currency": "USD", "value": 190}
    assert at(seen(amount=pair), "amountSettled") == amount("12", "DKK")


def test_without_a_vendor_the_merchant_is_the_supplier_and_has_no_id() -> None:
    expense = seen(supplier={"name": "Kiosk am Eck"})
    assert at(expense, "cardTransaction.merchant") == {"id": None, "name": "Kiosk am Eck"}


def test_what_no_card_paid_has_no_card_transaction() -> None:
    assert at(seen(type="mileage"), "cardTransaction") is None


def test_without_supplier_user_and_team_the_old_keys_are_null() -> None:
    expense = seen(type="wallet_topup")
    names = ("supplier", "employeeId", "employeeCode", "departmentId")
    assert [at(expense, name) for name in names] == [None] * 4


def test_what_lines_disagree_about_only_they_tell() -> None:
    one = line(account={"id": "a", "name": "A", "code": "1"}, tax={**build_tax(100), "id": "t"})
    two = line(account={"id": "b", "name": "B", "code": "2"})
    expense = seen(lines=[one, two])
    assert at(expense, "accountId") is None
    assert at(expense, "taxCodeId") is None
    assert at(expense, "lines[].accountId") == ["a", "b"]
    assert {"accountId", "taxCodeId"} <= set(expense.absent)


def test_a_tag_of_some_lines_is_not_the_whole_expenses() -> None:
    both = {"id": "both", "groupCode": "project", "code": "P"}
    some = {"id": "some", "groupCode": "cost", "code": "C"}
    expense = seen(lines=[line(tags=[both, some, None]), line(tags=[both])])
    assert at(expense, "tagIds") == [{"id": "both", "tagGroupId": "project"}]
    assert "tagIds" in expense.absent


def test_a_line_without_category_has_no_account() -> None:
    none = {"id": NO_ID, "name": "", "code": None}
    assert at(seen(lines=[line(account=none)]), "accountId") is None
    assert at(seen(lines=[line(account=None)]), "lines[].accountId") == [None]


def test_receipts_have_ids_that_do_not_change_with_their_urls() -> None:
    def ids(url: str) -> Any:  # noqa: ANN401 -- a list of ids
        file = {"url": url, "type": "application/pdf", "size": 1}
        return at(seen(id="entry-1", files=[file, None, file]), "receiptIds")

    first, second = ids("https://pleo/a"), ids("https://pleo/b")
    assert first == second
    assert len(set(first)) == 2
    assert all(UUID(each) for each in first)


def test_times_are_utc_with_milliseconds() -> None:
    assert at(seen(date="2026-04-18T00:30:00+02:00"), "performedAt") == "2026-04-17T22:30:00.000Z"

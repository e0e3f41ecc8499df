"""Whether an item changed in Pleo since it was booked, and what changed."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from counterfoil.bookkeeping.fingerprint import differences, fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.errors import InvalidItem
from tests.book.books import SETTINGS
from tests.book.items import Json, item_json
from tests.bookkeeping.strategies import broken_items, items

CLOUD = {"amount": "63.66", "account": "6100", "tax": "VAT20 inclusive 20% 10.61"}


def item(**short: object) -> Json:
    return item_json({"lines": [dict(CLOUD)], **short}, "journal")


def marks(*raws: Json) -> set[str]:
    return {fingerprint(parse_item(raw), SETTINGS) for raw in raws}


def changes(old: Json, new: Json) -> list[str]:
    return differences(parse_item(old), parse_item(new), SETTINGS)


def test_the_recipe_never_changes() -> None:
    """The books keep these for years; another hash would call every item changed."""
    assert marks(item()) == {"207105ece6c961fa"}


def test_texts_files_and_people_do_not_count() -> None:
    other = item(note="New", user={"name": "Bo"}, supplier={"name": "Shop"}, attendees=["Cy"])
    other["files"] = [{"url": "https://example.com/a.pdf"}]
    assert marks(item(), other) == marks(item())
    assert changes(item(), other) == []


def test_the_order_of_lines_and_tags_does_not_count() -> None:
    one, two = {"amount": "1.00", "tags": "A=1, B=2"}, {"amount": "2.00", "account": "6200"}
    turned = {**one, "tags": "B=2, A=1"}
    old, new = item(lines=[dict(one), dict(two)]), item(lines=[dict(two), turned])
    assert marks(old, new) == marks(old)
    assert changes(old, new) == []


def test_needless_zeros_do_not_count() -> None:
    other = item(pleo={"amount.inWalletCurrency.value": Decimal("6.3660E+3")})
    assert marks(item(), other) == marks(item())


def test_the_day_is_the_connections() -> None:
    early, late = item(date="2026-03-05T22:30:00Z"), item(date="2026-03-05T23:30:00Z")
    assert marks(early, late) == marks(early)
    copenhagen = replace(SETTINGS, zone=ZoneInfo("Europe/Copenhagen"))
    assert differences(parse_item(early), parse_item(late), copenhagen) == [
        "date 2026-03-05 became 2026-03-06"
    ]


def line(**change: object) -> Json:
    return item(lines=[{**CLOUD, **change}])


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (line(account="6300"), ["account 6100 became 6300"]),
        (line(account="none"), ["account 6100 became none"]),
        (
            line(amount="70.00"),
            ["total 63.66 GBP became 70.00 GBP", "amount 63.66 GBP became 70.00 GBP"],
        ),
        (
            line(tax="VAT5 inclusive 5% 10.61"),
            ["tax code VAT20 became VAT5", "tax rate 0.2 became 0.05"],
        ),
        (
            line(tax="VAT20 exclusive 20% 10.60"),
            ["tax type inclusive became exclusive", "tax 10.61 GBP became 10.60 GBP"],
        ),
        (line(tax="VAT20 inclusive 20% 10.61 in=2201"), ["ingoing tax account none became 2201"]),
        (line(tags="PROJECT=P1"), ["tags none became PROJECT: P1"]),
        (item(date="2026-04-01T00:00:00Z"), ["date 2026-03-05 became 2026-04-01"]),
        (item(type="fee"), ["type card_purchase became fee"]),
        (item(sub_type="interest"), ["sub type none became interest"]),
        (item(contra="1801"), ["contra account none became 1801"]),
        (item(vendor={"code": "V001"}), ["vendor none became V001"]),
        (item_json({"lines": [dict(CLOUD)]}, "no object"), ["method journal became none"]),
    ],
)
def test_each_change_is_a_phrase(new: Json, said: list[str]) -> None:
    assert changes(item(), new) == said
    assert len(marks(item(), new)) == 2


def test_of_several_names_the_one_that_changed_is_shown() -> None:
    old = item(vendor={"code": "V001", "taxRegistrationNumber": "DK1"})
    new = item(vendor={"code": "V001", "taxRegistrationNumber": "DK2"})
    assert changes(old, new) == ["vendor DK1 became DK2"]


def test_lines_are_compared_by_their_ids() -> None:
    one, two = {"amount": "1.00", "account": "6100"}, {"amount": "2.00", "account": "6200"}
    old = item(lines=[dict(one), dict(two)])
    new = item(lines=[dict(two), {**one, "account": "6300"}])
    lines = new["accountingEntryLines"]
    lines[0]["accountingEntryLineId"], lines[1]["accountingEntryLineId"] = "line-2", "line-1"
    assert changes(old, new) == ["line 1: account 6100 became 6300"]


def test_lines_with_new_ids_are_compared_in_their_order() -> None:
    new = line(account="6300")
    new["accountingEntryLines"][0]["accountingEntryLineId"] = "other"
    assert changes(item(), new) == ["account 6100 became 6300"]


def test_lines_come_and_go() -> None:
    one, two = {"amount": "1.00", "account": "6100"}, {"amount": "2.00", "account": "6200"}
    short, long = item(lines=[dict(one)]), item(lines=[dict(one), dict(two)])
    assert changes(short, long) == [
        "total 1.00 GBP became 3.00 GBP",
        "line 2: 2.00 GBP on 6200 was added",
    ]
    assert changes(long, short)[1:] == ["line 2: 2.00 GBP on 6200 was removed"]


def test_an_amount_that_no_currency_has_is_shown_as_sent() -> None:
    odd = item(pleo={"amount.inWalletCurrency.value": Decimal("6366.5")})
    assert changes(item(), odd) == ["total 63.66 GBP became 6366.5 hundredths of GBP"]


@given(old=items(), new=items())
def test_items_with_the_same_mark_differ_in_nothing(old: Json, new: Json) -> None:
    assert changes(old, deepcopy(old)) == []
    assert (len(marks(old, new)) == 1) == (changes(old, new) == [])


@given(raw=broken_items())
def test_whatever_can_be_parsed_has_a_mark(raw: Json) -> None:
    try:
        parsed = parse_item(raw)
    except InvalidItem:
        return
    assert len(fingerprint(parsed, SETTINGS)) == 16
    assert differences(parsed, parsed, SETTINGS) == []

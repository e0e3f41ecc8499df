"""One payload becomes an item, or a failure that names every wrong field."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.parse import parse_item
from counterfoil.errors import REASON_LIMIT, InvalidItem
from tests.book.items import Json, item_json


def test_amounts_keep_every_digit_that_pleo_sends() -> None:
    body = json.dumps(item_json({}, "journal")).replace("6000", "123456789012345678.5")
    item = parse_item(json.loads(body, parse_float=Decimal))
    assert item.amount.in_wallet_currency.value == Decimal("123456789012345678.5")


def test_a_failure_that_would_be_too_long_says_how_many_more_there_are() -> None:
    raw: Json = {**item_json({}, "journal"), "accountingEntryLines": [{}] * 50}
    with pytest.raises(InvalidItem) as failed:
        parse_item(raw)
    assert "accountingEntryLines[0].lineAmount is missing" in str(failed.value)
    assert "more. Correct the expense in Pleo" in str(failed.value)
    assert len(str(failed.value)) <= REASON_LIMIT


def test_what_is_no_object_at_all_is_named() -> None:
    with pytest.raises(InvalidItem, match="the item must be an object"):
        parse_item([])  # type: ignore[arg-type]


def test_what_has_no_words_of_ours_is_told_in_the_validators() -> None:
    with pytest.raises(InvalidItem, match="date is wrong: input should be a valid datetime"):
        parse_item({**item_json({}, "journal"), "date": "2026-13-01T00:00:00Z"})


def test_a_field_with_an_endless_name_does_not_fill_the_reason() -> None:
    raw = {**item_json({}, "journal"), "_links": {"x" * 900: 7}}
    with pytest.raises(InvalidItem) as failed:
        parse_item(raw)
    assert len(str(failed.value)) <= REASON_LIMIT

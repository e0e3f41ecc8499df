"""Books that contradict themselves: the item fails, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.bookkeeping.chart import Chart, ChartTax, ChartVendor
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.errors import InvalidSetting, UnknownVendor
from tests.book.books import CHART, SETTINGS, TODAY
from tests.book.items import Json, item_json


def booked(raw: Json, chart: Chart) -> None:
    plan(parse_item(raw), chart, SETTINGS, today=TODAY)


def test_a_tax_code_of_an_account_that_is_not_there_fails() -> None:
    chart = replace(CHART, taxes={"VAT20": ChartTax(code="VAT20", ingoing_account="Gone")})
    line = {"amount": "12.00", "tax": "VAT20 inclusive 20% 2.00"}
    with pytest.raises(InvalidSetting, match="VAT20 points at account Gone"):
        booked(item_json({"lines": [line]}, "journal"), chart)


@pytest.mark.parametrize("number", ["N/A", "-", "none"])
def test_a_number_without_a_digit_is_no_number(number: str) -> None:
    chart = replace(CHART, vendors=(ChartVendor(id="v", code="V1", tax_number=number),))
    raw = item_json({"type": "invoice", "vendor": {"taxRegistrationNumber": number}}, "null")
    booked(raw, chart)
    raw["bookkeeping"] = {"method": "accounts_payable"}
    with pytest.raises(UnknownVendor, match="no vendor with tax number"):
        booked(raw, chart)

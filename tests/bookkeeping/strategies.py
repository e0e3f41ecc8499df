"""Hypothesis strategies: valid export items as Pleo's JSON, and what breaks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from hypothesis import strategies as st

from counterfoil.bookkeeping.figures import EITHER_SIGN
from counterfoil.bookkeeping.table import BASE

__all__ = ["DIGITS", "Json", "broken_items", "garbage", "items"]

Json = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]

DIGITS = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4}
"""Currencies, with the digits after the point that ISO 4217 gives them."""

TYPES = frozenset(type_ for type_, _, _ in BASE.rows)

TAXES = [
    ("VAT20", "inclusive"),
    ("VAT20", "exclusive"),
    ("HOTEL", "inclusive"),
    (None, "inclusive"),
    ("RC20", "reverse"),
    ("RC-LOST", "reverse"),
]
"""Codes and types that the book's chart can serve."""


def money(minor: int, currency: str) -> Json:
    """Write an amount of minor units as Pleo does: hundredths of the unit, whatever the digits."""
    value = Decimal(minor).scaleb(2 - DIGITS[currency])
    return {"currency": currency, "value": int(value) if value == int(value) else value}


def pair(minor: int, currency: str) -> Json:
    """Write an amount that the supplier charged in the wallet's currency."""
    return {name: money(minor, currency) for name in ("inSupplierCurrency", "inWalletCurrency")}


@st.composite
def _taxes(draw: st.DrawFn, paid: int, currency: str) -> tuple[Json, int]:
    """Draw a tax on an amount, and a net amount to go with it."""
    code, type_ = draw(st.sampled_from(TAXES))
    amount = draw(st.integers(0, abs(paid))) * (1 if paid > 0 else -1)
    net = paid if type_ == "reverse" else draw(st.sampled_from([paid, paid - amount]))
    rate = Decimal(draw(st.sampled_from(["0", "0.05", "0.2", "0.255", "1"])))
    tax = {"id": "t", "code": code, "type": type_, "rate": rate, "amount": pair(amount, currency)}
    return tax, net


@st.composite
def _lines(draw: st.DrawFn, currency: str, paid: st.SearchStrategy[int]) -> tuple[Json, int]:
    """Draw a line, and what was paid for it in minor units."""
    amount = draw(paid)
    tax, net = draw(st.just((None, amount)) | _taxes(amount, currency))
    code = draw(st.sampled_from(["6100", "6200", "6300"]))
    line = {
        "accountingEntryLineId": draw(st.uuids().map(str)),
        "lineAmount": pair(amount, currency),
        "netAmount": pair(net, currency),
        "account": {"id": "account-1", "name": "Account", "code": code},
        "tags": draw(st.none() | st.just([{"id": "tag-1", "groupCode": "PROJECT", "code": "P1"}])),
        "tax": tax,
    }
    return line, amount


@st.composite
def items(draw: st.DrawFn, types: frozenset[str] = TYPES) -> Json:
    """Draw an item that can be booked: any row of the booking table, any currency, any lines."""
    rows = [key for key in sorted(BASE.rows, key=str) if key[0] in types]
    type_, sub_type, method = draw(st.sampled_from(rows))
    currency = draw(st.sampled_from(sorted(DIGITS)))
    amounts = st.integers(-(10**9), 10**9)
    drawn = draw(st.lists(_lines(currency, amounts), min_size=1, max_size=4))
    total = sum(paid for _, paid in drawn)
    if total == 0 or (total < 0 and type_ not in EITHER_SIGN):
        drawn.append(draw(_lines(currency, st.integers(1 - total, 10**6 - total))))
    moments = st.datetimes(datetime(2017, 1, 1), datetime(2027, 1, 1))  # noqa: DTZ001, a Z follows
    return {
        "_links": {"web": {"exportItem": "https://app.pleo.io/expense/1"}},
        "accountingEntryId": draw(st.uuids().map(str)),
        "companyId": "12abc3d4-e567-890e-1234-abc56e78fabc",
        "type": type_,
        "subType": sub_type,
        "date": draw(moments.map(lambda moment: f"{moment.isoformat()}Z")),
        "amount": pair(sum(paid for _, paid in drawn), currency),
        "note": draw(st.none() | st.text(max_size=30)),
        "files": None,
        "supplier": draw(st.none() | st.just({"name": "Target", "code": "1340472473"})),
        "user": draw(st.none() | st.just({"id": "user-1", "name": "Ann Lee", "code": "E7"})),
        "team": None,
        "vendor": draw(st.none() | st.just({"id": "v", "name": "Acme", "code": "V001"})),
        "contraAccount": draw(st.none() | st.just({"id": "c", "name": "EUR", "code": "1801"})),
        "bookkeeping": {"method": method} if method or draw(st.booleans()) else None,
        "servicePeriod": None,
        "accountingEntryLines": [line for line, _ in drawn],
        "additionalInformation": {"reconciliationId": "R-1", "attendees": None},
    }


def garbage() -> st.SearchStrategy[object]:
    """Draw what no field expects: another type, nothing, too much, too fine."""
    values: list[object] = [
        None,
        True,
        0,
        -1,
        10**15,
        -(10**400),
        Decimal("0.005"),
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        Decimal("-0.0"),
        float("nan"),
        float("-inf"),
        "",
        " ",
        "\ud800",
        "\x00",
        "UNDEFINED",
        "JPY",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "x" * 5000,
        [],
        [None],
        {},
        {"": {"": []}},
    ]
    return st.sampled_from(values)


def _places(value: object, path: Path = ()) -> Iterator[Path]:
    """Go through the path of every value in a JSON value."""
    if path:
        yield path
    inside: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, inner in inside:
        yield from _places(inner, (*path, key))


@st.composite
def broken_items(draw: st.DrawFn) -> Json:
    """Draw an item in which up to three fields are garbage or gone."""
    item: Json = draw(items())
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(_places(item))))
        place: Any = item
        for step in way:
            place = place[step]
        if draw(st.booleans()):
            place[last] = deepcopy(draw(garbage()))
        else:
            del place[last]
    return item

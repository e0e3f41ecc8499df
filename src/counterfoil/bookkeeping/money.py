"""Amounts as Pleo sends them, made into major units of their currency, exactly.

``value / 100`` for every currency, as Pleo's schema says; what does not fit the currency's digits
is refused, never rounded. Digits: ISO 4217, kept in ``currencies.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files

from counterfoil.bookkeeping.names import quoted
from counterfoil.errors import InvalidItem
from counterfoil.pleo.models import Money

__all__ = ["UNDEFINED", "check_size", "is_currency", "major", "minor_unit", "plain", "rounded"]

UNDEFINED = "UNDEFINED"
"""Pleo's word for a currency it does not know."""

_LARGEST = Decimal(10**15)
"""In hundredths: amounts from ten million million units on are a mistake, not an expense."""

_READABLE = 40
"""Numbers with more digits than this are written with an exponent."""


def _read_digits() -> Mapping[str, int]:
    table = json.loads(files(__package__).joinpath("currencies.json").read_text("utf-8"))
    return {
        code: int(digits) for digits, codes in table["digits"].items() for code in codes.split()
    }


_DIGITS = _read_digits()
_MINOR = {code: Decimal(1).scaleb(-digits) for code, digits in _DIGITS.items()}
_STEP = {code: unit.scaleb(2) for code, unit in _MINOR.items()}
"""The smallest ``Money.value`` of a currency: its minor unit in hundredths of the unit."""


def is_currency(code: str) -> bool:
    """Whether ISO 4217 has this currency with a minor unit."""
    return code in _DIGITS


def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount of a known currency, in major units."""
    return _MINOR[currency]


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's digits, halves away from zero (commercial rounding)."""
    return amount.quantize(_MINOR[currency], rounding=ROUND_HALF_UP)


def plain(value: Decimal) -> str:
    """Write a number of any size without needless zeros, and never as a page of digits."""
    text = format(value, "f") if abs(value.adjusted()) < _READABLE else str(value)
    if "." in text and "E" not in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def major(money: Money, what: str) -> Decimal:
    """Return an amount in major units with exactly its currency's digits.

    ``what`` names the amount in the failure ("the amount", "the tax of line 1"). Raises
    InvalidItem for a currency without digits, too large a number, or more digits than it has.
    """
    step = _STEP.get(money.currency)
    if step is None:
        raise InvalidItem(
            f"{_opening(what)} is in {_named(money.currency)}, which is no currency of ISO 4217: "
            "correct the currency in Pleo, then export again."
        )
    check_size(money, what)
    hundredths = money.value.quantize(step)
    if hundredths != money.value:
        raise _too_fine(money, what)
    return hundredths.scaleb(-2)


def check_size(money: Money, what: str) -> None:
    """Raise InvalidItem for an amount that no expense has."""
    if not -_LARGEST < money.value < _LARGEST:
        raise InvalidItem(
            f"{_opening(what)} is {_named(plain(money.value))} hundredths of "
            f"{_named(money.currency)}, too large for an expense: correct it in Pleo, then export "
            "again."
        )


def _too_fine(money: Money, what: str) -> InvalidItem:
    digits = _DIGITS[money.currency]
    return InvalidItem(
        f"{_opening(what)} is {_named(plain(money.value))} hundredths of "
        f"{money.currency}, which has {digits} digits after the point: correct the amount in Pleo, "
        "then export again."
    )


def _opening(what: str) -> str:
    return what[:1].upper() + what[1:]


def _named(text: str) -> str:
    return quoted(text, 40) or "no currency"

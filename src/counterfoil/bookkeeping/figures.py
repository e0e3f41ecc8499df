"""An item's amounts in major units of the wallet currency, checked, and turned its type's way.

What is checked here is Pleo's arithmetic: currencies, digits, the sum of the lines, tax against
net, the sign of the total. Which accounts the amounts go to is left to ``costs`` and ``counters``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from counterfoil.bookkeeping.money import UNDEFINED, check_size, major, minor_unit, rounded
from counterfoil.bookkeeping.names import quoted
from counterfoil.bookkeeping.settings import NegativeTotals
from counterfoil.errors import InvalidItem
from counterfoil.pleo.models import AmountPair, ExportItem, ItemLine, Tax

__all__ = ["REVERSE", "TAX_TYPES", "Figures", "LineFigures", "Supplied", "read_figures"]

REVERSE = "reverse"
TAX_TYPES = frozenset({"inclusive", "exclusive", REVERSE})

EITHER_SIGN = frozenset({"refund", "chargeback", "cashback"})
"""Types whose sign Pleo does not document; positive and negative are read as the same thing."""

ZERO = Decimal(0)

_AGAIN = ": correct the expense in Pleo, then export again."


class _Words(NamedTuple):
    """How a line and its amounts are called."""

    line: str
    amount: str
    net: str
    tax: str
    path: str


@lru_cache(maxsize=1024)
def _words(index: int) -> _Words:
    line = f"line {index + 1}"
    return _Words(
        line,
        f"the amount of {line}",
        f"the net amount of {line}",
        f"the tax of {line}",
        f"accountingEntryLines[{index}]",
    )


@dataclass(frozen=True, slots=True)
class Supplied:
    """A line in the supplier's currency, where that is another one: what was paid, and its tax."""

    currency: str
    paid: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """One line of the item: what was paid, and how much of that (or on top of that) is tax."""

    index: int
    line: ItemLine
    paid: Decimal
    tax: Decimal
    supplied: Supplied | None

    @property
    def reverse(self) -> bool:
        """Whether the tax is a reverse charge: owed and deducted, not part of what was paid."""
        return self.line.tax is not None and self.line.tax.type == REVERSE

    @property
    def base(self) -> Decimal:
        """What the tax is on."""
        return self.paid if self.reverse else self.paid - self.tax

    @property
    def path(self) -> str:
        """Where the line lies in the item."""
        return _words(self.index).path

    @property
    def name(self) -> str:
        """The line as a bookkeeper counts it."""
        return _words(self.index).line


@dataclass(frozen=True, slots=True)
class Figures:
    """The lines that are not zero, and their sum; positive is the direction of the item's type."""

    currency: str
    lines: tuple[LineFigures, ...]
    total: Decimal

    @property
    def supplied(self) -> tuple[Decimal, str] | None:
        """The total in the supplier's currency, where every line has it in the same one."""
        parts = [line.supplied for line in self.lines if line.supplied is not None]
        if len(parts) < len(self.lines) or len({part.currency for part in parts}) != 1:
            return None
        return sum((part.paid for part in parts), ZERO), parts[0].currency


def read_figures(item: ExportItem, negative: NegativeTotals) -> Figures:
    """Return the item's figures; raises InvalidItem for whatever does not add up.

    Source: Pleo, "Data mapping" and "Tax"; where its pages disagree, docs/bookings.md.
    """
    if not item.accounting_entry_lines:
        raise InvalidItem("The expense has no lines, so there is nothing to book" + _AGAIN)
    amount = _amount(item.amount, "the amount")
    currency = item.amount.in_wallet_currency.currency
    lines = [_line(index, line, currency) for index, line in enumerate(item.accounting_entry_lines)]
    total = sum((line.paid for line in lines), ZERO)
    if total != amount:
        raise InvalidItem(
            f"The lines sum to {total} {currency}, but the amount is {amount} {currency}{_AGAIN}"
        )
    kept = [line for line in lines if line.paid]
    if not kept:
        raise InvalidItem("Every line is zero, so there is nothing to book" + _AGAIN)
    return _turned(item.type, Figures(currency, tuple(kept), total), negative)


def _turned(type_: str, figures: Figures, negative: NegativeTotals) -> Figures:
    """Give the total the sign its type's direction has."""
    if type_ in EITHER_SIGN:
        return _flipped(figures) if figures.total < 0 else _decided(type_, figures)
    if figures.total < 0 and negative is NegativeTotals.FAIL:
        raise InvalidItem(
            f"The total of this {type_} is {figures.total} {figures.currency}, against the "
            "direction of its type: correct it in Pleo, or book such items the other way round "
            'with [connection.signs] negative = "reverse".'
        )
    return figures


def _decided(type_: str, figures: Figures) -> Figures:
    if not figures.total:
        raise InvalidItem(
            f"The lines of this {type_} sum to zero, so it cannot be told which of them come back "
            "and which are charged: book it by hand."
        )
    return figures


def _flipped(figures: Figures) -> Figures:
    lines = tuple(
        LineFigures(
            index=line.index,
            line=line.line,
            paid=-line.paid,
            tax=-line.tax,
            supplied=_negated(line.supplied),
        )
        for line in figures.lines
    )
    return Figures(figures.currency, lines, -figures.total)


def _negated(supplied: Supplied | None) -> Supplied | None:
    return supplied and Supplied(supplied.currency, -supplied.paid, -supplied.tax)


def _pair(pair: AmountPair, what: str) -> tuple[Decimal, Decimal | None]:
    """Read an amount in both its currencies; the supplier's may be undefined."""
    paid = major(pair.in_wallet_currency, what)
    theirs = pair.in_supplier_currency
    ours = pair.in_wallet_currency
    if theirs.value == ours.value and theirs.currency == ours.currency:
        return paid, paid
    check_size(theirs, what)
    if theirs.currency == UNDEFINED:
        return paid, None
    supplied = major(theirs, f"{what} in the supplier's currency")
    if supplied * paid < 0:
        raise InvalidItem(
            f"{what[:1].upper()}{what[1:]} is {paid} {ours.currency}, but {supplied} "
            f"{theirs.currency} in the supplier's currency, which is the other way round{_AGAIN}"
        )
    return paid, supplied


def _amount(pair: AmountPair, what: str) -> Decimal:
    """Read an amount whose supplier's half is not booked, only sane."""
    check_size(pair.in_supplier_currency, what)
    return major(pair.in_wallet_currency, what)


def _line(index: int, line: ItemLine, currency: str) -> LineFigures:
    words = _words(index)
    paid, supplied = _pair(line.line_amount, words.amount)
    net = _amount(line.net_amount, words.net)
    tax = ZERO
    if line.tax is not None:
        tax = _tax(line.tax, paid, currency, words)
    _same_currency(line, currency, words.line)
    _check_net(line.tax, net, (paid, tax), minor_unit(currency), words.net)
    return LineFigures(
        index=index, line=line, paid=paid, tax=tax, supplied=_supplied(line, supplied)
    )


def _same_currency(line: ItemLine, currency: str, name: str) -> None:
    amounts = [line.line_amount, line.net_amount]
    if line.tax is not None:
        amounts.append(line.tax.amount)
    for pair in amounts:
        other = pair.in_wallet_currency.currency
        if other != currency:
            raise InvalidItem(
                f"{name.capitalize()} is in {other}, but the expense was paid from a wallet in "
                f"{currency}; one entry takes one currency{_AGAIN}"
            )


def _tax(tax: Tax, paid: Decimal, currency: str, words: _Words) -> Decimal:
    """Return the tax of a line, in major units; reverse charge may have to be reckoned."""
    if tax.type not in TAX_TYPES:
        raise InvalidItem(
            f'T{words.tax[1:]} has the type "{quoted(tax.type)}", for which there is no rule: '
            "choose another tax code in Pleo, or book this expense by hand."
        )
    if not 0 <= tax.rate <= 1:
        raise InvalidItem(
            f"The tax rate of {words.line} is {quoted(str(tax.rate), 40)}; Pleo sends a fraction "
            "from 0 to 1 (0.2 for 20 %): correct the tax code in Pleo, then export again."
        )
    amount = _amount(tax.amount, words.tax)
    if tax.type == REVERSE and not amount:
        amount = rounded(paid * tax.rate, currency)
    if amount * paid < 0 or abs(amount) > abs(paid):
        raise InvalidItem(
            f"T{words.tax[1:]} is {amount} {currency}, but {paid} {currency} was paid, and no tax "
            f"can be that{_AGAIN}"
        )
    return amount


def _check_net(
    tax: Tax | None, net: Decimal, figures: tuple[Decimal, Decimal], unit: Decimal, what: str
) -> None:
    """Hold Pleo's net amount against ours.

    Pleo's pages disagree whether ``netAmount`` includes the tax, so either will do; without a tax
    to hold it against it must lie between nothing and what was paid.
    """
    paid, tax_amount = figures
    if tax is None:
        wrong = net * paid < 0 or abs(net) > abs(paid) + unit
    elif tax.type == REVERSE:
        wrong = False
    else:
        wrong = min(abs(net - paid), abs(net - (paid - tax_amount))) > unit
    if wrong:
        raise InvalidItem(
            f"T{what[1:]} is {net}, but {paid} was paid with {tax_amount} of tax, "
            f"which makes {paid - tax_amount} net{_AGAIN}"
        )


def _supplied(line: ItemLine, paid: Decimal | None) -> Supplied | None:
    """Return the line in the supplier's currency, with its tax where Pleo gives it sensibly."""
    theirs = line.line_amount.in_supplier_currency.currency
    if paid is None or theirs == line.line_amount.in_wallet_currency.currency:
        return None
    tax = line.tax
    if tax is None:
        return Supplied(theirs, paid, ZERO)
    amount = _supplied_tax(tax, theirs, paid)
    return None if amount is None else Supplied(theirs, paid, amount)


def _supplied_tax(tax: Tax, currency: str, paid: Decimal) -> Decimal | None:
    money = tax.amount.in_supplier_currency
    if money.currency != currency:
        return None
    try:
        amount = major(money, "the tax")
    except InvalidItem:
        return None
    if amount * paid < 0 or abs(amount) > abs(paid):
        return None
    return rounded(paid * tax.rate, currency) if tax.type == REVERSE and not amount else amount

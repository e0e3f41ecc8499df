"""A posting before it becomes a line: an account, chosen by a rule, and an amount."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from counterfoil.bookkeeping.accounts import Choice
from counterfoil.bookkeeping.entries import Line, LineTax

__all__ = ["Posting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """An amount on a chosen account; positive on the side that the booking table gives it."""

    choice: Choice
    amount: Decimal
    fields: tuple[str, ...] = ()
    tax: LineTax | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    supplied: tuple[Decimal, str] | None = None
    """The amount in the supplier's currency, where that is another one."""

    def line(self, *, credit: bool) -> Line:
        """Make it a line of an entry; on the credit side the signs turn round."""
        amount, tax, supplied = self.amount, self.tax, self.supplied
        if credit:
            amount = -amount
            tax = tax and _turned(tax)
            supplied = supplied and (-supplied[0], supplied[1])
        return Line(
            account=self.choice.account.id,
            amount=amount,
            rule=self.choice.rule,
            tax=tax,
            dimensions=self.dimensions,
            fields=(*self.choice.fields, *self.fields),
            supplier_amount=supplied,
        )


def _turned(tax: LineTax) -> LineTax:
    return LineTax(code=tax.code, rate=tax.rate, base=-tax.base, amount=-tax.amount, type=tax.type)

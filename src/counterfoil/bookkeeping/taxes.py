"""Where a line's tax goes: to an ingoing and an outgoing tax account, or into the cost.

The accounts are the item's own (``ingoingTaxAccount``, ``outgoingTaxAccount``), else those that the
chart names for the code. How much the tax is, is left to ``figures``.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterfoil.bookkeeping.accounts import Books, Choice
from counterfoil.bookkeeping.chart import ChartTax
from counterfoil.bookkeeping.figures import LineFigures
from counterfoil.bookkeeping.names import given, quoted
from counterfoil.errors import InvalidSetting, MissingSetting, UnknownTaxCode
from counterfoil.pleo.models import Tax

__all__ = ["IN_COST", "TaxAccounts", "tax_accounts"]


@dataclass(frozen=True, slots=True)
class TaxAccounts:
    """The accounts of a line's tax; None for a side that is not made."""

    ingoing: Choice | None = None
    outgoing: Choice | None = None


IN_COST = TaxAccounts()
"""The tax stays in the line."""


def tax_accounts(books: Books, line: LineFigures, tax: Tax) -> TaxAccounts:
    """Return where this line's tax goes; raises UnknownTaxCode, UnknownAccount, MissingSetting."""
    code = given(tax.code)
    known = books.chart.taxes.get(code) if code else None
    source = _Source(books, line, tax, known)
    ingoing = source.account("ingoing")
    outgoing = source.account("outgoing") if line.reverse else None
    if ingoing is None and outgoing is None:
        if code is not None and known is None:
            raise _unknown(code)
        return IN_COST
    if line.reverse and (ingoing is None or outgoing is None):
        return _one_sided(code, known, TaxAccounts(ingoing, outgoing))
    return TaxAccounts(ingoing, outgoing)


@dataclass(frozen=True, slots=True)
class _Source:
    """Looks the tax accounts of one line up."""

    books: Books
    line: LineFigures
    tax: Tax
    known: ChartTax | None

    def account(self, side: str) -> Choice | None:
        """Return the account of one side: the item's own, else what the chart names."""
        rule = f"{'reverse' if self.line.reverse else 'tax'}-{side}"
        role = f"a line's {side} tax account"
        ingoing = side == "ingoing"
        own = given(self.tax.ingoing_tax_account if ingoing else self.tax.outgoing_tax_account)
        if own is not None:
            account = self.books.by_text(own, role)
            field = f"{self.line.path}.tax.{side}TaxAccount"
            return Choice(account=account, rule=rule, fields=(field,), role=role)
        if self.known is None or (ingoing and not self.known.recoverable):
            return None
        return self.of_chart(self.known, rule, role, ingoing=ingoing)

    def of_chart(self, known: ChartTax, rule: str, role: str, *, ingoing: bool) -> Choice | None:
        """Return the account that the chart names for the code."""
        name = known.ingoing_account if ingoing else known.outgoing_account
        if name is None:
            return None
        account = self.books.chart.accounts.get(name)
        if account is None:
            raise InvalidSetting(
                f"In the books tax code {known.code} points at account {name}, which they do not "
                "have: correct the tax code there."
            )
        field = f"{self.line.path}.tax.code"
        return Choice(account=account, rule=rule, fields=(field,), role=role)


def _one_sided(code: str | None, known: ChartTax | None, found: TaxAccounts) -> TaxAccounts:
    """Reverse charge takes both accounts, unless the books say that the tax is not recoverable."""
    if known is not None and not known.recoverable and found.outgoing is not None:
        return found
    lacking = "outgoing" if found.outgoing is None else "ingoing"
    tax = f"Tax code {quoted(code)}" if code else "A line's tax without a code"
    raise MissingSetting(
        f"{tax} is a reverse charge, which takes an ingoing and an outgoing tax "
        f"account, but no {lacking} one is set: set it for the code in Pleo or in the books."
    )


def _unknown(code: str) -> UnknownTaxCode:
    return UnknownTaxCode(
        f"The books have no tax code {quoted(code)}, which a line carries, and Pleo names "
        "no tax account for it: set the code up in the books, or give it an account in Pleo."
    )

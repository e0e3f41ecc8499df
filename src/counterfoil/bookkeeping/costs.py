"""The side of the lines: a posting for each line, and one for each tax on its own account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from counterfoil.bookkeeping.accounts import Books, Choice, is_missing
from counterfoil.bookkeeping.dimensions import dimensions
from counterfoil.bookkeeping.entries import LineTax
from counterfoil.bookkeeping.figures import LineFigures, Supplied
from counterfoil.bookkeeping.names import given
from counterfoil.bookkeeping.postings import Posting
from counterfoil.bookkeeping.taxes import IN_COST, TaxAccounts, tax_accounts
from counterfoil.errors import MissingSetting
from counterfoil.pleo.models import Account, Tax

__all__ = ["cost_postings"]


def cost_postings(line: LineFigures, books: Books, otherwise: str | None) -> Iterator[Posting]:
    """Make the postings of one line; their sum is what was paid.

    ``otherwise`` is the configured account for a line without a category (a key of
    ``[connection.accounts]``); None where such a line fails. Raises the ItemFailure that says what
    is lacking.
    """
    account = line.line.account
    if account is None or is_missing(account):
        if otherwise is None:
            raise _no_category(line, books.currency)
        yield _uncategorised(line, books, otherwise)
    else:
        yield from _categorised(line, account, books)


def _uncategorised(line: LineFigures, books: Books, key: str) -> Posting:
    """Post the whole amount: without a category there is no tax for the company to deduct."""
    return Posting(
        choice=books.configured(key),
        amount=line.paid,
        fields=(f"{line.path}.lineAmount",),
        dimensions=dimensions(line, books.chart),
        supplied=_beside(line, lambda theirs: theirs.paid),
    )


def _categorised(line: LineFigures, account: Account, books: Books) -> Iterator[Posting]:
    tax = line.line.tax
    split = IN_COST if tax is None else tax_accounts(books, line, tax)
    in_cost = bool(line.tax) and split.ingoing is None
    yield Posting(
        choice=_category(line, account, books, "tax-in-cost" if in_cost else None),
        amount=_cost(line.paid, line.tax, line, split),
        fields=_cost_fields(line),
        tax=None if tax is None else _line_tax(line, tax),
        dimensions=dimensions(line, books.chart),
        supplied=_beside(line, lambda theirs: _cost(theirs.paid, theirs.tax, line, split)),
    )
    if split.ingoing is not None and line.tax:
        yield _tax_posting(line, split.ingoing, 1)
    if split.outgoing is not None and line.tax:
        yield _tax_posting(line, split.outgoing, -1)


def _cost(paid: Decimal, tax: Decimal, line: LineFigures, split: TaxAccounts) -> Decimal:
    """Return what stays on the line's own account.

    A tax on an ingoing account leaves what was paid, unless it was never paid (reverse charge); a
    reverse charge that cannot be recovered comes on top of it.
    """
    if line.reverse:
        return paid + tax if split.ingoing is None and split.outgoing is not None else paid
    return paid if split.ingoing is None else paid - tax


def _beside(line: LineFigures, amount: Callable[[Supplied], Decimal]) -> tuple[Decimal, str] | None:
    """Return an amount in the supplier's currency, where that is another one."""
    theirs = line.supplied
    return None if theirs is None else (amount(theirs), theirs.currency)


def _tax_posting(line: LineFigures, choice: Choice, sign: int) -> Posting:
    return Posting(
        choice=choice,
        amount=sign * line.tax,
        fields=(f"{line.path}.tax.amount",),
        supplied=_beside(line, lambda theirs: sign * theirs.tax),
    )


def _category(line: LineFigures, account: Account, books: Books, rule: str | None) -> Choice:
    role = "a line's category"
    chosen, setting = books.by_reference(account, role)
    fields = (f"{line.path}.account",)
    return Choice(
        account=chosen,
        rule=rule or ("codes-map" if setting else "line-account"),
        fields=(*fields, setting) if setting else fields,
        role=role,
    )


def _cost_fields(line: LineFigures) -> tuple[str, ...]:
    amount = f"{line.path}.lineAmount"
    return (amount,) if line.line.tax is None else (amount, f"{line.path}.tax")


def _line_tax(line: LineFigures, tax: Tax) -> LineTax:
    return LineTax(
        code=given(tax.code), rate=tax.rate, base=line.base, amount=line.tax, type=tax.type
    )


def _no_category(line: LineFigures, currency: str) -> MissingSetting:
    return MissingSetting(
        f"{line.name.capitalize()} ({line.paid} {currency}) has no category with an account: "
        "choose one for the expense in Pleo, or give its category an account code there, then "
        "export again."
    )

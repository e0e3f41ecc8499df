"""What Tryton knows of a company, read once a job: accounts, taxes, parties, periods, rates.

The ids here are Tryton's own numbers. What of this the rules see is in ``charting``; which amounts
follow from a rate is here, as Tryton computes it itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from counterfoil.errors import MissingSetting, UnknownAccount, UnknownTag

__all__ = [
    "AccountRow",
    "Currency",
    "Master",
    "PartyRow",
    "Period",
    "TaxRow",
    "account_id",
    "number_of",
]


def account_id(number: int) -> str:
    """Return the chart's id of an account."""
    return f"account.account,{number}"


def number_of(id: str) -> int:
    """Return the number in an id such as ``account.account,12``; raises ValueError."""
    return int(id.rpartition(",")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account that takes postings."""

    number: int
    code: str | None
    name: str
    payable: bool = False
    party_required: bool = False
    reconcile: bool = False
    currency: int | None = None
    """The one second currency that all its postings have."""
    opened: date | None = None
    last_day: date | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRow:
    """A tax as Pleo's code means it: its own part, or the two parts of a reverse charge."""

    name: str
    parts: tuple[int, ...]
    """The taxes that a base is reported for."""
    ingoing: int | None = None
    outgoing: int | None = None
    ingoing_account: int | None = None
    outgoing_account: int | None = None
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRow:
    """A vendor or employee."""

    number: int
    name: str
    code: str | None
    active: bool = True
    payable: int | None = None
    address: int | None = None
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A standard period of a fiscal year; it takes entries while it is open."""

    number: int
    name: str
    first: date
    last: date
    state: str


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and its digits."""

    number: int
    code: str
    digits: int

    def round(self, amount: Decimal) -> Decimal:
        """Round as Tryton does."""
        return amount.quantize(Decimal(1).scaleb(-self.digits), ROUND_HALF_EVEN)


@dataclass(frozen=True, kw_only=True)
class Master:
    """A company's master data."""

    company: int
    company_name: str
    own: Currency
    """The currency its books are kept in."""
    currencies: Mapping[str, Currency]
    rates: Mapping[int, Sequence[tuple[date, Decimal]]]
    """By currency: what one unit of the reference currency buys from a day on, oldest first."""
    accounts: Mapping[str, AccountRow]
    taxes: Mapping[str, TaxRow]
    parties: Mapping[str, PartyRow]
    periods: Sequence[Period]
    journals: Mapping[str, int]
    closed_journals: frozenset[tuple[int, int]] = frozenset()
    """Journal and period, where only that journal is closed."""
    dimensions: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """An axis and a value, to the root and the analytic account."""

    def account(self, id: str) -> AccountRow:
        """Return an account by the chart's id; raises UnknownAccount."""
        found = self.accounts.get(id)
        if found is None:
            raise UnknownAccount(
                f"{self.company_name} has no account {id} in Tryton: open it there."
            )
        return found

    def analytic(self, dimension: tuple[str, str]) -> tuple[int, int]:
        """Return root and account of a dimension and its value; raises UnknownTag."""
        found = self.dimensions.get(dimension)
        if found is None:
            axis, value = dimension
            raise UnknownTag(
                f"Tryton has no analytic account {value} on the axis {axis}: create it there, or "
                "choose another tag in Pleo."
            )
        return found

    def period_at(self, day: date) -> Period | None:
        """Return the standard period that a day lies in."""
        return next((each for each in self.periods if each.first <= day <= each.last), None)

    def currency(self, code: str) -> Currency:
        """Return a currency; raises MissingSetting where Tryton does not have it."""
        found = self.currencies.get(code)
        if found is None:
            raise MissingSetting(
                f"Tryton has no currency {code}: create it there, with a rate, then export again."
            )
        return found

    def convert(self, amounts: Iterable[Decimal], currency: Currency, day: date) -> list[Decimal]:
        """Return amounts in the company's own currency; their sum stays what it is when rounded.

        A difference goes to the largest amount. Raises MissingSetting where there is no rate.
        """
        amounts = list(amounts)
        if currency.number == self.own.number:
            return amounts
        factor = self._rate(self.own, day) / self._rate(currency, day)
        converted = [self.own.round(amount * factor) for amount in amounts]
        rest = self.own.round(sum(amounts, Decimal(0)) * factor) - sum(converted, Decimal(0))
        if rest:
            largest = max(range(len(converted)), key=lambda index: abs(converted[index]))
            converted[largest] += rest
        return converted

    def _rate(self, currency: Currency, day: date) -> Decimal:
        rates = self.rates.get(currency.number, ())
        place = bisect_right([since for since, _ in rates], day)
        if not place or not rates[place - 1][1]:
            raise MissingSetting(
                f"Tryton has no rate of {currency.code} for {day.isoformat()}, and its books are "
                f"in {self.own.code}: enter one there, then export again."
            )
        return rates[place - 1][1]

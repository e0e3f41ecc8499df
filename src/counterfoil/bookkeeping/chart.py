"""What the books know: accounts, tax codes, dimensions, vendors and periods, as read once a job.

Every adapter fills this in from its accounting system; the rules read it and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from counterfoil.bookkeeping.names import code_key, given, number_keys

__all__ = ["Chart", "ChartAccount", "ChartTax", "ChartVendor", "ClosedSpan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartAccount:
    """An account: ``id`` is the books' own name, ``code`` what people write (may be absent)."""

    id: str
    code: str | None = None
    name: str = ""
    opened: date | None = None
    closed: date | None = None
    """The first day on which the account takes nothing any more."""
    currencies: frozenset[str] = frozenset()
    """The currencies it takes; empty means any."""
    active: bool = True
    closed_before: date | None = None
    """Postings before this day would break a settled balance of this account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTax:
    """A tax code, its ingoing (deductible) and outgoing account ids; neither: it is a cost."""

    code: str
    ingoing_account: str | None = None
    outgoing_account: str | None = None
    recoverable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartVendor:
    """A vendor or employee in the books, and the account id of what is owed to it."""

    id: str
    name: str = ""
    account: str | None = None
    code: str | None = None
    external_id: str | None = None
    registration_number: str | None = None
    tax_number: str | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSpan:
    """Days (both included) that take no entries; ``first`` None means since ever."""

    first: date | None
    last: date

    def __contains__(self, day: date) -> bool:
        """Whether the day is closed."""
        return day <= self.last and (self.first is None or day >= self.first)


@dataclass(frozen=True)
class Chart:
    """The books' master data. Two accounts with one code are left out of ``by_code`` and named."""

    accounts: Mapping[str, ChartAccount]
    taxes: Mapping[str, ChartTax] = field(default_factory=dict)
    vendors: tuple[ChartVendor, ...] = ()
    dimensions: Mapping[str, frozenset[str]] | None = None
    """Group code to its values; None where the books take any."""
    closed: tuple[ClosedSpan, ...] = ()

    def all_open(self) -> Chart:
        """Return it with every period open, to plan what was booked before some were closed."""
        accounts = {
            name: replace(account, closed_before=None) for name, account in self.accounts.items()
        }
        return replace(self, accounts=accounts, closed=())

    @cached_property
    def by_code(self) -> Mapping[str, ChartAccount]:
        """Accounts by code; codes that several accounts claim are absent."""
        return {
            account.code: account
            for account in self.accounts.values()
            if account.code and account.code not in self.ambiguous_codes
        }

    @cached_property
    def ambiguous_codes(self) -> Mapping[str, tuple[str, ...]]:
        """Codes claimed by several accounts, with those accounts' ids."""
        claims: dict[str, list[str]] = {}
        for account in self.accounts.values():
            if account.code:
                claims.setdefault(account.code, []).append(account.id)
        return {code: tuple(ids) for code, ids in claims.items() if len(ids) > 1}

    @cached_property
    def vendors_by(self) -> Mapping[tuple[str, str], tuple[ChartVendor, ...]]:
        """Vendors by what Pleo may know of them: "code", "id" or "number", and its value."""
        found: dict[tuple[str, str], list[ChartVendor]] = {}
        for vendor in self.vendors:
            for key in _vendor_keys(vendor):
                found.setdefault(key, []).append(vendor)
        return {key: tuple(vendors) for key, vendors in found.items()}

    @cached_property
    def vendors_by_account(self) -> Mapping[str, ChartVendor]:
        """Vendors by a payable account of their own; accounts that several share are absent."""
        owners: dict[str, list[ChartVendor]] = {}
        for vendor in self.vendors:
            if vendor.account is not None:
                owners.setdefault(vendor.account, []).append(vendor)
        return {account: own[0] for account, own in owners.items() if len(own) == 1}

    @cached_property
    def dimension_names(self) -> Mapping[str, tuple[str, Mapping[str, str]]]:
        """Groups and values by their comparable form, with the books' own spelling."""
        return {
            code_key(group): (group, {code_key(value): value for value in values})
            for group, values in (self.dimensions or {}).items()
        }


def _vendor_keys(vendor: ChartVendor) -> set[tuple[str, str]]:
    names = (("id", vendor.id), ("id", vendor.external_id), ("code", vendor.code))
    numbers = (vendor.registration_number, vendor.tax_number)
    return {
        *((kind, code_key(name)) for kind, name in names if name and given(name)),
        *(("number", number_keys(number)[1]) for number in numbers if number and given(number)),
    }

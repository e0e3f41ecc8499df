"""Which vendor or employee of the books an item is owed to.

A vendor is matched by code, external id, registration and tax number, in this order, never by name;
Pleo's ``supplier`` counts only where no vendor is given. Which account follows from it is left to
``counters``. Source: Pleo, "Vendor-based bookkeeping" and "Vendor Tagging".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from counterfoil.bookkeeping.accounts import Books
from counterfoil.bookkeeping.chart import Chart, ChartVendor
from counterfoil.bookkeeping.names import code_key, given, number_keys, quoted, same_place
from counterfoil.bookkeeping.settings import UnmatchedVendor
from counterfoil.errors import UnknownVendor
from counterfoil.pleo.models import ExportItem, Supplier, Vendor

__all__ = ["ACCOUNTS_PAYABLE", "Party", "employee_of", "vendor_of"]

ACCOUNTS_PAYABLE = "accounts_payable"


@dataclass(frozen=True, slots=True)
class Party:
    """A vendor or employee of the books, and the item's field that it was found by."""

    vendor: ChartVendor
    field: str


@dataclass(frozen=True, slots=True)
class _Key:
    """Something Pleo knows a party by."""

    kind: str
    value: str | None
    field: str
    words: str
    country: str = ""


def vendor_of(item: ExportItem, books: Books) -> Party | None:
    """Return the vendor of an item; None where it has none, so that the fallback account serves.

    Raises UnknownVendor where several fit and, unless ``unmatched_vendor`` says otherwise, where
    it is blocked or, under accounts payable, where the books do not have it.
    """
    if item.vendor is not None:
        return _tagged(item, item.vendor, books)
    if item.supplier is not None:
        name = f"supplier {quoted(item.supplier.name or 'without a name')}"
        return _party(books, tuple(_supplier_keys(item.supplier, books.chart)), name)
    return None


def _tagged(item: ExportItem, vendor: Vendor, books: Books) -> Party | None:
    name = f"vendor {quoted(vendor.name)}"
    keys = tuple(key for key in _vendor_keys(vendor) if key.value)
    party = _party(books, keys, name)
    method = item.bookkeeping.method if item.bookkeeping else None
    if (
        party is None
        and method == ACCOUNTS_PAYABLE
        and books.settings.unmatched_vendor is UnmatchedVendor.FAIL
    ):
        raise _unmatched(name, keys)
    return party


def employee_of(item: ExportItem, books: Books) -> Party | None:
    """Return the employee as a vendor of the books; None where the books do not have one."""
    user = item.user
    if user is None:
        return None
    keys = (
        _Key("code", given(user.code), "user.code", "code"),
        _Key("id", given(user.id), "user.id", "id"),
    )
    return _party(books, keys, f"employee {quoted(user.name)}")


def _vendor_keys(vendor: Vendor) -> Iterable[_Key]:
    country = (vendor.country or "").upper()
    yield _Key("code", given(vendor.code), "vendor.code", "code")
    yield _Key("id", given(vendor.external_id), "vendor.externalId", "external id")
    for value, field, words in (
        (vendor.registration_number, "vendor.registrationNumber", "registration number"),
        (vendor.tax_registration_number, "vendor.taxRegistrationNumber", "tax number"),
    ):
        yield _Key("number", given(value), field, words, country)


def _supplier_keys(supplier: Supplier, chart: Chart) -> Iterable[_Key]:
    country = (supplier.country or "").upper()
    yield _Key("code", given(supplier.code), "supplier.code", "code")
    yield _Key("account", _account_id(chart, supplier.account), "supplier.account", "account")
    number = given(supplier.tax_identifier)
    yield _Key("number", number, "supplier.taxIdentifier", "tax number", country)


def _account_id(chart: Chart, text: str | None) -> str | None:
    """Read a vendor's account number as an account of the books."""
    name = given(text)
    if name is None:
        return None
    account = chart.by_code.get(name) or chart.accounts.get(name)
    return account.id if account else None


def _party(books: Books, keys: Iterable[_Key], name: str) -> Party | None:
    """Return the one vendor the keys mean; raises UnknownVendor for several.

    A blocked one is none at all where unmatched vendors fall back, and raises otherwise.
    """
    found: tuple[ChartVendor, ...] = ()
    field = ""
    for key in keys:
        matches = _matches(books.chart, key)
        both = tuple(vendor for vendor in matches if vendor in found)
        if matches and found and not both:
            raise _several(name, (*found, *matches))
        if matches:
            found, field = both or matches, field or key.field
    if len(found) > 1:
        raise _several(name, found)
    if not found:
        return None
    if found[0].blocked and books.settings.unmatched_vendor is UnmatchedVendor.FALLBACK:
        return None
    if found[0].blocked:
        raise _blocked(name, found[0])
    return Party(found[0], field)


def _matches(chart: Chart, key: _Key) -> tuple[ChartVendor, ...]:
    if key.value is None:
        return ()
    if key.kind == "account":
        owner = chart.vendors_by_account.get(key.value)
        return (owner,) if owner else ()
    if key.kind != "number":
        return chart.vendors_by.get((key.kind, code_key(key.value)), ())
    country, number = number_keys(key.value)
    place = country or key.country
    return tuple(
        vendor
        for vendor in chart.vendors_by.get(("number", number), ())
        if _same_number(vendor, number, place)
    )


def _same_number(vendor: ChartVendor, number: str, place: str) -> bool:
    if not any(map(str.isdigit, number)):
        return False
    for text in (vendor.registration_number, vendor.tax_number):
        country, own = number_keys(text or "")
        if own == number and same_place(country, place):
            return True
    return False


def _label(vendor: ChartVendor) -> str:
    key = vendor.code or vendor.id
    return f"{key} ({quoted(vendor.name)})" if vendor.name and vendor.name != key else key


def _unmatched(name: str, keys: tuple[_Key, ...]) -> UnknownVendor:
    known = " or ".join(f"{key.words} {quoted(key.value or '', 40)}" for key in keys)
    if not known:
        return UnknownVendor(
            f"The {name} has neither code nor number in Pleo to find it in the books by: give it "
            "the code it has there."
        )
    return UnknownVendor(
        f"The books have no vendor with {known}, which Pleo gives the {name}: create it in the "
        "books, or give it in Pleo the code it has there."
    )


def _several(name: str, vendors: tuple[ChartVendor, ...]) -> UnknownVendor:
    labels = " and ".join(dict.fromkeys(map(_label, vendors[:4])))
    return UnknownVendor(
        f"The {name} may be {labels} of the books: give it in Pleo the code of the right one, or "
        "correct the double one in the books."
    )


def _blocked(name: str, vendor: ChartVendor) -> UnknownVendor:
    return UnknownVendor(
        f"The {name} is {_label(vendor)} in the books and blocked there: unblock it, or choose "
        "another vendor in Pleo."
    )

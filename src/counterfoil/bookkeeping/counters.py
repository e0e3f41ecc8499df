"""The other side: the one account that takes the sum, by its role in the booking table."""

from __future__ import annotations

from dataclasses import dataclass

from counterfoil.bookkeeping.accounts import Books, Choice
from counterfoil.bookkeeping.names import given
from counterfoil.bookkeeping.roles import ACCOUNT_PREFIX, Role
from counterfoil.bookkeeping.vendors import Party, employee_of, vendor_of
from counterfoil.pleo.models import ExportItem

__all__ = ["Counter", "counter"]


@dataclass(frozen=True, slots=True)
class Counter:
    """An account for the sum, and the vendor or employee that it is owed to, if any."""

    choice: Choice
    vendor: str | None = None


def counter(role: str, item: ExportItem, books: Books, pays: str | None) -> Counter:
    """Return the account that plays a role for this item; raises the ItemFailure if there is none.

    ``pays`` is the account id that a payment goes to, where what it pays is known.
    """
    match role:
        case Role.WALLET:
            return Counter(_wallet(item, books))
        case Role.OUT_OF_POCKET | Role.CONTRA:
            return Counter(books.configured(role))
        case Role.PAYABLE:
            party = vendor_of(item, books)
            return _owed(party, books, pays, ("vendor-payable", Role.PAYABLE))
        case Role.EMPLOYEE_PAYABLE:
            party = employee_of(item, books)
            return _owed(party, books, pays, ("employee-payable", Role.OUT_OF_POCKET))
        case _:
            return Counter(_own(role.removeprefix(ACCOUNT_PREFIX).strip(), books))


def _wallet(item: ExportItem, books: Books) -> Choice:
    """Choose the item's contra account when it names one, else the configured wallet account."""
    own = item.contra_account
    identifier = given(own.identifier) if own else None
    if own is None or not (given(own.code) or books.knows(identifier)):
        return books.configured("wallet")
    role = "the item's wallet account (contraAccount)"
    account, setting = books.by_reference(own, role)
    return Choice(
        account=account,
        rule="codes-map" if setting else "item-contra-account",
        fields=("contraAccount", setting) if setting else ("contraAccount",),
        role=role,
    )


def _owed(party: Party | None, books: Books, pays: str | None, names: tuple[str, str]) -> Counter:
    """Choose the account of what is paid, else the party's own, else the configured one."""
    rule, fallback = names
    vendor = party.vendor.id if party else None
    accounts = books.chart.accounts
    paid = accounts.get(pays) if pays else None
    if paid is not None:
        role = "the account of what is paid"
        choice = Choice(account=paid, rule="paid-account", fields=(_RECONCILED,), role=role)
        return Counter(choice, vendor)
    own = accounts.get(party.vendor.account) if party and party.vendor.account else None
    if party is None or own is None:
        return Counter(books.configured(fallback), vendor)
    role = f"the payable account of {party.vendor.name or party.vendor.id}"
    return Counter(Choice(account=own, rule=rule, fields=(party.field,), role=role), vendor)


_RECONCILED = "additionalInformation.reconciliationId"


def _own(name: str, books: Books) -> Choice:
    setting = "[[connection.booking]]"
    return Choice(
        account=books.by_setting(name, setting),
        rule="table-account",
        fields=(setting,),
        role="the account of the connection's own booking rule",
        setting=setting,
    )

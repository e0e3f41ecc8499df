"""Which bill a payment pays. Pure.

The first rule that gives any bill decides:

1. one names the other's reconciliation id among its reconciled entries,
2. both have one reconciliation id,
3. both have the same vendor and invoice number.

A payment may name several bills (a reimbursement names each expense), and several payments may
pay one bill. Several candidates for one answer are no answer. Source: Pleo, "Accounts payable".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterfoil.register.open_items import OpenItem, Relation

__all__ = ["Matched", "match", "relation"]

NO_BILL = "no bill is known that it pays"
NAMED = 3
"""How many candidates a reason names."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The bills that a payment pays, and why it stays open although those are settled."""

    bills: tuple[OpenItem, ...] = ()
    why: str | None = None

    @property
    def account(self) -> str | None:
        """The one account that all of what is paid stands on."""
        accounts = {bill.account for bill in self.bills}
        return accounts.pop() if len(accounts) == 1 else None


def match(payment: OpenItem, bills: Iterable[OpenItem]) -> Matched:
    """Return what a payment pays, by the first rule that gives any bill."""
    bills = [
        bill
        for bill in bills
        if (bill.currency, bill.paid_within) == (payment.currency, payment.paid_within)
    ]
    if payment.paid_within:
        own = [bill for bill in bills if bill.key[0] == payment.key[0]]
        return _only(own) or Matched(why=NO_BILL)
    for rule in (_named, _same_reconciliation, _same_invoice):
        if found := rule(payment, bills):
            return found
    return Matched(why=NO_BILL)


def relation(payment: OpenItem, bill: OpenItem) -> Relation:
    """Say what a payment does to a bill: money that moves as the bill does is money returned."""
    return Relation.RETURNS if payment.amount * bill.amount > 0 else Relation.SETTLES


def _named(payment: OpenItem, bills: Sequence[OpenItem]) -> Matched | None:
    """Take each bill that the payment names, and each that names the payment."""
    answers = [
        [bill for bill in bills if bill.reconciliation_id == name]
        for name in payment.reconciled_entries
    ]
    answers += [[bill] for bill in bills if payment.reconciliation_id in bill.reconciled_entries]
    for several in answers:
        if len(several) > 1:
            return _only(several)
    found = {bill.key: bill for answer in answers for bill in answer}
    if not found:
        return None
    missing = [
        name
        for name, answer in zip(payment.reconciled_entries, answers, strict=False)
        if not answer
    ]
    why = f"it also pays {', '.join(missing[:NAMED])}, which is not known" if missing else None
    return Matched(tuple(found.values()), why)


def _same_reconciliation(payment: OpenItem, bills: Sequence[OpenItem]) -> Matched | None:
    name = payment.reconciliation_id
    return _only([bill for bill in bills if name and bill.reconciliation_id == name])


def _same_invoice(payment: OpenItem, bills: Sequence[OpenItem]) -> Matched | None:
    key = payment.invoice_key
    return _only([bill for bill in bills if key and bill.invoice_key == key])


def _only(bills: Sequence[OpenItem]) -> Matched | None:
    """Return the one bill, or why there is no telling which."""
    if len(bills) <= 1:
        return Matched(tuple(bills)) if bills else None
    labels = ", ".join(str(bill.reference) for bill in bills[:NAMED])
    more = f" or {len(bills) - NAMED} more" if len(bills) > NAMED else ""
    return Matched(why=f"it may pay {labels}{more}")

"""What items owe and pay: read off their parts, so that a payment goes to the account of its bill.

Which bill that is, ``matching`` decides; marking it as paid in the books is left to ``settle``.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from counterfoil.bookkeeping.accounts import Books, account_setting, find_setting, setting_problem
from counterfoil.bookkeeping.names import given
from counterfoil.bookkeeping.plan import plan
from counterfoil.bookkeeping.roles import LINE_ROLES
from counterfoil.bookkeeping.table import booking_table
from counterfoil.bookkeeping.vendors import vendor_of
from counterfoil.errors import ItemFailure, UnknownVendor
from counterfoil.export.matching import match, relation
from counterfoil.register.open_items import ItemKind, OpenItem, Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.bookkeeping.entries import Entry, Part
    from counterfoil.bookkeeping.settings import Settings
    from counterfoil.export.work import ItemWork
    from counterfoil.pleo.models import ExportItem
    from counterfoil.systems.contract import Found

__all__ = ["BillsOf", "Payables", "Seen", "nothing_known"]

OWED = frozenset({"payable", "vendor-payable", "employee-payable", "out-of-pocket", "paid-account"})
"""Rules whose lines stand on an account of debts."""
OF_EMPLOYEES = frozenset({"employee-payable", "out-of-pocket"})
"""Those of what is owed to employees; the others are of what is owed to suppliers."""


BillsOf: TypeAlias = "Callable[[str, Sequence[OpenItem]], Sequence[OpenItem]]"
"""Gives the bills of a target that any of these payments may be meant for."""


def nothing_known(_: str, __: Sequence[OpenItem]) -> Sequence[OpenItem]:
    """Know of no bills."""
    return ()


@dataclass(frozen=True, slots=True)
class Payables:
    """Reads debts and payments off one book's items, as one connection books them."""

    target: str
    chart: Chart
    settings: Settings
    today: date

    def route(
        self,
        works: Sequence[ItemWork],
        known: BillsOf,
    ) -> None:
        """Send payments that are still to be written to the account of what they pay.

        Their bills are sought among these decided works and among those that ``known`` gives for
        the payments. One that cannot go there stays where it is.
        """
        bills, payments = self._sides(works)
        if not payments:
            return
        there = {bill.key: bill for bill in known(self.target, [each for _, each in payments])}
        there |= {bill.key: bill for bill in bills}
        for work, payment in payments:
            never = self._never_paid(work, payment.currency)
            matched = match(payment, [bill for bill in there.values() if bill.account != never])
            if matched.account is not None:
                self._reroute(work, payment, matched.account)
            back = [bill for bill in matched.bills if relation(payment, bill) is Relation.RETURNS]
            _mark_returned(work, payment, back)

    def carried(self, work: ItemWork) -> Iterator[OpenItem]:
        """Give what an item's parts carry: as the books hold them, or as they will be written."""
        item = work.item
        if item is None or not work.planned:
            return
        coming = {entry.reference.part: entry for entry in work.to_write}
        kinds = self._kinds(item, work.planned)
        for entry in work.planned:
            part = entry.reference.part
            found = work.live.get(part)
            base = self._open_item(item, entry, kinds)
            if base is None:
                continue
            if found is not None and found.fingerprint in {"", entry.fingerprint}:
                yield _as_held(base, found)
            elif found is None and part in coming:
                yield replace(base, reference=coming[part].reference)

    def booked(self, works: Iterable[ItemWork]) -> list[OpenItem]:
        """Return what is in the books of these works."""
        return [each for work in works for each in self.carried(work) if each.external_id]

    def _sides(
        self, works: Iterable[ItemWork]
    ) -> tuple[list[OpenItem], list[tuple[ItemWork, OpenItem]]]:
        """Return bills that are or will be booked, and payments that will be."""
        bills: list[OpenItem] = []
        payments: list[tuple[ItemWork, OpenItem]] = []
        for work in works:
            for each in self.carried(work) if work.failure is None else ():
                if each.kind is ItemKind.BILL:
                    bills.append(each)
                elif not each.external_id and not each.paid_within:
                    payments.append((work, each))
        return bills, payments

    def _never_paid(self, work: ItemWork, currency: str) -> str | None:
        """Return the account of debts that such a payment is not for: suppliers', or employees'."""
        rules = {line.rule for entry in work.to_write for line in entry.lines}
        accounts = self.settings.accounts
        suppliers, employees = (
            self._configured(account_setting(each, currency))
            for each in (accounts.payable, accounts.out_of_pocket)
        )
        if suppliers == employees:
            return None
        return suppliers if rules & OF_EMPLOYEES else employees

    def _configured(self, name: str | None) -> str | None:
        if name is None or setting_problem(self.chart, name, name) is not None:
            return None
        return find_setting(self.chart, name).id

    def _open_item(
        self, item: ExportItem, entry: Entry, kinds: Mapping[Part, ItemKind]
    ) -> OpenItem | None:
        """Return what a planned part carries; None where it moves no debt."""
        owed = [line for line in entry.lines if line.rule in OWED]
        if not owed:
            return None
        information = item.additional_information
        return OpenItem(
            target=self.target,
            reference=entry.reference,
            kind=kinds[entry.reference.part],
            account=owed[0].account,
            amount=sum((line.amount for line in owed), Decimal(0)),
            currency=entry.currency,
            reconciliation_id=given(information.reconciliation_id) or "",
            reconciled_entries=tuple(
                name for each in information.reconciled_entries or () if (name := given(each))
            ),
            vendor=entry.vendor or self._vendor(item, entry.currency),
            invoice_number=entry.invoice_number,
            paid_within=len({*kinds.values()}) > 1,
        )

    def _kinds(self, item: ExportItem, planned: Iterable[Entry]) -> Mapping[Part, ItemKind]:
        """Say of each part whether it makes a debt (it has the lines on one side) or pays one."""
        method = item.bookkeeping.method if item.bookkeeping else None
        row = booking_table(self.settings.table_overrides).row(item.type, item.sub_type, method)
        lined = {each.part for each in row.parts if LINE_ROLES & {*each.sides}}
        parts = [entry.reference.part for entry in planned]
        return {part: ItemKind.BILL if part in lined else ItemKind.PAYMENT for part in parts}

    def _vendor(self, item: ExportItem, currency: str) -> str | None:
        """Return the vendor of a journal entry: the books' own, else Pleo's."""
        with suppress(UnknownVendor):
            if party := vendor_of(item, Books(self.chart, self.settings, currency)):
                return party.vendor.id
        return f"pleo:{item.vendor.id}" if item.vendor else None

    def _reroute(self, work: ItemWork, payment: OpenItem, account: str) -> None:
        if work.item is None or account == payment.account:
            return
        with suppress(ItemFailure):  # its bill's account does not take it: it stays, and open
            planned = plan(work.item, self.chart, self.settings, today=self.today, pays=account)
            anew = {entry.reference.part: entry for entry in planned}
            work.planned = planned
            work.to_write = [
                replace(anew[old.reference.part], reference=old.reference) for old in work.to_write
            ]


class Seen:
    """Bills that a preview has come by, and those known before it; an export asks the register."""

    def __init__(self, before: BillsOf) -> None:
        """Start with what was known before."""
        self._before = before
        self._bills: list[OpenItem] = []

    def add(self, items: Iterable[OpenItem]) -> None:
        """Keep the bills among these."""
        self._bills += [item for item in items if item.kind is ItemKind.BILL]

    def bills(self, target: str, payments: Sequence[OpenItem]) -> list[OpenItem]:
        """Return the bills that any of these payments may be meant for."""
        names = {name for each in payments for name in each.reconciled_entries}
        names |= {each.reconciliation_id for each in payments}
        invoices = {each.invoice_key for each in payments if each.invoice_key}
        return [
            *self._before(target, payments),
            *(
                bill
                for bill in self._bills
                if bill.reconciliation_id in names
                or bill.invoice_key in invoices
                or bill.reconciled_entries
            ),
        ]


def _as_held(planned: OpenItem, found: Found) -> OpenItem:
    """Return an item as the books hold it; people may have moved it to another account."""
    account = planned.account
    held = [(name, amount) for name, amount in found.lines if amount * planned.amount > 0]
    if account not in {name for name, _ in held} and len(held) == 1:
        account = held[0][0]
    amount = sum((amount for name, amount in held if name == account), Decimal(0))
    return replace(
        planned,
        reference=found.reference,
        account=account,
        amount=amount or planned.amount,
        external_id=found.id,
    )


def _mark_returned(work: ItemWork, payment: OpenItem, bills: Sequence[OpenItem]) -> None:
    """Let a payment that came back name what is open again."""
    if bills:
        named = {"returned_payment_of": " ".join(str(bill.reference) for bill in bills)}
        work.to_write = [
            replace(entry, details={**entry.details, **named})
            if entry.reference == payment.reference
            else entry
            for entry in work.to_write
        ]

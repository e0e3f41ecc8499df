"""Which bill a payment pays, by the first rule that gives any."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.export.matching import NO_BILL, Matched, match, relation
from counterfoil.register.open_items import ItemKind, OpenItem, Relation


def an_item(  # noqa: PLR0913 -- a builder: everything has a default
    entry_id: str,
    *,
    kind: ItemKind = ItemKind.BILL,
    amount: str = "-100.00",
    rec: str = "",
    names: tuple[str, ...] = (),
    invoice: str | None = None,
    vendor: str | None = "V001",
    currency: str = "GBP",
    account: str = "2001",
    paid_within: bool = False,
) -> OpenItem:
    """Build a bill, unless told otherwise."""
    return OpenItem(
        target="book",
        reference=Reference(entry_id, Part.BILL if kind is ItemKind.BILL else Part.PAYMENT),
        kind=kind,
        account=account,
        amount=Decimal(amount),
        currency=currency,
        reconciliation_id=rec or f"rec-{entry_id}",
        reconciled_entries=names,
        vendor=vendor,
        invoice_number=invoice,
        paid_within=paid_within,
    )


def payment(
    entry_id: str = "payment",
    amount: str = "100.00",
    *,
    rec: str = "",
    names: tuple[str, ...] = (),
    invoice: str | None = None,
    paid_within: bool = False,
) -> OpenItem:
    """Build a payment."""
    return an_item(
        entry_id,
        kind=ItemKind.PAYMENT,
        amount=amount,
        rec=rec,
        names=names,
        invoice=invoice,
        paid_within=paid_within,
    )


def ids(matched: Matched) -> list[str]:
    """Name the bills."""
    return [bill.reference.entry_id for bill in matched.bills]


def test_a_payment_names_its_bill() -> None:
    bills = [an_item("a", rec="R1"), an_item("b", rec="R2")]
    assert match(payment(names=("R2",)), bills) == Matched((bills[1],))


def test_a_bill_names_its_payment() -> None:
    bills = [an_item("a", names=("P",)), an_item("b")]
    assert ids(match(payment(rec="P"), bills)) == ["a"]


def test_a_reimbursement_names_every_expense_that_it_pays() -> None:
    bills = [an_item(name, rec=name) for name in "abc"]
    assert ids(match(payment(names=("a", "c")), bills)) == ["a", "c"]


def test_what_is_named_and_not_known_keeps_a_payment_open() -> None:
    matched = match(payment(names=("a", "later")), [an_item("a", rec="a")])
    assert ids(matched) == ["a"]
    assert matched.why == "it also pays later, which is not known"


def test_a_name_that_two_bills_bear_is_no_answer() -> None:
    bills = [an_item("a", rec="R1"), an_item("b", rec="R1"), an_item("c", rec="R2")]
    matched = match(payment(names=("R2", "R1")), bills)
    assert matched == Matched(why="it may pay a/bill, b/bill")


def test_both_have_one_reconciliation_id() -> None:
    bills = [an_item("a", rec="R1"), an_item("b", rec="R2", invoice="7")]
    assert ids(match(payment(rec="R1", invoice="7"), bills)) == ["a"]


def test_several_bills_with_one_reconciliation_id_are_no_answer() -> None:
    bills = [an_item(f"bill-{n}", rec="R1") for n in range(5)]
    matched = match(payment(rec="R1"), bills)
    assert matched.why == "it may pay bill-0/bill, bill-1/bill, bill-2/bill or 2 more"


def test_both_have_one_vendor_and_invoice_number() -> None:
    bills = [an_item("a", invoice="INV-7"), an_item("b", invoice="INV-7", vendor="V002")]
    assert ids(match(payment(invoice=" inv-7"), bills)) == ["a"]


@pytest.mark.parametrize(("vendor", "invoice"), [(None, "7"), ("V001", None)])
def test_half_of_vendor_and_invoice_number_is_not_enough(
    vendor: str | None, invoice: str | None
) -> None:
    bills = [an_item("a", vendor=vendor, invoice=invoice)]
    assert match(payment(invoice=invoice), bills) == Matched(why=NO_BILL)


def test_without_reconciliation_ids_nothing_is_the_same() -> None:
    bare = replace(an_item("a"), reconciliation_id="")
    paying = replace(payment(), reconciliation_id="")
    assert match(paying, [bare]) == Matched(why=NO_BILL)


def test_a_bill_in_another_currency_is_not_meant() -> None:
    assert match(payment(rec="R1"), [an_item("a", rec="R1", currency="EUR")]).why == NO_BILL


def test_a_bill_that_its_own_expense_pays_is_not_meant() -> None:
    assert match(payment(rec="R1"), [an_item("a", rec="R1", paid_within=True)]).why == NO_BILL


def test_a_payment_within_an_expense_pays_that_expense() -> None:
    bills = [an_item(name, rec="R1", paid_within=True) for name in ("a", "b")]
    assert ids(match(payment("b", rec="R1", paid_within=True), bills)) == ["b"]


def test_a_payment_within_an_expense_without_its_bill_waits() -> None:
    assert match(payment("b", paid_within=True), []) == Matched(why=NO_BILL)


@pytest.mark.parametrize(
    ("paid", "does"), [("100.00", Relation.SETTLES), ("-100.00", Relation.RETURNS)]
)
def test_money_that_moves_as_the_bill_did_came_back(paid: str, does: Relation) -> None:
    assert relation(payment(amount=paid), an_item("a")) is does


def test_bills_on_two_accounts_give_no_account_to_pay_to() -> None:
    bills = (an_item("a"), an_item("b", account="2002"))
    assert Matched(bills).account is None
    assert Matched(bills[:1]).account == "2001"

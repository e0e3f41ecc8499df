"""What the register remembers of bills and payments, and of which settled which."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.register import Register
from counterfoil.register.open_items import ItemKind, OpenItem, Relation, Settlement

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def a_bill(entry_id: str = "bill", amount: str = "-100.00", *, attempt: int = 1) -> OpenItem:
    """Build a vendor's bill."""
    return OpenItem(
        target="book",
        reference=Reference(entry_id, Part.BILL, attempt),
        kind=ItemKind.BILL,
        account="2001",
        amount=Decimal(amount),
        currency="GBP",
        reconciliation_id=f"rec-{entry_id}",
        vendor="V001",
        invoice_number="INV-7",
        external_id=f"{entry_id}#1",
    )


def a_payment(entry_id: str = "payment", amount: str = "100.00") -> OpenItem:
    """Build a payment."""
    return replace(
        a_bill(entry_id, amount),
        reference=Reference(entry_id, Part.PAYMENT),
        kind=ItemKind.PAYMENT,
        invoice_number=None,
    )


def pay(
    register: Register,
    payment: OpenItem,
    *bills: OpenItem,
    relation: Relation = Relation.SETTLES,
    why: str | None = None,
) -> None:
    """Let a payment have settled bills."""
    done = [Settlement(payment.reference, bill.reference, relation) for bill in bills]
    because = {payment.reference: why}
    register.open_items.settle("book", done, open_because=because, now=NOW)


def rest(register: Register) -> dict[str, Decimal]:
    """Say what is open of what."""
    return {
        listed.item.reference.entry_id: listed.open_amount
        for listed in register.open_items.open("book")
    }


def test_a_bill_is_found_as_it_was_kept(register: Register) -> None:
    bill = replace(a_bill(), reconciled_entries=("x", "rec-payment"), paid_within=True)
    register.open_items.remember([bill, replace(a_bill(), target="another book")])
    assert register.open_items.bills("book", [a_payment()]) == [bill]


@pytest.mark.parametrize(
    "looking",
    [
        replace(a_payment(), reconciled_entries=("rec-bill",)),
        replace(a_payment(), reconciliation_id="rec-bill"),
        replace(a_payment(), invoice_number=" inv-7 "),
        replace(a_payment("bill"), reconciliation_id="-", paid_within=True),
    ],
)
def test_a_bill_is_found_by_what_payments_carry(register: Register, looking: OpenItem) -> None:
    register.open_items.remember([a_bill(), replace(a_bill("other"), invoice_number="8")])
    found = register.open_items.bills("book", [looking])
    assert [bill.reference.entry_id for bill in found] == ["bill"]


def test_nothing_to_remember_is_not_written(register: Register) -> None:
    register.open_items.remember([])
    register.open_items.forget("book", [])
    assert register.open_items.open("book") == []


def test_what_nobody_paid_is_open(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    bill, payment = register.open_items.open("book")
    assert (bill.open_amount, bill.why) == (Decimal("-100.00"), "no payment of it is known")
    assert payment.open_amount == Decimal("100.00")
    assert payment.why == "it was booked, and no run has come to its end since"


def test_a_payment_clears_its_bill_and_itself(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    pay(register, a_payment(), a_bill())
    assert rest(register) == {}
    assert register.open_items.payments("book") == []
    known = register.open_items.settled("book", [a_payment()])
    assert known == {Settlement(a_payment().reference, a_bill().reference)}


def test_a_payment_that_is_told_twice_counts_once(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment(amount="40.00")])
    pay(register, a_payment(), a_bill())
    pay(register, a_payment(), a_bill())
    assert rest(register) == {"bill": Decimal("-60.00")}


def test_parts_add_up_to_the_bill(register: Register) -> None:
    parts = [a_payment("first", "40.00"), a_payment("second", "60.00")]
    register.open_items.remember([a_bill(), *parts])
    pay(register, parts[0], a_bill())
    assert rest(register)["bill"] == Decimal("-60.00")
    pay(register, parts[1], a_bill())
    assert rest(register) == {}


def test_what_is_overpaid_leaves_nothing_of_the_bill(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment(amount="120.00")])
    pay(register, a_payment(), a_bill())
    assert rest(register) == {}


def test_a_returned_payment_opens_its_bill_again(register: Register) -> None:
    back = a_payment("back", "-100.00")
    register.open_items.remember([a_bill(), a_payment(), back])
    pay(register, a_payment(), a_bill())
    pay(register, back, a_bill(), relation=Relation.RETURNS)
    assert rest(register) == {"bill": Decimal("-100.00")}


def test_a_returned_payment_alone_owes_no_more_than_the_bill(register: Register) -> None:
    back = a_payment("back", "-100.00")
    register.open_items.remember([a_bill(), back])
    pay(register, back, a_bill(), relation=Relation.RETURNS)
    assert rest(register) == {"bill": Decimal("-100.00")}


def test_a_payment_of_several_bills_is_open_for_what_it_has_not_met(register: Register) -> None:
    bills = [a_bill("a", "-30.00"), a_bill("b", "-50.00")]
    register.open_items.remember([*bills, a_payment()])
    pay(register, a_payment(), *bills, why="it also pays c, which is not known")
    (open_one,) = register.open_items.open("book")
    assert open_one.open_amount == Decimal("20.00")
    assert open_one.why == "it also pays c, which is not known"
    assert register.open_items.payments("book") == [a_payment()]


def test_what_is_adopted_again_stays_cleared(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    pay(register, a_payment(), a_bill())
    register.open_items.remember([a_bill(), a_payment()])
    assert rest(register) == {}


def test_a_bill_booked_anew_opens_the_payments_of_the_old_one(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    pay(register, a_payment(), a_bill())
    register.open_items.remember([a_bill(attempt=2)])
    assert register.open_items.payments("book") == [a_payment()]
    assert rest(register) == {"bill": Decimal("-100.00"), "payment": Decimal("100.00")}


def test_what_was_said_of_an_earlier_attempt_does_not_clear_the_next(register: Register) -> None:
    later = replace(a_payment(), reference=Reference("payment", Part.PAYMENT, 2))
    register.open_items.remember([a_bill(), later])
    pay(register, a_payment(), a_bill())
    assert register.open_items.payments("book") == [later]


def test_a_bill_that_is_gone_leaves_its_payment_open(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    pay(register, a_payment(), a_bill())
    register.open_items.forget("book", [a_bill().key])
    assert rest(register) == {"payment": Decimal("100.00")}
    assert register.open_items.payments("book") == [a_payment()]
    assert register.open_items.settled("book", [a_payment()]) == set()


def test_a_payment_that_is_gone_paid_nothing(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    pay(register, a_payment(), a_bill())
    register.open_items.forget("book", [a_payment().key])
    assert rest(register) == {"bill": Decimal("-100.00")}
    register.open_items.remember([a_payment()])
    assert rest(register) == {"bill": Decimal("-100.00"), "payment": Decimal("100.00")}


def test_what_is_gone_from_one_book_is_in_another_still(register: Register) -> None:
    register.open_items.remember([a_bill(), a_payment()])
    pay(register, a_payment(), a_bill())
    register.open_items.forget("another book", [a_payment().key, a_bill().key])
    assert rest(register) == {}


def test_only_bills_that_name_a_payment_are_looked_at_with_it(register: Register) -> None:
    naming = replace(a_bill("naming"), reconciled_entries=("x", "rec-payment"))
    other = replace(a_bill("other"), reconciled_entries=("y",))
    register.open_items.remember([naming, other])
    assert register.open_items.bills("book", [a_payment()]) == [naming]

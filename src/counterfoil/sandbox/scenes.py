"""What happens in the demo company's year: each scene is one or more expenses that belong together.

Every type and sub type of the Export API v3 occurs in the first scenes; after them they come as
often as in a real company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from counterfoil.sandbox.amounts import Money
from counterfoil.sandbox.catalogue import ATTENDEES, PEOPLE, Person, Supplier, TaxCode, Wallet
from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.desk import Desk, Draft, PaidLine
from counterfoil.sandbox.model import Item

__all__ = ["happenings"]

Scene: TypeAlias = Callable[[Desk], list[Draft]]

MILEAGE_TAX = TaxCode(None, Decimal("0.2"), "inclusive", "GBP")
"""What the fuel of a mileage carries by law, without a code: it stays in the cost."""


def happenings(desk: Desk) -> Iterator[Draft]:
    """Tell the year without end: every scene once, then by how often they happen."""
    for scene, _ in _SCENES:
        yield from scene(desk)
    scenes, weights = zip(*_SCENES, strict=True)
    while True:
        yield from desk.random.choices(scenes, weights)[0](desk)


def _lines(desk: Desk, wallet: Wallet, category: str, *, abroad: bool = False) -> list[PaidLine]:
    """Return one line or several, some with a discount among them."""
    count = desk.random.choices((1, 2, 3, 4), (72, 15, 8, 5))[0]
    categories = [category, *desk.some(("6120", "6200", "6300", "6900"), count - 1)]
    lines = []
    for each in categories:
        minor = desk.amount(wallet, (4, 180))
        lines.append(PaidLine(Money.paid(wallet, minor, abroad=abroad), each, desk.tax(wallet)))
    if count > 1 and desk.chance(30):
        discount = -desk.amount(wallet, (1, 3))
        lines.append(PaidLine(Money.paid(wallet, discount, abroad=abroad), category, lines[0].tax))
    return lines


def _plain(desk: Desk, wallet: Wallet, category: str | None, pounds: tuple[int, int]) -> PaidLine:
    return PaidLine(Money.paid(wallet, desk.amount(wallet, pounds)), category)


def _spend(desk: Desk, kind: str, supplier: Supplier, when: datetime) -> Draft:
    wallet = desk.wallet()
    abroad = wallet.digits == 2 and desk.chance(15)  # noqa: PLR2004 -- cents on both sides
    lines = _lines(desk, wallet, supplier.category, abroad=abroad)
    draft = desk.draft(
        kind,
        when,
        lines,
        supplier=supplier,
        person=desk.pick(PEOPLE),
        receipts=True,
        information=_attendees(desk) if supplier.category == "6120" else None,
    )
    return desk.with_service_period(draft, when) if supplier.category == "6200" else draft


def _attendees(desk: Desk) -> Item:
    """Name who was there; Pleo's lists may hold nulls."""
    return {"attendees": [*desk.some(ATTENDEES, most=4), desk.pick((None, "A guest"))]}


def _purchase(desk: Desk) -> list[Draft]:
    return [_spend(desk, "card_purchase", desk.supplier(), desk.moment())]


def _card_invoice(desk: Desk) -> list[Draft]:
    return [_spend(desk, "card_invoice", desk.supplier(vendor=True), desk.moment())]


def _money_back(kind: str) -> Scene:
    """Let a refund or chargeback follow on a purchase; its sign may be either."""

    def scene(desk: Desk) -> list[Draft]:
        supplier, when, wallet = desk.supplier(), desk.moment(), desk.wallet()
        sign = -1 if desk.chance(40) else 1
        money = Money.paid(wallet, sign * desk.amount(wallet, (5, 60)))
        line = PaidLine(money, supplier.category, desk.tax(wallet))
        return [desk.draft(kind, when, [line], supplier=supplier, person=desk.pick(PEOPLE))]

    return scene


def _fee(desk: Desk) -> list[Draft]:
    return [desk.draft("fee", desk.moment(), [_plain(desk, desk.wallet(), "6700", (1, 9))])]


def _interest(desk: Desk) -> list[Draft]:
    line = _plain(desk, desk.wallet(), "6710", (1, 20))
    return [desk.draft("fee", desk.moment(), [line], sub_type="interest")]


def _cashback(desk: Desk) -> list[Draft]:
    return [desk.draft("cashback", desk.moment(), [_plain(desk, desk.wallet(), "4900", (1, 30))])]


def _owed_by_employee(kind: str) -> Scene:
    def scene(desk: Desk) -> list[Draft]:
        line = _plain(desk, desk.wallet(), desk.pick(("1460", None)), (10, 120))
        return [desk.draft(kind, desk.moment(), [line], person=desk.pick(PEOPLE))]

    return scene


def _moved(kind: str) -> Scene:
    """Move money between the bank and a wallet."""

    def scene(desk: Desk) -> list[Draft]:
        line = _plain(desk, desk.wallet(), None, (500, 5000))
        return [desk.draft(kind, desk.moment(), [line])]

    return scene


def _laid_out(kind: str, repayment: str, sub_type: str | None) -> Scene:
    """Let an employee lay money out, once or more, and get it back in one payment."""

    def scene(desk: Desk) -> list[Draft]:
        person, when, wallet = desk.pick(PEOPLE), desk.moment(), desk.wallet()
        kinds = [kind, *desk.some(("out_of_pocket", "mileage", "per_diem"), most=2)]
        spent = [_own_money(desk, each, when, wallet, person) for each in kinds]
        line = PaidLine(Money.total([draft.money for draft in spent]), None)
        settles = [draft.reconciliation_id for draft in spent]
        paid_back = desk.draft(
            repayment,
            when + timedelta(days=desk.random.randint(1, 5)),
            [line],
            sub_type=sub_type,
            person=person,
            information={"reconciledEntries": settles},
        )
        return [*spent, paid_back]

    return scene


def _own_money(desk: Desk, kind: str, when: datetime, wallet: Wallet, person: Person) -> Draft:
    if kind == "out_of_pocket":
        supplier = desk.supplier()
        lines = _lines(desk, wallet, supplier.category)
        return desk.draft(kind, when, lines, supplier=supplier, person=person, receipts=True)
    line = _plain(desk, wallet, "6600" if kind == "mileage" else "6610", (10, 80))
    if kind == "mileage" and wallet.currency == "GBP":
        line = PaidLine(line.money, line.category, MILEAGE_TAX)
    return desk.draft(kind, when, [line], person=person)


def _came_back(kind: str, sub_type: str) -> Scene:
    """Let a reimbursement bounce, or an employee return money."""

    def scene(desk: Desk) -> list[Draft]:
        line = _plain(desk, desk.wallet(), None, (10, 90))
        person = desk.pick(PEOPLE)
        return [desk.draft(kind, desk.moment(), [line], sub_type=sub_type, person=person)]

    return scene


def _invoice(*payments: str | None) -> Scene:
    """Let an invoice come, and be paid by as many payments as there are sub types given."""

    def scene(desk: Desk) -> list[Draft]:
        supplier, when, wallet = desk.supplier(vendor=True), desk.moment(), desk.wallet()
        details = _details(desk, when, "paid" if payments else "marked_as_paid", wallet)
        bill = desk.draft(
            "invoice",
            when,
            _lines(desk, wallet, supplier.category),
            supplier=supplier,
            person=desk.pick(PEOPLE),
            receipts=True,
            information={"invoiceInformation": details},
        )
        parts = _parts(bill.money, payments)
        return [bill, *(_payment(desk, bill, supplier, *part) for part in parts)]

    return scene


def _parts(money: Money, payments: Sequence[str | None]) -> list[tuple[Money, str | None]]:
    """Share what is owed among the payments; one that is returned moves all of it again."""
    if "invoice_payment_returned" in payments or not payments:
        return [(money, sub_type) for sub_type in payments]
    share = money.minor // len(payments)
    rest = money.minor - share * (len(payments) - 1)
    minors = [share] * (len(payments) - 1) + [rest]
    return [(money.share(minor), name) for minor, name in zip(minors, payments, strict=True)]


def _payment(
    desk: Desk, bill: Draft, supplier: Supplier, money: Money, sub_type: str | None
) -> Draft:
    """Pay an invoice; what tells which one is now this, now that."""
    details = bill.information["invoiceInformation"]
    link: Item = desk.pick(
        (
            {"reconciledEntries": [bill.reconciliation_id]},
            {"reconciliationId": bill.reconciliation_id},
            {},
        )
    )
    return desk.draft(
        "invoice_payment",
        bill.moment + timedelta(days=desk.random.randint(1, 20)),
        [PaidLine(money, None)],
        sub_type=sub_type,
        supplier=supplier,
        information=link | {"invoiceInformation": details},
    )


def _details(desk: Desk, when: datetime, status: str, wallet: Wallet) -> Item:
    midnight = when.replace(hour=0, minute=0, second=0)
    days = {"invoiceDate": -3, "dueDate": 27, "paymentDate": 10}
    dates = {name: stamp(midnight + timedelta(days=count)) for name, count in days.items()}
    number = f"INV-{when.year}-{desk.random.randrange(10**6):06}"
    account = {
        "bankName": "Danske Bank",
        "country": "DK",
        "accountNumber": "0040440116243",
        "bankCode": None,
        "bic": "DABADKKK",
        "iban": "DK5000400440116243",
    }
    return (
        {"invoiceNumber": number, "status": status}
        | dates
        | {"supplierBankAccount": account if wallet.currency == "DKK" else None}
    )


_SCENES: Sequence[tuple[Scene, int]] = (
    (_purchase, 55),
    (_card_invoice, 4),
    (_laid_out("out_of_pocket", "direct_reimbursement", "reimbursement_to_employee"), 6),
    (_laid_out("mileage", "external_reimbursement", "reimbursement_to_employee"), 3),
    (_laid_out("per_diem", "direct_reimbursement", None), 2),
    (_invoice("invoice_payment_sent"), 5),
    (_fee, 3),
    (_interest, 1),
    (_money_back("refund"), 3),
    (_money_back("chargeback"), 1),
    (_cashback, 2),
    (_owed_by_employee("atm_withdrawal"), 2),
    (_owed_by_employee("personal_spend"), 2),
    (_moved("wallet_topup"), 3),
    (_moved("wallet_unload"), 1),
    (_came_back("direct_reimbursement", "reimbursement_to_company"), 1),
    (_came_back("direct_reimbursement", "reimbursement_to_employee_refund"), 1),
    (
        _invoice("invoice_payment_sent", "invoice_payment_returned", "invoice_payment_sent"),
        1,
    ),
    (_came_back("external_reimbursement", "reimbursement_to_company"), 1),
    (_came_back("external_reimbursement", "reimbursement_to_employee_refund"), 1),
    (_invoice("invoice_payment_sent", None), 1),
    (_invoice(), 1),
)
"""Each scene and how often it happens, in parts of about a hundred."""

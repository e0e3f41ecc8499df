"""A payment finds its bill, whichever comes first and in whichever job, and the two are settled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ChartVendor
from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.settings import PostingMode, UnmatchedVendor
from counterfoil.effects import Effect, observe
from counterfoil.errors import FenceLost, RefusedByBooks
from counterfoil.export.matching import NO_BILL
from counterfoil.export.settle import NEXT_RUN, NOT_POSTED, settle_payments
from counterfoil.register import open_register
from counterfoil.register.open_items import ListedItem, OpenItem
from counterfoil.systems.contract import EntryState, Problem
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger, MemoryRecord
from counterfoil.testing.world import SETTINGS, World
from tests.instead import Instead

VENDOR = {"id": "v-1", "name": "Acme Paper", "code": "V001"}


@pytest.fixture
async def paying() -> AsyncIterator[World]:
    """Start a world whose books post at once, and have a vendor with an account of its own."""
    accounts = chart_of("1800", "2900", "1899", "2000", "6100").accounts
    own = ChartAccount(id="account-2001", code="2001")
    vendor = ChartVendor(id="V001", code="V001", name="Acme Paper", account=own.id)
    chart = Chart(accounts={**accounts, own.id: own}, vendors=(vendor,))
    settings = replace(SETTINGS, posting=PostingMode.FINAL)
    async with World(MemoryLedger(chart), settings) as world:
        yield world


def day(world: World, number: int) -> datetime:
    """Return a day, later for higher numbers."""
    return world.clock.now() - timedelta(days=30 - number)


def information(rec: str, names: list[str] | None, invoice: str | None) -> dict[str, object]:
    """Build what ties an item to others."""
    found: dict[str, object] = {"reconciliationId": rec}
    if names is not None:
        found["reconciledEntries"] = names
    if invoice is not None:
        found["invoiceInformation"] = {
            "invoiceDate": "2026-01-05T00:00:00Z",
            "invoiceNumber": invoice,
            "status": "paid",
        }
    return found


def bill(
    world: World,
    rec: str = "R1",
    *,
    invoice: str | None = None,
    method: str = "accounts_payable",
    **fields: Any,  # noqa: ANN401 -- further keys of the payload
) -> str:
    """Queue the invoice of a vendor with an account of its own."""
    fields = {"value": 10000, "date": day(world, 1), "vendor": VENDOR, **fields}
    return world.company.add_item(
        type="invoice",
        method=method,
        additionalInformation=information(rec, None, invoice),
        **fields,
    )


def payment(
    world: World,
    rec: str = "P1",
    *,
    names: list[str] | None = None,
    invoice: str | None = None,
    method: str = "accounts_payable",
    **fields: Any,  # noqa: ANN401 -- further keys of the payload
) -> str:
    """Queue a payment; it does not say of which vendor."""
    fields = {"type": "invoice_payment", "value": 10000, "date": day(world, 5), **fields}
    return world.company.add_item(
        method=method,
        additionalInformation=information(rec, names, invoice),
        **fields,
    )


def expense(world: World, rec: str) -> str:
    """Queue what an employee paid."""
    return world.company.add_item(
        type="out_of_pocket",
        value=3000,
        date=day(world, 1),
        additionalInformation=information(rec, None, None),
    )


def record(world: World, entry: str, part: Part | None = None) -> MemoryRecord:
    """Return the live record of an item."""
    (only,) = (each for each in world.ledger.of(entry, part) if each.live)
    return only


def account(world: World, entry: str, part: Part = Part.PAYMENT) -> str:
    """Return the account that an item's debt stands on: never the wallet or a cost."""
    (debt,) = {
        name
        for name, _ in record(world, entry, part).lines
        if name not in {"account-1800", "account-6100", "account-1899"}
    }
    return debt


def settlings(world: World) -> list[tuple[str, ...]]:
    """Return the calls that settled something, as payment and bill."""
    return [about for call, about in world.ledger.calls if call == "settle"]


def listed(world: World) -> dict[str, ListedItem]:
    """Return what is open, by entry id."""
    with open_register(world.register_url) as register:
        found = register.open_items.open("memory:books")
    return {each.item.reference.entry_id: each for each in found}


async def next_job(world: World) -> None:
    """Export something else, as the next day brings."""
    world.company.add_item()
    await world.export()


def is_settled(world: World, *entries: str) -> bool:
    """Whether all of these are settled in the books, and none is open in the register."""
    open_ones = listed(world)
    return all(record(world, each).settled and each not in open_ones for each in entries)


@pytest.mark.parametrize("method", ["accounts_payable", "journal"])
@pytest.mark.parametrize("first", ["bill", "payment"])
async def test_bill_and_payment_in_one_job(paying: World, first: str, method: str) -> None:
    owed = bill(paying, method=method, date=day(paying, 1 if first == "bill" else 9))
    paid = payment(paying, names=["R1"], method=method)
    await paying.export()
    assert account(paying, paid, record(paying, paid).reference.part) == "account-2001"
    assert is_settled(paying, owed, paid)


async def test_whoever_lost_the_company_settles_nothing_and_gives_no_reason(
    paying: World,
) -> None:
    owed, paid = bill(paying), payment(paying, names=["R1"])
    lost = Instead("memory.settle", FenceLost("another worker has it"))
    with observe(lost), pytest.raises(FenceLost):
        await paying.export()
    await paying.drain()
    assert is_settled(paying, owed, paid)


@pytest.mark.parametrize("of_employees", ["2000", None])
async def test_debts_of_employees_need_no_account_of_their_own(
    paying: World, of_employees: str | None
) -> None:
    accounts = replace(paying.settings.accounts, out_of_pocket=of_employees)
    paying.settings = replace(paying.settings, accounts=accounts)
    owed, paid = bill(paying), payment(paying, names=["R1"])
    await paying.export()
    assert is_settled(paying, owed, paid)


async def test_a_payment_in_a_later_job_finds_its_bill(paying: World) -> None:
    owed = bill(paying)
    await paying.export()
    assert listed(paying)[owed].why == "no payment of it is known"
    paid = payment(paying, names=["R1"])
    await paying.export()
    assert account(paying, paid) == "account-2001"
    assert is_settled(paying, owed, paid)


async def test_a_bill_in_a_later_job_finds_its_payment(paying: World) -> None:
    """The payment names the vendor, so that both stand on one account."""
    paid = payment(paying, names=["R1"], vendor=VENDOR)
    await paying.export()
    assert listed(paying)[paid].why == NO_BILL
    owed = bill(paying)
    await paying.export()
    assert is_settled(paying, owed, paid)


async def test_a_payment_booked_elsewhere_before_its_bill_is_listed_until_it_is_moved(
    paying: World,
) -> None:
    paid = payment(paying, names=["R1"])
    await paying.export()
    owed = bill(paying)
    await paying.export()
    assert account(paying, paid) == "account-2000"
    why = listed(paying)[paid].why
    assert "stands on account-2000" in why
    assert "on account-2001: move one of them" in why
    lines = [("account-2001", amount) for _, amount in record(paying, paid).lines[:1]]
    moved = (*lines, *record(paying, paid).lines[1:])
    paying.ledger.change(record(paying, paid).id, lines=moved)
    await next_job(paying)
    assert is_settled(paying, owed, paid)


async def test_one_reconciliation_id_ties_the_two(paying: World) -> None:
    owed, paid = bill(paying, "R1"), payment(paying, "R1")
    await paying.export()
    assert is_settled(paying, owed, paid)


@pytest.mark.parametrize("method", ["accounts_payable", "journal"])
@pytest.mark.parametrize("vendor", [VENDOR, {"id": "v-9", "name": "Unknown", "code": "V009"}])
async def test_vendor_and_invoice_number_tie_the_two(
    paying: World, method: str, vendor: dict[str, str]
) -> None:
    """A vendor that the books do not have is the same for being the same in Pleo."""
    paying.settings = replace(paying.settings, unmatched_vendor=UnmatchedVendor.FALLBACK)
    owed = bill(paying, invoice="INV-7", method=method, vendor=vendor)
    paid = payment(paying, invoice="inv-7", method=method, vendor=vendor)
    await paying.export()
    assert is_settled(paying, owed, paid)


async def test_several_candidates_leave_it_open_on_the_ordinary_account(paying: World) -> None:
    bill(paying, invoice="INV-7")
    bill(paying, "R2", invoice="INV-7")
    paid = payment(paying, invoice="INV-7", vendor=VENDOR)
    lost = payment(paying, "P2", names=["nobody"])
    await paying.export()
    assert "it may pay" in listed(paying)[paid].why
    assert account(paying, lost) == "account-2000"
    assert settlings(paying) == []


async def test_the_other_candidate_gone_from_the_books_leaves_one(paying: World) -> None:
    wrong, owed = (bill(paying, rec, invoice="INV-7") for rec in ("R1", "R2"))
    paid = payment(paying, invoice="INV-7", vendor=VENDOR)
    await paying.export()
    paying.ledger.change(record(paying, wrong).id, state=EntryState.REVERSED)
    await next_job(paying)
    assert is_settled(paying, owed, paid)
    assert wrong not in listed(paying)


async def test_two_payments_of_one_bill_are_both_settled(paying: World) -> None:
    owed = bill(paying)
    parts = [payment(paying, rec, names=["R1"], value=5000) for rec in ("P1", "P2")]
    await paying.export()
    assert len(settlings(paying)) == 2
    assert is_settled(paying, owed, *parts)


async def test_a_part_payment_leaves_the_rest_of_the_bill_open(paying: World) -> None:
    owed = bill(paying)
    payment(paying, names=["R1"], value=4000)
    await paying.export()
    assert str(listed(paying)[owed].open_amount) == "-60.00"


async def test_a_returned_payment_goes_to_the_bills_account_and_opens_it_again(
    paying: World,
) -> None:
    owed, paid = bill(paying), payment(paying, names=["R1"])
    await paying.export()
    back = payment(paying, "P2", names=["R1"], subType="invoice_payment_returned")
    await paying.export()
    assert account(paying, back) == "account-2001"
    assert record(paying, back).entry.details["returned_payment_of"] == f"{owed}/bill"
    assert len(settlings(paying)) == 1
    assert list(listed(paying)) == [owed]
    assert str(listed(paying)[owed].open_amount) == "-100.00"
    again = payment(paying, "P3", names=["R1"])
    await paying.export()
    assert is_settled(paying, owed, paid, again)


async def test_a_reimbursement_settles_every_expense_that_it_names(paying: World) -> None:
    spent = [expense(paying, rec) for rec in ("R1", "R2")]
    back = payment(
        paying, names=["R1", "R2"], type="direct_reimbursement", value=6000, method="journal"
    )
    await paying.export()
    assert is_settled(paying, *spent, back)


async def test_a_reimbursement_waits_for_the_expense_that_is_not_known_yet(paying: World) -> None:
    expense(paying, "R1")
    names = ["R1", "R2"]
    back = payment(paying, names=names, type="direct_reimbursement", value=6000, method="journal")
    await paying.export()
    assert listed(paying)[back].why == "it also pays R2, which is not known"
    assert str(listed(paying)[back].open_amount) == "30.00"
    expense(paying, "R2")
    await paying.export()
    assert listed(paying) == {}
    assert len(settlings(paying)) == 2


async def test_bill_and_payment_of_one_expense_are_settled(paying: World) -> None:
    entry = paying.company.add_item(method="accounts_payable", vendor=VENDOR)
    await paying.export()
    pair = record(paying, entry, Part.PAYMENT), record(paying, entry, Part.BILL)
    assert settlings(paying) == [(pair[0].id, pair[1].id)]
    await next_job(paying)
    assert len(settlings(paying)) == 1


async def test_drafts_are_settled_once_people_have_posted_them(paying: World) -> None:
    paying.settings = replace(paying.settings, posting=PostingMode.DRAFT)
    owed, paid = bill(paying), payment(paying, names=["R1"])
    await paying.export()
    assert listed(paying)[paid].why == NOT_POSTED
    paying.ledger.change(record(paying, owed).id, state=EntryState.POSTED)
    await next_job(paying)
    assert settlings(paying) == []
    paying.ledger.change(record(paying, paid).id, state=EntryState.POSTED)
    await next_job(paying)
    assert is_settled(paying, owed, paid)


async def test_posted_drafts_are_settled_by_a_run_without_any_job(paying: World) -> None:
    paying.settings = replace(paying.settings, posting=PostingMode.DRAFT)
    owed, paid = bill(paying), payment(paying, names=["R1"])
    await paying.export()
    for entry in (owed, paid):
        paying.ledger.change(record(paying, entry).id, state=EntryState.POSTED)
    paying.ledger.interrupt("ready")
    await paying.drain()
    assert settlings(paying) == []
    paying.ledger.problems.append(Problem(message="locked"))
    await paying.drain()
    assert settlings(paying) == []
    paying.ledger.problems.clear()
    await paying.drain()
    assert is_settled(paying, owed, paid)


async def test_what_people_settled_themselves_is_left_as_it_is(paying: World) -> None:
    paying.settings = replace(paying.settings, posting=PostingMode.DRAFT)
    owed, paid = bill(paying), payment(paying, names=["R1"])
    await paying.export()
    for entry in (owed, paid):
        paying.ledger.change(record(paying, entry).id, state=EntryState.POSTED, settled=True)
    await next_job(paying)
    assert settlings(paying) == []
    assert is_settled(paying, owed, paid)


async def test_books_that_go_away_fail_nothing_and_are_asked_again(paying: World) -> None:
    owed, paid = bill(paying), payment(paying, names=["R1"])
    other = bill(paying, "R2"), payment(paying, "P2", names=["R2"])
    paying.ledger.interrupt("settle")
    (result,) = await paying.export()
    assert result.outcome == "completed"
    assert {listed(paying)[entry].why for entry in (paid, other[1])} == {NEXT_RUN}
    assert len(settlings(paying)) == 1
    await next_job(paying)
    assert is_settled(paying, owed, paid, *other)


async def test_books_that_cannot_be_read_at_the_end_are_asked_again(paying: World) -> None:
    owed, paid = bill(paying), payment(paying, names=["R1"])
    paying.ledger.interrupt("find", after=2)
    (result,) = await paying.export()
    assert result.outcome == "completed"
    assert settlings(paying) == []
    await next_job(paying)
    assert is_settled(paying, owed, paid)


class BrokenBooks(MemoryBooks):
    """Books that cannot settle."""

    def __init__(self, ledger: MemoryLedger, error: Exception) -> None:
        super().__init__(ledger)
        self.error = error

    async def settle(self, payment: str, bill: str) -> None:
        del payment, bill
        raise self.error


@pytest.mark.parametrize("error", [RefusedByBooks("never"), ValueError("never")])
async def test_books_that_refuse_to_settle_fail_nothing(paying: World, error: Exception) -> None:
    paying.settings = replace(paying.settings, posting=PostingMode.DRAFT)
    owed, paid = bill(paying), payment(paying, names=["R1"])
    await paying.export()
    for entry in (owed, paid):
        paying.ledger.change(record(paying, entry).id, state=EntryState.POSTED)
    async with paying.ready() as (register, pleo):
        export = paying.exporting(register, pleo, fence=1)
        now = paying.clock.now()
        export.lease.start(expires_in=3600, updated_at=now)
        async with BrokenBooks(paying.ledger, error) as books:
            await settle_payments(export, books)
    assert "never" in listed(paying)[paid].why
    await next_job(paying)
    assert is_settled(paying, owed, paid)


async def test_a_job_without_time_left_settles_nothing(paying: World) -> None:
    bill(paying)
    payment(paying, names=["R1"])
    paying.settings = replace(paying.settings, posting=PostingMode.DRAFT)
    await paying.export()
    before = len(paying.ledger.calls)
    async with paying.ready() as (register, pleo):
        await settle_payments(paying.exporting(register, pleo, fence=1), paying.books())
    assert len(paying.ledger.calls) == before


async def test_an_account_that_does_not_take_the_payment_leaves_it_where_it_was(
    paying: World,
) -> None:
    bill(paying)
    await paying.export()
    chart = paying.ledger.chart
    closed = replace(chart.accounts["account-2001"], active=False)
    paying.ledger.chart = replace(chart, accounts={**chart.accounts, closed.id: closed})
    paid = payment(paying, names=["R1"])
    await paying.export()
    assert account(paying, paid) == "account-2000"
    assert "move one of them" in listed(paying)[paid].why


async def test_a_payment_booked_anew_follows_its_bill(paying: World) -> None:
    """The payment stood elsewhere before its bill came; deleted by hand, it is booked rightly."""
    paid = payment(paying, names=["R1"])
    await paying.export()
    owed = bill(paying)
    await paying.export()
    paying.ledger.delete(record(paying, paid).id)
    await paying.export(paid)
    assert account(paying, paid) == "account-2001"
    assert is_settled(paying, owed, paid)


async def test_without_the_register_a_payment_stays_open_on_the_ordinary_account(
    paying: World,
) -> None:
    bill(paying)
    await paying.export()
    paying.lose_register()
    paid = payment(paying, names=["R1"])
    await paying.export()
    assert account(paying, paid) == "account-2000"
    assert listed(paying)[paid].why == NO_BILL


async def test_exported_once_more_a_bill_is_known_again(paying: World) -> None:
    owed = bill(paying)
    await paying.export()
    paying.lose_register()
    await paying.export(owed)
    paid = payment(paying, names=["R1"])
    await paying.export()
    assert is_settled(paying, owed, paid)


async def test_a_bill_that_people_moved_is_known_where_it_stands(paying: World) -> None:
    owed = bill(paying)
    await paying.export()
    (cost, (_, amount)) = record(paying, owed).lines
    paying.ledger.change(record(paying, owed).id, lines=(cost, ("account-2000", amount)))
    await paying.export(owed)
    paid = payment(paying, names=["R1"], vendor=VENDOR)
    await paying.export()
    assert account(paying, paid) == "account-2000"
    assert is_settled(paying, owed, paid)


async def test_what_owes_nothing_or_cannot_be_read_is_not_open(paying: World) -> None:
    paying.company.add_item(lines=[])
    await next_job(paying)
    assert listed(paying) == {}


class Killed(BaseException):
    """The process dies."""


class Killer:
    """Dies at the NUMBERth effect."""

    def __init__(self, number: int) -> None:
        self.left = number

    def before(self, effect: Effect) -> None:
        """Let it happen."""

    def after(self, effect: Effect) -> None:
        """Die, if it is time."""
        del effect
        self.left -= 1
        if not self.left:
            raise Killed


@pytest.mark.slow
async def test_killed_after_any_effect_the_next_run_settles(paying: World) -> None:
    number, killed = 9, True  # the effects of claiming and reading have their own tests
    while killed:
        number, killed = number + 1, False
        owed, paid = bill(paying, f"R{number}"), payment(paying, f"P{number}", names=[f"R{number}"])
        try:
            with observe(Killer(number)):
                await paying.export()
        except Killed:
            killed = True
            paying.ledger.process_died()
        await paying.export()
        assert is_settled(paying, owed, paid), number
    assert number > 20
    assert paying.ledger.doubles() == []


def remembered(world: World) -> list[OpenItem]:
    """Return all open payments."""
    with open_register(world.register_url) as register:
        return register.open_items.payments("memory:books")


async def test_a_payment_that_failed_is_not_remembered(paying: World) -> None:
    paid = payment(paying, names=["R1"])
    paying.ledger.refuse(paid)
    await paying.export()
    assert remembered(paying) == []

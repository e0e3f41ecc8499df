"""Items that changed in Pleo and are booked anew, and what people decide about single ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.fingerprint import fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.settings import Accounts, PostingMode
from counterfoil.export.policies import OnChange
from counterfoil.register import Decision, DecisionKind, PartState, open_register
from counterfoil.systems.contract import EntryState, Problem
from counterfoil.testing.world import World

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.fixture
def amending(world: World) -> World:
    """Let changed items be booked anew."""
    world.on_change = OnChange.AMEND
    return world


async def change(world: World, entry: str, account: str = "6300") -> str:
    """Let a person correct the category, and export once more."""
    lines = world.company.build(account=account)["accountingEntryLines"]
    world.state.edit_item(entry, {"accountingEntryLines": lines})
    job = world.queue(entry)
    await world.drain()
    return job


def decide(
    world: World, entry: str, kind: DecisionKind, *, mark: str = "", reference: str | None = None
) -> None:
    """Write a person's decision into the register."""
    decision = Decision(
        target="memory:books",
        entry_id=entry,
        kind=kind,
        fingerprint=mark,
        made_at=NOW,
        made_by="bo",
        reference=reference,
    )
    with open_register(world.register_url) as register:
        register.decisions.add(decision)


def travel(world: World) -> Decimal:
    """Sum what the books hold on the travel account, voided drafts left out."""
    return sum(
        (
            amount
            for record in world.ledger.records
            if record.state is not EntryState.VOIDED
            for account, amount in record.lines
            if account == "account-6100"
        ),
        Decimal(0),
    )


async def test_a_draft_is_voided_and_booked_anew(amending: World) -> None:
    entry = amending.company.add_item(account="6100")
    await amending.export()
    job = await change(amending, entry)
    old, new = amending.ledger.of(entry)
    assert (old.state, new.state) == (EntryState.VOIDED, EntryState.DRAFT)
    assert new.reference.attempt == 2
    assert amending.item(job, entry).external_id == new.id
    assert travel(amending) == 0


async def test_a_posted_entry_is_reversed_on_its_day_and_booked_anew(amending: World) -> None:
    amending.settings = replace(amending.settings, posting=PostingMode.FINAL)
    entry = amending.company.add_item(account="6100")
    await amending.export()
    (booked,) = amending.ledger.of(entry)
    await change(amending, entry)
    assert travel(amending) == 0
    reversal = next(record for record in amending.ledger.records if record.reverses)
    assert reversal.date == booked.date
    assert amending.ledger.copies(entry) == 1


async def test_a_reversal_keeps_out_of_a_closed_period(amending: World) -> None:
    amending.settings = replace(amending.settings, posting=PostingMode.FINAL)
    entry = amending.company.add_item(account="6100", date="2026-01-10T12:00:00Z")
    await amending.export()
    amending.settings = replace(amending.settings, closed_through=date(2026, 1, 31))
    lines = amending.company.build(account="6300")["accountingEntryLines"]
    changes = {"accountingEntryLines": lines, "date": "2026-02-02T12:00:00Z"}
    amending.state.edit_item(entry, changes)
    await amending.export(entry)
    reversal = next(record for record in amending.ledger.records if record.reverses)
    assert reversal.date == date(2026, 2, 1)


async def test_both_parts_of_an_item_are_booked_anew(amending: World) -> None:
    entry = amending.company.add_item(method="accounts_payable", account="6100")
    await amending.export()
    await change(amending, entry)
    for part in (Part.BILL, Part.PAYMENT):
        assert amending.ledger.copies(entry, part) == 1
    assert travel(amending) == 0


async def test_what_cannot_be_planned_anew_stays_as_it_is(amending: World) -> None:
    entry = amending.company.add_item(account="6100")
    await amending.export()
    job = await change(amending, entry, account="9999")
    (record,) = amending.ledger.of(entry)
    assert record.live
    assert f"It stays booked as {record.id}" in amending.item(job, entry).failure_reason


async def test_books_that_cannot_take_back_keep_what_they_have(amending: World) -> None:
    able = amending.ledger.capabilities
    amending.ledger.capabilities = replace(able, void=False, reverse=False)
    entry = amending.company.add_item(account="6100")
    await amending.export()
    job = await change(amending, entry)
    (record,) = amending.ledger.of(entry)
    assert record.live
    item = amending.item(job, entry)
    assert f"{record.id} could not be taken back" in item.failure_reason


async def test_a_person_may_keep_one_changed_booking(world: World) -> None:
    entry = world.company.add_item(account="6100")
    await world.export()
    await change(world, entry)
    payload = world.company.entries[entry].item
    decide(world, entry, DecisionKind.KEEP, mark=fingerprint(parse_item(payload), world.settings))
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    job = await change(world, entry, account="2900")
    assert world.item(job, entry).status == "failed"


async def test_a_person_may_have_one_item_booked_anew(world: World) -> None:
    entry = world.company.add_item(account="6100")
    await world.export()
    await change(world, entry)
    decide(world, entry, DecisionKind.AMEND)
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert travel(world) == 0
    assert world.ledger.copies(entry) == 1


async def test_an_item_may_stand_under_a_reference_that_a_person_gives(world: World) -> None:
    entry = world.company.add_item(account="6100")
    decide(world, entry, DecisionKind.BOOKED_AS, reference="JE-7")
    job = world.queue(entry)
    await world.drain()
    assert world.item(job, entry).external_id == "JE-7"
    assert world.ledger.of(entry) == []


async def test_a_word_about_an_item_that_changed_since_counts_no_more(world: World) -> None:
    entry = world.company.add_item(account="6100")
    decide(world, entry, DecisionKind.BOOKED_AS, mark="another", reference="JE-7")
    await world.export()
    assert world.ledger.copies(entry) == 1


async def test_a_decision_says_nothing_of_an_item_that_cannot_be_read(world: World) -> None:
    entry = world.company.add_item(account="6100")
    await world.export()
    decide(world, entry, DecisionKind.KEEP, mark="f")
    world.state.edit_item(entry, {"accountingEntryLines": []})
    job = world.queue(entry)
    await world.drain()
    assert world.item(job, entry).status == "failed"


async def test_an_amendment_without_settings_for_it_is_told(amending: World) -> None:
    entry = amending.company.add_item(account="6100")
    await amending.export()
    amending.settings = replace(amending.settings, accounts=Accounts())
    job = await change(amending, entry)
    assert amending.item(job, entry).failure_reason_type == "missing_configuration"
    assert amending.ledger.copies(entry) == 1


async def test_a_booking_that_a_person_found_elsewhere_is_not_completed(world: World) -> None:
    """The bill is live and the payment was found in the books by hand: nothing is written."""
    entry = world.company.add_item(method="accounts_payable")
    await world.export()
    (paid,) = world.ledger.of(entry, Part.PAYMENT)
    world.ledger.delete(paid.id)
    decide(world, entry, DecisionKind.BOOKED_AS, reference="JE-8")
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.of(entry, Part.PAYMENT) == []


async def test_taking_back_goes_on_after_an_interruption(amending: World) -> None:
    entry = amending.company.add_item(method="accounts_payable", account="6100")
    await amending.export()
    for call in ("void", "find"):
        amending.ledger.interrupt(call, after=1)
    await change(amending, entry)
    for part in (Part.BILL, Part.PAYMENT):
        assert amending.ledger.copies(entry, part) == 1
    assert travel(amending) == 0


async def test_what_was_taken_back_before_an_interruption_is_left_as_it_is(
    amending: World,
) -> None:
    entry = amending.company.add_item(account="6100")
    await amending.export()
    amending.ledger.interrupt("find", after=2)
    await change(amending, entry)
    assert amending.ledger.copies(entry) == 1
    assert travel(amending) == 0


async def test_half_of_it_taken_back_is_told_as_it_is(amending: World) -> None:
    entry = amending.company.add_item(method="accounts_payable", account="6100")
    await amending.export()
    (bill,) = amending.ledger.of(entry, Part.BILL)
    (paid,) = amending.ledger.of(entry, Part.PAYMENT)
    locked = Problem(message="The books are locked.", passing=False)
    amending.ledger.interrupt("void", locked, after=1)
    job = await change(amending, entry)
    reason = amending.item(job, entry).failure_reason
    assert f"{paid.id} could not be taken back: The books are locked." in reason
    assert f"{bill.id} was taken back" in reason


async def test_a_new_entry_refused_after_the_old_one_was_taken_back_says_so(
    amending: World,
) -> None:
    entry = amending.company.add_item(account="6100")
    await amending.export()
    (old,) = amending.ledger.of(entry)
    amending.ledger.refuse(entry)
    job = await change(amending, entry)
    assert f"{old.id} was taken back" in amending.item(job, entry).failure_reason
    amending.ledger.accept(entry)
    (result,) = await amending.export(entry)
    assert result.outcome == "completed"


async def test_the_register_knows_what_was_taken_back(amending: World) -> None:
    entry = amending.company.add_item(account="6100")
    await amending.export()
    await change(amending, entry)
    with open_register(amending.register_url) as register:
        states = [part.state for part in register.parts.of("memory:books", [entry])[entry]]
    assert states == [PartState.GONE, PartState.BOOKED]

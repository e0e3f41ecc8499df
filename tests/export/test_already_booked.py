"""Items that come back: the same, changed, gone from the books, or with half their parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.settings import Accounts
from counterfoil.export.policies import OnChange
from counterfoil.register import PartState, open_register
from counterfoil.systems.contract import EntryState, Problem
from counterfoil.testing.world import World


async def again(world: World, entry: str, **changes: object) -> str:
    """Let a person correct an expense, or not, and export it once more."""
    world.state.edit_item(entry, changes)
    job = world.queue(entry)
    await world.drain()
    return job


async def test_an_unchanged_item_keeps_its_booking(world: World) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    job = await again(world, entry, note="another text")
    assert world.item(job, entry).external_id == record.id
    assert world.item(job, entry).exported_at.startswith(f"{record.booked_at:%Y-%m-%dT%H:%M:%S}")
    assert world.ledger.copies(entry) == 1


async def test_an_unchanged_item_keeps_its_booking_without_the_register(world: World) -> None:
    entry = world.company.add_item()
    await world.export()
    world.lose_register()
    job = await again(world, entry)
    assert world.item(job, entry).status == "successful"
    assert world.ledger.copies(entry) == 1


async def test_an_entry_edited_in_the_books_stays_as_people_made_it(world: World) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    world.ledger.change(record.id, lines=((record.lines[0][0], record.lines[1][1]),))
    world.lose_register()
    job = await again(world, entry)
    assert world.item(job, entry).status == "successful"


async def test_an_item_that_could_not_be_planned_now_still_stands_as_it_was_booked(
    world: World,
) -> None:
    entry = world.company.add_item()
    await world.export()
    world.settings = replace(world.settings, accounts=Accounts())
    job = await again(world, entry)
    assert world.item(job, entry).status == "successful"


async def test_a_changed_item_waits_for_a_person(world: World) -> None:
    entry = world.company.add_item(account="6100")
    await world.export()
    (record,) = world.ledger.of(entry)
    line = world.company.build(account="6300")["accountingEntryLines"]
    job = await again(world, entry, accountingEntryLines=line)
    item = world.item(job, entry)
    assert item.failure_reason_type == "validation_failure"
    assert f"Already booked as {record.id}" in item.failure_reason
    assert "6100 became" in item.failure_reason
    assert f"counterfoil resolve {entry}" in item.failure_reason
    assert world.ledger.copies(entry) == 1


async def test_a_changed_item_is_noticed_without_the_register(world: World) -> None:
    entry = world.company.add_item(account="6100")
    await world.export()
    world.lose_register()
    line = world.company.build(account="6300")["accountingEntryLines"]
    job = await again(world, entry, accountingEntryLines=line)
    assert "its figures are not those that were booked" in world.item(job, entry).failure_reason


async def test_a_changed_item_may_be_kept_as_it_is(world: World) -> None:
    world.on_change = OnChange.KEEP
    entry = world.company.add_item(account="6100")
    await world.export()
    line = world.company.build(account="6300")["accountingEntryLines"]
    job = await again(world, entry, accountingEntryLines=line)
    assert world.item(job, entry).status == "successful"
    assert world.ledger.copies(entry) == 1


async def test_a_booked_item_that_became_unreadable_is_named_with_its_booking(
    world: World,
) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    job = await again(world, entry, accountingEntryLines=[])
    assert record.id in world.item(job, entry).failure_reason
    assert world.ledger.copies(entry) == 1


@pytest.mark.parametrize("state", [EntryState.VOIDED, EntryState.REVERSED])
async def test_an_entry_voided_by_hand_is_booked_again(world: World, state: EntryState) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    world.ledger.change(record.id, state=state)
    job = await again(world, entry)
    assert world.item(job, entry).status == "successful"
    assert world.ledger.copies(entry) == 1
    assert [one.reference.attempt for one in world.ledger.of(entry)] == [1, 2]


async def test_an_entry_deleted_by_hand_is_booked_again_as_the_next_attempt(
    world: World,
) -> None:
    entry = world.company.add_item()
    await world.export()
    world.ledger.delete(world.ledger.of(entry)[0].id)
    await again(world, entry)
    assert [one.reference.attempt for one in world.ledger.of(entry)] == [2]


async def test_a_refused_entry_is_tried_again_by_the_next_export(world: World) -> None:
    entry = world.company.add_item()
    world.ledger.refuse(entry)
    await world.export()
    world.ledger.accept(entry)
    (result,) = await world.export()
    assert result.outcome == "completed"
    assert [one.reference.attempt for one in world.ledger.of(entry)] == [1]


async def test_two_equal_coffees_are_two_expenses(world: World) -> None:
    entries = world.company.add_items(2, value=350, account="6300")
    await world.export()
    assert [world.ledger.copies(entry) for entry in entries] == [1, 1]


async def test_a_bill_and_its_payment_are_both_booked(world: World) -> None:
    entry = world.company.add_item(method="accounts_payable")
    job = world.queue()
    await world.drain()
    assert world.item(job, entry).external_id == world.ledger.of(entry, Part.BILL)[0].id
    assert world.ledger.copies(entry, Part.PAYMENT) == 1


async def test_a_missing_payment_is_added_to_its_bill(world: World) -> None:
    entry = world.company.add_item(method="accounts_payable")
    await world.export()
    world.ledger.delete(world.ledger.of(entry, Part.PAYMENT)[0].id)
    await again(world, entry)
    assert world.ledger.copies(entry, Part.BILL) == 1
    assert world.ledger.copies(entry, Part.PAYMENT) == 1


async def test_half_a_booking_is_not_called_whole(world: World) -> None:
    """The payment is gone and cannot be planned any more: the bill is named, nothing doubled."""
    entry = world.company.add_item(method="accounts_payable")
    await world.export()
    (bill,) = world.ledger.of(entry, Part.BILL)
    world.ledger.delete(world.ledger.of(entry, Part.PAYMENT)[0].id)
    world.settings = replace(world.settings, accounts=Accounts(payable="2000"))
    job = await again(world, entry)
    item = world.item(job, entry)
    assert item.failure_reason_type == "missing_configuration"
    assert f"bill {bill.id} is booked" in item.failure_reason


async def test_the_register_knows_each_part(world: World) -> None:
    entry = world.company.add_item(method="accounts_payable")
    await world.export()
    with open_register(world.register_url) as register:
        records = register.parts.of("memory:books", [entry])[entry]
    assert {record.part: record.state for record in records} == {
        Part.BILL: PartState.BOOKED,
        Part.PAYMENT: PartState.BOOKED,
    }


@pytest.mark.parametrize("first", ["journal", "accounts_payable"])
async def test_an_item_booked_as_other_parts_is_not_booked_beside_them(
    world: World, first: str
) -> None:
    """The method changed, and the booking is to be kept: a bill beside the entry would be twice."""
    world.on_change = OnChange.KEEP
    entry = world.company.add_item(method=first)
    await world.export()
    before = [record.id for record in world.ledger.of(entry)]
    other = "journal" if first == "accounts_payable" else "accounts_payable"
    job = await again(world, entry, bookkeeping={"method": other})
    assert world.item(job, entry).status == "successful"
    assert [record.id for record in world.ledger.of(entry)] == before


async def test_an_unchanged_item_stands_although_the_table_has_other_parts_for_it_now(
    world: World,
) -> None:
    entry = world.company.add_item(method="accounts_payable")
    await world.export()
    before = [record.id for record in world.ledger.of(entry)]
    rows = [
        {
            "types": ["card_purchase"],
            "subTypes": [None],
            "methods": ["accounts_payable"],
            "parts": [{"part": "entry", "debit": "lines", "credit": "wallet"}],
        }
    ]
    world.settings = replace(world.settings, table_overrides=rows)
    job = await again(world, entry)
    assert world.item(job, entry).status == "successful"
    world.settings = replace(world.settings, accounts=Accounts())
    job = await again(world, entry)
    assert world.item(job, entry).status == "successful"
    assert [record.id for record in world.ledger.of(entry)] == before


async def test_a_booked_item_that_cannot_be_looked_up_is_not_called_unbooked(
    world: World,
) -> None:
    entry = world.company.add_item()
    await world.export()
    (record,) = world.ledger.of(entry)
    world.ledger.interrupt("find", Problem(message="The books are shut."))
    job = await again(world, entry)
    assert f"By our register it is booked as {record.id}" in world.item(job, entry).failure_reason

"""The oracle says nothing of a right world, and has a sentence for each way to be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.export.policies import OnChange
from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.model import Receipt
from counterfoil.systems.beancount import Beancount, BeancountOptions
from counterfoil.systems.contract import AccountingSystem, EntryState
from counterfoil.testing.memory import MemoryRecord
from counterfoil.testing.oracle import (
    Expected,
    People,
    beancount_bookings,
    memory_bookings,
    violations,
)
from counterfoil.testing.world import World

pytestmark = pytest.mark.reliability

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
LEDGER = """\
2020-01-01 open Assets:Wallet
  code: "1800"
2020-01-01 open Liabilities:Payable
  code: "2000"
2020-01-01 open Liabilities:Employees
  code: "2900"
2020-01-01 open Assets:Contra
  code: "1899"
2020-01-01 open Expenses:Travel
  code: "6100"
"""


class Told:
    """A world after an export of three expenses, and what the oracle says of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.coffee = world.company.add_item(value=1200)
        self.taxi = world.company.add_item(value=3100)
        self.paper = world.company.add_item(
            value=9000, method="accounts_payable", receipts=[Receipt(PDF)]
        )

    def ask(
        self, *, people: People | None = None, expected: Expected | None = None, ended: bool = True
    ) -> list[str]:
        bookings = memory_bookings(self.world.ledger)
        return violations(
            self.world.state,
            bookings,
            people=people or People(),
            expected=expected or Expected(),
            ended=ended,
        )

    def record(self, entry_id: str) -> MemoryRecord:
        return self.world.ledger.of(entry_id)[0]

    def change(self, entry_id: str, changed: MemoryRecord) -> None:
        records = self.world.ledger.records
        records[records.index(self.record(entry_id))] = changed


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    async with World() as world:
        told = Told(world)
        await world.export()
        yield told


async def test_a_right_world_is_passed_over_in_silence(told: Told) -> None:
    parts = {told.paper: ["bill", "payment"], told.coffee: ["entry"]}
    assert told.ask(expected=Expected(parts=parts, receipts=True)) == []


async def test_before_the_first_export_nothing_is_wrong() -> None:
    async with World() as world:
        assert Told(world).ask() == []


async def test_a_second_booking_is_seen(told: Told) -> None:
    told.world.ledger.records.append(replace(told.record(told.coffee), id="again"))
    doubled, totals = told.ask()
    assert doubled == f"{told.coffee}/entry is booked 2 times."
    assert totals == "Pleo has 133 GBP as exported; the books hold 145 GBP."


async def test_two_live_attempts_are_seen(told: Told) -> None:
    record = told.record(told.coffee)
    second = replace(record.entry, reference=replace(record.reference, attempt=2))
    told.world.ledger.records.append(replace(record, id="second", entry=second))
    assert f"{told.coffee}/entry is live in attempts [1, 2] at once." in told.ask()


async def test_the_same_expense_as_an_entry_and_as_a_bill_is_seen(told: Told) -> None:
    record = told.record(told.coffee)
    bill = replace(record.entry, reference=replace(record.reference, part=Part.BILL))
    told.world.ledger.records.append(replace(record, id="bill", entry=bill))
    assert f"{told.coffee} is booked as bill and as entry at once." in told.ask()


async def test_a_booking_that_is_gone_is_seen_unless_a_person_took_it(told: Told) -> None:
    id = told.record(told.coffee).id
    told.world.ledger.delete(id)
    gone, totals = told.ask()
    assert gone == f"Pleo has {told.coffee} as booked under {id}; live is nothing."
    assert "133 GBP" in totals
    assert told.ask(people=People(removed=[told.coffee])) == []


async def test_a_voided_booking_is_no_booking(told: Told) -> None:
    voided = replace(told.record(told.coffee), state=EntryState.VOIDED)
    told.change(told.coffee, voided)
    assert any("live is nothing" in each for each in told.ask())


async def test_another_amount_is_seen_unless_a_person_changed_it(told: Told) -> None:
    record = told.record(told.coffee)
    lines = tuple((account, amount * 2) for account, amount in record.lines)
    told.change(told.coffee, replace(record, lines=lines))
    amount, totals = told.ask()
    assert amount == f"Pleo has {told.coffee} as 12 GBP; {record.id} moves no such amount."
    assert "145" in totals
    assert told.ask(people=People(changed=[told.coffee])) == []


async def test_an_entry_that_does_not_balance_is_seen(told: Told) -> None:
    record = told.record(told.coffee)
    told.change(told.coffee, replace(record, lines=(*record.lines, ("x", Decimal(1)))))
    assert f"{record.id} does not balance: 1.00 GBP are left over." in told.ask()


async def test_a_failure_that_is_silent_about_its_booking_is_seen(told: Told) -> None:
    (job,) = told.world.state.jobs.values()
    job.items[told.coffee].status = "failed"
    job.items[told.coffee].failure_reason = "closed period"
    (sentence,) = told.ask()
    assert sentence.startswith(f"Pleo has {told.coffee} as failed without a word of")
    job.items[told.coffee].failure_reason = f"It is not certain: look for {told.coffee}/entry"
    assert told.ask() == []


async def test_a_changed_item_that_fails_names_its_booking(told: Told) -> None:
    told.world.state.edit_item(told.coffee, {"date": "2026-01-05T10:00:00Z"})
    await told.world.export(told.coffee)
    assert told.ask() == []


async def test_an_amended_item_is_live_once(told: Told) -> None:
    told.world.on_change = OnChange.AMEND
    lines = told.world.company.build(value=1500)["accountingEntryLines"]
    amount = told.world.company.build(value=1500)["amount"]
    told.world.state.edit_item(told.coffee, {"accountingEntryLines": lines, "amount": amount})
    assert told.ask(ended=False) == []
    await told.world.export(told.coffee)
    assert told.ask() == []


async def test_half_an_expense_is_seen(told: Told) -> None:
    (payment,) = told.world.ledger.of(told.paper, Part.PAYMENT)
    told.world.ledger.records.remove(payment)
    (sentence,) = told.ask(expected=Expected(parts={told.paper: ["bill", "payment"]}))
    assert sentence == f"{told.paper} is successful with bill; it needs bill, payment."


async def test_a_receipt_that_is_not_filed_is_seen(told: Told) -> None:
    told.change(told.paper, replace(told.record(told.paper), receipts=frozenset()))
    (sentence,) = told.ask(expected=Expected(receipts=True))
    assert sentence == f"{told.paper} is successful without 1 of its receipts."


async def test_a_draft_is_seen_where_entries_should_be_posted(told: Told) -> None:
    sentences = told.ask(expected=Expected(final=True))
    assert [each.rpartition(" ")[2] for each in sentences] == ["draft."] * 4


async def test_a_booking_of_nobodys_is_seen(told: Told) -> None:
    del told.world.company.entries[told.coffee]
    assert told.ask() == [f"{told.coffee} is booked, and Pleo never had such an expense."]


async def test_events_are_accepted_once_a_job(told: Told) -> None:
    state = told.world.state
    (job,) = state.jobs
    state.note("event", job_id=job, value="started")
    state.note("event", job_id=job, value="failed")
    assert told.ask() == [f"Job {job} was started 2 times.", f"Job {job} was finished 2 times."]


async def test_a_job_that_another_started_is_not_finished_by_us(told: Told) -> None:
    state = told.world.state
    (job,) = state.jobs
    state.events = [event for event in state.events if event.value != "started"]
    assert told.ask() == [f"Job {job} was finished by somebody who had not started it."]
    assert told.ask(people=People(taken_over=[job])) == []


async def test_what_has_not_ended_is_seen_only_when_asked_for(told: Told) -> None:
    told.world.state.edit_item(told.coffee, {"note": "lunch"})
    job = told.world.queue(told.coffee)
    assert told.ask(ended=False) == []
    assert told.ask() == [
        f"{told.coffee} has no outcome: Pleo has it as pending.",
        f"Job {job} is still pending.",
    ]


class LedgerWorld(World):
    """A world whose books are a Beancount ledger."""

    main = Path()

    def books(self) -> AccountingSystem:
        return Beancount(BeancountOptions(ledger=self.main), self.main.parent)


@pytest.mark.slow
async def test_a_ledger_is_read_as_beancount_reads_it(tmp_path: Path) -> None:
    async with LedgerWorld() as world:
        world.main = tmp_path / "main.beancount"
        world.main.write_text(LEDGER)
        told = Told(world)
        await world.export()
        world.on_change = OnChange.AMEND
        world.settings = replace(world.settings, posting=PostingMode.FINAL)
        for days in (3, 2):
            day = stamp(world.clock.now() - timedelta(days=days))
            world.state.edit_item(told.coffee, {"date": day})
            await world.export(told.coffee)
        bookings = beancount_bookings(world.main)
        parts = {told.coffee: ["entry"], told.paper: ["bill", "payment"]}
        wanted = Expected(parts=parts, receipts=True)
        assert violations(world.state, bookings, expected=wanted, ended=True) == []
        states = sorted(each.state for each in bookings if each.entry_id == told.coffee)
        assert states == ["posted", "reversal", "reversed"]
        for month in (tmp_path / "counterfoil").glob("2*.beancount"):
            month.write_text(month.read_text() * 2)
        doubled = violations(world.state, beancount_bookings(world.main))
        assert f"{told.taxi}/entry is booked 2 times." in doubled

"""Time that runs out, and documents that come, come late, or do not come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.export.export_items import sort_key
from counterfoil.export.lease import Lease
from counterfoil.export.policies import ReceiptPolicy
from counterfoil.export.ports import Silent, SystemClock
from counterfoil.pleo.errors import PleoUnanswered
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.model import Receipt
from counterfoil.systems.contract import AccountingSystem, Problem, RecordResult
from counterfoil.testing.memory import MemoryBooks
from counterfoil.testing.world import World

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def receipt(data: bytes = PDF) -> Receipt:
    """Build a receipt."""
    return Receipt(data, "application/pdf")


def test_nothing_is_written_before_a_job_is_held() -> None:
    assert not Lease().may_write(NOW)


def test_a_lease_counts_from_the_last_update() -> None:
    lease = Lease()
    lease.start(expires_in=3600, updated_at=NOW)
    assert lease.life == timedelta(hours=1)
    assert lease.may_write(NOW + timedelta(minutes=54))
    assert not lease.may_write(NOW + timedelta(minutes=56))
    assert not lease.may_retry(NOW + timedelta(minutes=51))
    lease.renew(NOW + timedelta(minutes=50))
    assert lease.may_write(NOW + timedelta(minutes=100))


@pytest.mark.parametrize(
    ("date", "key"),
    [
        ("2026-03-05T01:30:00+02:00", "2026-03-04T23:30:00+00:00"),
        ("2026-03-05T01:30:00", "2026-03-05T01:30:00+00:00"),
        ("soon", ""),
        ("0001-01-01T00:00:00+05:00", ""),
        ("9999-12-31T23:59:59-05:00", ""),
        (None, ""),
    ],
)
def test_items_are_ordered_by_their_time_in_utc(date: object, key: str) -> None:
    assert sort_key({"date": date}) == key


async def test_the_machines_clock_is_aware_and_waits() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(0)
    assert clock.now() >= before
    assert before.tzinfo is UTC
    Silent().job_started("acme", "job", 1)
    Silent().items_done("job", 1)


@pytest.mark.parametrize("minutes_off", [0, -20, 20])
async def test_a_run_that_resumes_too_late_writes_nothing_new(
    world: World, minutes_off: int
) -> None:
    world.clock.off = timedelta(minutes=minutes_off)
    booked, late = world.company.add_items(2)
    await world.export(booked)
    job = world.queue(booked, late)
    world.ledger.interrupt("find", Problem(message="dead", passing=False), after=0)
    world.fault(Kind.UNAVAILABLE, "list_export_items")
    with pytest.raises(PleoUnanswered):
        await world.drain()
    world.state.faults.clear()
    world.ledger._interruptions.clear()
    world.state.clock.advance(timedelta(minutes=57))
    await world.drain()
    assert world.item(job, late).failure_reason == "The export ran out of time; export again"
    assert world.item(job, late).failure_reason_type == "accounting_system_timeout"
    assert world.item(job, booked).status == "successful"
    assert world.ledger.copies(late) == 0


async def test_an_expired_job_comes_back_as_another_and_books_nothing_twice(
    world: World,
) -> None:
    entries = world.company.add_items(150)
    world.queue()
    world.fault(Kind.EXPIRE_JOB, "update_items", skip=1, times=1)
    (lost,), _ = await world.drain()
    assert lost.outcome == "lost"
    (result,) = await world.export()
    assert result.outcome == "completed"
    assert [world.ledger.copies(entry) for entry in entries] == [1] * 150


async def test_receipts_reach_their_entry(world: World) -> None:
    entry = world.company.add_item(receipts=[receipt(), receipt(PDF + b"%2")])
    await world.export()
    assert len(world.ledger.of(entry)[0].receipts) == 2


async def test_receipts_are_attached_where_the_books_take_them_afterwards(world: World) -> None:
    world.ledger.receipts_with_entry = False
    entry = world.company.add_item(receipts=[receipt()])
    await world.export()
    assert len(world.ledger.of(entry)[0].receipts) == 1


async def test_an_upload_that_failed_is_made_up_for_by_the_next_export(world: World) -> None:
    world.ledger.receipts_with_entry = False
    able = world.ledger.capabilities
    world.ledger.capabilities = replace(able, attachments=None)
    entry = world.company.add_item(receipts=[receipt()])
    await world.export()
    assert not world.ledger.of(entry)[0].receipts
    world.ledger.capabilities = able
    await world.export(entry)
    assert len(world.ledger.of(entry)[0].receipts) == 1
    assert world.ledger.copies(entry) == 1


async def test_a_receipt_that_does_not_come_fails_its_item_before_it_is_booked(
    world: World,
) -> None:
    entry = world.company.add_item(receipts=[receipt()])
    job = world.queue()
    world.fault(Kind.TRUNCATED, "get_receipt")
    await world.drain()
    assert world.item(job, entry).failure_reason_type == "receipt_download_failure"
    assert world.ledger.copies(entry) == 0


async def test_an_item_may_be_booked_without_the_receipt_that_does_not_come(
    world: World,
) -> None:
    world.receipt_policy = ReceiptPolicy.BEST_EFFORT
    entry = world.company.add_item(receipts=[receipt(), receipt(PDF + b"%2")])
    world.queue()
    world.fault(Kind.WRONG_SIZE, "get_receipt", times=2)
    await world.drain()
    assert world.ledger.copies(entry) == 1


async def test_a_dead_url_is_replaced_by_a_fresh_one(world: World) -> None:
    entries = [world.company.add_item(receipts=[receipt()]) for _ in range(3)]
    world.queue()
    world.fault(Kind.URL_EXPIRED, "get_receipt", times=2)
    await world.drain()
    assert [len(world.ledger.of(entry)[0].receipts) for entry in entries] == [1, 1, 1]
    reads = [e for e in world.state.events if e.kind == "request" and "export-items" in str(e.path)]
    assert len(reads) == 2


async def test_a_booking_that_lacks_a_receipt_is_named_in_the_failure(world: World) -> None:
    able = world.ledger.capabilities
    world.ledger.capabilities = replace(able, attachments=None)
    world.ledger.receipts_with_entry = False
    entry = world.company.add_item(receipts=[receipt()])
    await world.export()
    world.ledger.capabilities = able
    (record,) = world.ledger.of(entry)
    job = world.queue(entry)
    world.fault(Kind.TRUNCATED, "get_receipt")
    await world.drain()
    assert f"Booked as {record.id}, but a receipt is missing" in (
        world.item(job, entry).failure_reason
    )
    assert world.ledger.copies(entry) == 1


class SlowBooks(MemoryBooks):
    """Books that take most of an hour for every call that writes."""

    def __init__(self, world: World) -> None:
        super().__init__(world.ledger)
        self.world = world

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        results = await super().record(entries)
        self.world.state.clock.advance(timedelta(minutes=56))
        return results


class SlowWorld(World):
    """A world with slow books."""

    def books(self) -> AccountingSystem:
        return SlowBooks(self)


async def test_what_is_left_when_time_runs_out_is_named_beside_what_is_booked() -> None:
    async with SlowWorld() as world:
        entry = world.company.add_item(method="accounts_payable")
        job = world.queue()
        await world.drain()
        reason = world.item(job, entry).failure_reason
        assert "ran out of time" in reason
        assert "is booked; the next export adds only the payment" in reason
        assert world.ledger.copies(entry, Part.BILL) == 1
        assert world.ledger.copies(entry, Part.PAYMENT) == 0

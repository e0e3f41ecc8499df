"""Turns that an export seldom takes, and where money would be lost if it took them wrongly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.chart import ChartAccount
from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.errors import ItemFailure, ReceiptUploadFailure, UnknownAccount
from counterfoil.export.policies import OnChange, ReceiptPolicy
from counterfoil.pleo.errors import PleoForbidden
from counterfoil.register import JobState, PartState, open_register
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.model import Receipt
from counterfoil.systems.contract import EntryState, Problem, RecordResult, Uniqueness
from counterfoil.testing.memory import Fate, MemoryLedger, MemoryRecord, chart_of
from counterfoil.testing.world import World

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@dataclass
class OddLedger(MemoryLedger):
    """Books that do what few do."""

    refuses_calls: dict[str, ItemFailure] = field(default_factory=dict)
    """Calls of the contract that are refused, with why."""
    surcharge: Decimal = Decimal(0)
    """What the books add to the first line of what they are given, and take from the last."""
    late: bool = False
    """Whether late requests come in just before the next one."""
    keeps: bool = False
    """Whether a record stays as it is though it was said to be taken back."""

    def called(self, call: str, about: Sequence[str] = ()) -> None:
        super().called(call, about)
        if call in self.refuses_calls:
            raise self.refuses_calls[call]

    def receive(self, entry: Entry) -> RecordResult:
        if self.late:
            self.deliver()
        return super().receive(entry)

    def book(self, entry: Entry) -> MemoryRecord | None:
        record = super().book(entry)
        if record is not None and self.surcharge:
            (first, debit), *middle, (last, credit) = record.lines
            lines = ((first, debit + self.surcharge), *middle, (last, credit - self.surcharge))
            self.change(record.id, lines=lines)
        return record

    def change(self, id: str, **changes: object) -> None:
        if not (self.keeps and "state" in changes):
            super().change(id, **changes)  # type: ignore[arg-type] # passed on as they come


@pytest.fixture
def ledger() -> OddLedger:
    """Set up odd books."""
    return OddLedger(chart_of("1800", "2900", "1899", "2000", "6100", "6300"))


@pytest.fixture
async def odd(ledger: OddLedger) -> AsyncIterator[World]:
    """Start a world on odd books."""
    async with World(ledger) as world:
        yield world


def receipt() -> Receipt:
    return Receipt(PDF, "application/pdf")


# Claiming


async def test_a_claim_on_record_outlives_a_key_that_is_refused(world: World) -> None:
    """The first ``started`` may have arrived, so that it is asked for again, not forgotten."""
    job = world.queue(world.company.add_item())
    async with world.ready() as (register, pleo):
        fence = register.connections.raise_fence(world.company.id)
        export = world.exporting(register, pleo, fence)
        world.fault(Kind.DROP_BEFORE, "post_event", times=1)
        assert await claim(export, job) is None
        world.state.keys.clear()
        reader = world.state.add_key(
            world.company.id,
            scopes=["export-jobs:read", "export-items:read"],
            secret=world.company.api_key,
        )
        with pytest.raises(PleoForbidden):
            await claim(export, job)
        record = register.jobs.get(job)
        assert record is not None
        assert record.state is JobState.CLAIMING
        world.state.revoke_key(reader)
    world.state.add_key(world.company.id, secret=world.company.api_key)
    await world.drain()
    assert world.status(job) == "completed"
    assert world.state.count("event", "started", job) == 1


async def test_a_job_started_long_before_our_own_try_is_anothers(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue(entry)
    world.fault(Kind.CLAIM_FIRST, "post_event", times=1)
    world.fault(Kind.DROP_BEFORE, "post_event", times=1)
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, register.connections.raise_fence(world.company.id))
        backdated = BackdatedStart(pleo, timedelta(minutes=5))
        assert await claim(replace(export, pleo=backdated), job) is None
        assert register.jobs.get(job) is None
    assert world.ledger.copies(entry) == 0

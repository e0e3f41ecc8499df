"""A company's Pleo, books and register in memory; what is durable of them can be put back.

Durable is what a killed process leaves behind: Pleo's side, the books, and what the register has
committed. Everything else (connections, locks, what was read) is made anew for each run.
"""

from __future__ import annotations

import copy
import hashlib
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import cached_property

from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.export.policies import OnChange
from counterfoil.export.ports import Export
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.register import Register
from counterfoil.register.connections import Binding
from counterfoil.runner.drain import drain
from counterfoil.sandbox.clock import Clock
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.model import AccountingEntry, Item, Job, LogEntry
from counterfoil.sandbox.state import Company, State
from counterfoil.systems.contract import AccountingSystem, EntryState, RecordResult, Uniqueness
from counterfoil.testing.charts import chart_of
from counterfoil.testing.inprocess import PLEO, InProcessPleo
from counterfoil.testing.memory import ALL_CAPABLE, MemoryBooks, MemoryLedger, MemoryRecord
from counterfoil.testing.oracle import Expected, People, memory_bookings, violations
from counterfoil.testing.receipts import SandboxReceipts
from counterfoil.testing.register import MemoryLocks, memory_register
from counterfoil.testing.virtualtime import START
from counterfoil.testing.world import AT_ONCE, SETTINGS, WorldClock

__all__ = ["PDF", "Desk", "Durable", "OpenLedger"]

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
CODES = ("1800", "2900", "1899", "2000", "6100", "6300")


@dataclass
class OpenLedger(MemoryLedger):
    """Books that bar nothing: a second record under one reference is kept, so that it is seen.

    A request takes ``write_seconds`` of the clock; one that was sent by a process which is dead by
    now may still be in flight, and lands at its time, as soon as anybody calls.
    """

    write_seconds: float = 0
    in_flight: deque[tuple[datetime, MemoryRecord]] = field(default_factory=deque)
    pass_time: Callable[[timedelta], object] = lambda _: None

    def book(self, entry: Entry) -> MemoryRecord | None:
        declared = self.capabilities
        self.capabilities = replace(declared, uniqueness=Uniqueness.PROBE_ONLY)
        try:
            return super().book(entry)
        finally:
            self.capabilities = declared

    def receive(self, entry: Entry) -> RecordResult:
        result = super().receive(entry)
        if self.write_seconds:
            self.pass_time(timedelta(seconds=self.write_seconds))
        return result

    def called(self, call: str, about: Sequence[str] = ()) -> None:
        while self.in_flight and self.in_flight[0][0] <= self.clock():
            self.records.append(self.in_flight.popleft()[1])
        super().called(call, about)

    def mend(self) -> None:
        """Let nothing be interrupted any more."""
        self._interruptions.clear()

    def send_back(self, lands: timedelta) -> None:
        """Put the newest record into flight again: its request lands so long after it was sent."""
        record = self.records.pop()
        self.in_flight.append((record.booked_at + lands, record))


class StillClock(Clock):
    """A clock that stands still unless it is moved: the same run ends at the same time."""

    def now(self) -> datetime:
        return START + self.offset


@dataclass(frozen=True)
class Durable:
    """What outlives a process."""

    jobs: Mapping[str, Job]
    entries: Mapping[str, tuple[Item, bool, str | None]]
    events: tuple[LogEntry, ...]
    offset: timedelta
    faults: tuple[Fault, ...]
    ledger: Mapping[str, object]
    register: bytes

    @cached_property
    def key(self) -> bytes:
        """Tell it from others: a process that starts from an equal one does the same."""
        done = [event for event in self.events if event.kind != "request"]
        content = (self.jobs, self.entries, done, self.offset, self.faults, self.ledger)
        return hashlib.sha256(repr(content).encode() + self.register).digest()


class Desk:
    """One company at a Pleo, its books and its register; ``run`` is what ``run --once`` does."""

    def __init__(
        self,
        ledger: OpenLedger | None = None,
        *,
        posting: PostingMode = PostingMode.FINAL,
        on_change: OnChange = OnChange.FAIL,
    ) -> None:
        self.state = State(clock=StillClock(), seed=1)
        self.company: Company = self.state.add_company()
        self.clock = WorldClock(self.state)
        self.ledger = ledger or OpenLedger(
            chart_of(*CODES), ALL_CAPABLE, receipts_with_entry=False, final_with_entry=False
        )
        self.ledger.clock = self.clock.now
        self.ledger.pass_time = self.state.clock.advance
        self.settings = replace(SETTINGS, posting=posting)
        self.on_change = on_change
        self.expected = Expected(final=posting is PostingMode.FINAL, receipts=True)
        self.people = People()
        self.settles = posting is PostingMode.FINAL
        self.chunk = 100
        self.books: Callable[[], AccountingSystem] = lambda: MemoryBooks(self.ledger)
        self.register: Register = memory_register()
        self.transport = InProcessPleo(self.state)
        self._blank = self._image()

    async def run(self, *, take: str | None = None) -> None:
        """Drain every job, as a process that starts now does; raises what stops it.

        ``take`` is a job that a person says is ours to go on with.
        """
        register = replace(self.register, locks=MemoryLocks())
        with register.locks.hold("company"):
            register.connections.bind(self._binding(), now=self.clock.now())
            fence = register.connections.raise_fence(self.company.id)
            auth = ApiKeyAuth(self.company.api_key)
            async with PleoClient(
                PLEO,
                auth,
                company_id=self.company.id,
                transport=self.transport,
                retries=AT_ONCE,
            ) as pleo:
                await drain(lambda: self.export(register, pleo, fence), [], take=take)

    def queue(self, *entry_ids: str) -> str:
        """Click Export, for these expenses or all that are queued; return the job's id."""
        return self.state.queue_job(self.company.id, entry_ids or None)

    def fault(self, kind: Kind, endpoint: str, *, times: int = 1, skip: int = 0) -> None:
        """Let Pleo fail."""
        self.state.faults.append(Fault(kind, endpoint, times=times, skip=skip))

    def export(self, register: Register, pleo: PleoClient, fence: int) -> Export:
        """Put together what a run of one job needs."""
        return Export(
            connection="acme",
            company_id=self.company.id,
            fence=fence,
            pleo=pleo,
            books=self.books(),
            register=register.under(self.company.id, fence),
            receipts=SandboxReceipts(self.state),
            settings=self.settings,
            chunk=self.chunk,
            on_change=self.on_change,
            clock=self.clock,
        )

    def judge(self, *, ended: bool) -> list[str]:
        """Ask the oracle."""
        bookings = memory_bookings(self.ledger)
        if not ended:
            return violations(self.state, bookings, people=self.people)
        found = violations(
            self.state, bookings, people=self.people, expected=self.expected, ended=True
        )
        return [*found, *(f"{record.id} is not settled." for record in self._unsettled())]

    def freeze(self) -> Durable:
        """Keep what is durable now."""
        return Durable(
            jobs={job.id: _copy(job) for job in self.state.jobs.values()},
            entries={
                entry.id: (entry.item, entry.exported, entry.job_id)
                for entry in self.company.entries.values()
            },
            events=tuple(self.state.events),
            offset=self.state.clock.offset,
            faults=tuple(copy.deepcopy(self.state.faults)),
            ledger=_contents(self.ledger),
            register=self._image(),
        )

    def thaw(self, kept: Durable) -> None:
        """Put back what was kept; no process runs."""
        self.state.jobs.clear()
        self.state.jobs.update({job.id: _copy(job) for job in kept.jobs.values()})
        for entry_id, held in kept.entries.items():
            _put_back(self.company.entries[entry_id], *held)
        self.state.events[:] = kept.events
        self.state.clock.offset = kept.offset
        self.state.faults[:] = copy.deepcopy(kept.faults)
        for name, value in kept.ledger.items():
            setattr(self.ledger, name, copy.deepcopy(value) if name != "records" else value)
        self.ledger.records = list(self.ledger.records)
        self.ledger.process_died()
        self._put_image(kept.register)

    def lose_register(self) -> None:
        """Start with an empty register."""
        self._put_image(self._blank)

    def _unsettled(self) -> list[MemoryRecord]:
        """Return the posted bills and payments that the books do not have as settled."""
        return [
            record
            for record in self.ledger.records
            if self.settles
            and record.state is EntryState.POSTED
            and record.reference.part is not Part.ENTRY
            and record.reverses is None
            and not record.settled
        ]

    def _binding(self) -> Binding:
        return Binding(
            name="acme",
            company_id=self.company.id,
            environment="memory",
            target=MemoryBooks(self.ledger).target,
        )

    def _image(self) -> bytes:
        return self._sqlite().serialize()

    def _put_image(self, image: bytes) -> None:
        self._sqlite().deserialize(image)

    def _sqlite(self) -> sqlite3.Connection:
        with self.register.database.read() as connection:
            driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver


STAYS = {"chart", "capabilities", "name", "clock", "pass_time", "calls", "holder"}


def _contents(ledger: MemoryLedger) -> dict[str, object]:
    """Copy what the books hold; records are frozen, so a list of them is copy enough."""
    held = {
        each.name: getattr(ledger, each.name) for each in fields(ledger) if each.name not in STAYS
    }
    records = held.pop("records")
    return {**copy.deepcopy(held), "records": list(records)}


def _copy(job: Job) -> Job:
    return replace(
        job,
        items={item.id: replace(item) for item in job.items.values()},
        strays=list(job.strays),
    )


def _put_back(entry: AccountingEntry, item: Item, exported: bool, job_id: str | None) -> None:  # noqa: FBT001 -- as it was kept
    if entry.item is not item:
        entry.change(item)
        entry.item = item
    entry.exported, entry.job_id = exported, job_id

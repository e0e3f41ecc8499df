"""The simulated world: the real engine and register, a sandbox Pleo, and books, in virtual time.

A world is set up, things happen to it, and ``end`` lets all trouble cease and returns what is wrong
once everything should have come to its end. It knows nothing of Hypothesis: a story found by the
machine is told again with the same calls.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Self

import structlog

from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.effects import observe
from counterfoil.errors import CounterfoilError, ReceiptDownloadFailure
from counterfoil.export.policies import OnChange
from counterfoil.export.ports import Export
from counterfoil.export.report import SENDINGS
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.retry import Retries
from counterfoil.register import Register
from counterfoil.register.locks import company_lock
from counterfoil.runner.drain import drain
from counterfoil.sandbox import lifecycle
from counterfoil.sandbox.apierrors import ApiError
from counterfoil.sandbox.lifecycle import LockedByJob
from counterfoil.sandbox.model import Job, Receipt
from counterfoil.sandbox.state import State
from counterfoil.systems.contract import Attachments, Capabilities, EntryState, Uniqueness
from counterfoil.testing.charts import chart_of
from counterfoil.testing.inprocess import PLEO, InProcessPleo
from counterfoil.testing.memory import MemoryRecord
from counterfoil.testing.oracle import Expected, People, memory_bookings, violations
from counterfoil.testing.virtualtime import (
    NothingToWaitFor,
    SandboxTime,
    VirtualClock,
    VirtualLoop,
)
from counterfoil.testing.world import SETTINGS
from tests.reliability.simulation_parts import (
    Books,
    Death,
    Disk,
    Killed,
    Ledger,
    Locks,
    Process,
    ProcessClock,
    Receipts,
    Wire,
    disk,
)

LATENCY = 0.05
SETTLE_SECONDS = 60
"""The longest a request to the books may be under way, as they declare it."""
PATIENCE = 6 * 3600.0
"""Seconds after which a process that still runs waits for ever."""
ROUNDS = 8
"""How many runs may be needed until nothing is left to do."""
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What kind of world it is."""

    uniqueness: Uniqueness = Uniqueness.EXCLUSIVE_FILE
    on_change: OnChange = OnChange.FAIL
    final: bool = False
    """Entries are to be posted."""
    in_one_step: bool = True
    """The books post and file receipts together with the entry."""
    batch_size: int = 100
    chunk: int = 100
    page_size: int = 100

    @property
    def lands_late(self) -> bool:
        """Whether a request may take effect after its sender has given up."""
        return self.uniqueness is not Uniqueness.EXCLUSIVE_FILE

    def capabilities(self) -> Capabilities:
        return Capabilities(
            uniqueness=self.uniqueness,
            batch_size=self.batch_size,
            settle_seconds=SETTLE_SECONDS if self.lands_late else 0,
            key_lifetime_seconds=86400,
            attachments=Attachments(),
            void=True,
            reverse=True,
        )


@dataclass
class Installation:
    """A Counterfoil on a machine of its own: its register, its clock, its processes."""

    name: str
    disk: Disk
    register: Register
    clock: VirtualClock
    processes: list[Process] = field(default_factory=list)
    backup: sqlite3.Connection | None = None
    quiet_since: float = -PATIENCE
    """When its last process ended, in seconds of the loop."""

    @property
    def running(self) -> list[Process]:
        return [process for process in self.processes if process.running]

    def forget_backup(self) -> None:
        if self.backup is not None:
            self.backup.close()
        self.backup = None

    @property
    def locks(self) -> Locks:
        locks = self.register.locks
        assert isinstance(locks, Locks)
        return locks


class Simulation:
    """A world of one company, with two installations that export to the same books."""

    def __init__(self, terms: Terms, *, books: type[Books] = Books) -> None:
        self.terms = terms
        self.books = books
        self.loop = VirtualLoop()
        self.state = State(clock=SandboxTime(self.loop), seed=1)
        self.state.max_page_size = terms.page_size
        self.company = self.state.add_company()
        self.pleo = InProcessPleo(self.state, latency=LATENCY)
        self.ledger = Ledger(
            chart_of("1800", "2900", "1899", "2000", "6100", "6300"),
            capabilities=terms.capabilities(),
            receipts_with_entry=terms.in_one_step,
            final_with_entry=terms.in_one_step,
            clock=VirtualClock(self.loop).now,
            loop=self.loop,
        )
        posting = PostingMode.FINAL if terms.final else PostingMode.DRAFT
        self.settings = replace(SETTINGS, posting=posting)
        self.installations = [self._install(number) for number in range(2)]
        self.failing_receipts: deque[ReceiptDownloadFailure] = deque()
        self.faults: list[str] = []
        """Whatever ended a process that no user could act on: bugs."""
        self.removed: set[str] = set()
        self.changed: set[str] = set()
        self.taken_over: set[str] = set()

    def __enter__(self) -> Self:
        self._logging = structlog.get_config()
        structlog.configure(wrapper_class=quiet)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running:
            process.kill()
        self.loop.__exit__(None, None, None)
        for installation in self.installations:
            installation.forget_backup()
        structlog.configure(**self._logging)

    def _install(self, number: int) -> Installation:
        own = disk(number)
        return Installation(f"machine {number}", own, own.fresh(), VirtualClock(self.loop))

    @property
    def running(self) -> list[Process]:
        return [process for each in self.installations for process in each.running]

    # What people do in Pleo.

    def spend(self, value: int = 1200, method: str | None = None, *, receipt: bool = False) -> str:
        """Add an expense; under ``accounts_payable`` it is a bill and its payment."""
        receipts = [Receipt(PDF + str(value).encode())] if receipt else []
        return self.company.add_item(value=value, method=method, receipts=receipts)

    def export(self, entry_ids: Collection[str] | None = None) -> str | None:
        """Click Export for these, or for all that is queued; None where there is nothing to do."""
        chosen = self.company.queued() if entry_ids is None else list(entry_ids)
        free = [each for each in chosen if self.company.entries[each].job_id is None]
        return self.state.queue_job(self.company.id, free) if free else None

    def start_elsewhere(self, job: Job) -> None:
        """Let another integration start a job, if nobody has."""
        with suppress(ApiError):
            lifecycle.start(self.state, job)

    def correct(self, entry_id: str, value: int) -> None:
        """Change an expense's amount and queue it again, unless a job holds it."""
        built = self.company.build(value=value)
        keys = ("amount", "accountingEntryLines")
        with suppress(LockedByJob):
            if self.terms.on_change is OnChange.KEEP:
                self.changed.add(entry_id)
            self.state.edit_item(entry_id, {key: built[key] for key in keys})

    # What people do in the books.

    def touchable(self) -> list[MemoryRecord]:
        """Return live records that no request on its way could bring back."""
        late = self.ledger.on_the_way
        return [
            each
            for each in self.ledger.records
            if each.live and each.reference.entry_id not in late
        ]

    def delete(self, record: MemoryRecord) -> None:
        """Take a record out, as if it had never been."""
        self.removed.add(record.reference.entry_id)
        self.ledger.delete(record.id)

    def void(self, record: MemoryRecord) -> None:
        """Void a draft, or reverse what is posted, without a reversing record."""
        self.removed.add(record.reference.entry_id)
        gone = EntryState.VOIDED if record.state is EntryState.DRAFT else EntryState.REVERSED
        self.ledger.change(record.id, state=gone)

    def change_figures(self, record: MemoryRecord) -> None:
        """Book it twice as high."""
        self.changed.add(record.reference.entry_id)
        lines = tuple((account, amount * 2) for account, amount in record.lines)
        self.ledger.change(record.id, lines=lines)

    def move(self, record: MemoryRecord) -> None:
        """Move it to another day."""
        self.ledger.change(record.id, date=record.date - timedelta(days=40))

    def post(self, record: MemoryRecord) -> None:
        """Make a draft final."""
        self.ledger.change(record.id, state=EntryState.POSTED)

    # Processes.

    def may_start(self, installation: Installation) -> bool:
        """Whether this installation may run now, by what the books' uniqueness allows.

        Books that are only searchable cannot tell two registers apart that write at the same time,
        and the one does not know of the other's requests on the way: an operator must see to it.
        """
        if self.terms.uniqueness is not Uniqueness.PROBE_ONLY:
            return True
        others = [each for each in self.installations if each is not installation]
        return all(
            not each.running and self.loop.time() - each.quiet_since > SETTLE_SECONDS
            for each in others
        )

    def start(
        self,
        installation: Installation,
        *,
        dies: Death | None = None,
        take_over: str | None = None,
    ) -> Process:
        """Start a process, as a trigger does; another one of the same company makes it end."""
        process = Process(f"{installation.name}/{len(installation.processes)}", dies=dies)
        installation.processes.append(process)
        if take_over is not None:
            self.taken_over.add(take_over)
        process.task = self.loop.create_task(self._live(installation, process, take_over))
        return process

    async def _live(
        self, installation: Installation, process: Process, take_over: str | None
    ) -> None:
        try:
            # Of our own errors each is a sentence; whoever reads it runs again.
            with observe(process), suppress(CounterfoilError):
                await self._work(installation, process, take_over)
        except (Killed, asyncio.CancelledError):
            process.dead = True
        except Exception as fault:  # noqa: BLE001 -- a bug, whatever it is
            self.faults.append(f"{process.name}: {type(fault).__name__}: {fault}")
        finally:
            installation.quiet_since = self.loop.time()

    async def _work(
        self, installation: Installation, process: Process, take_over: str | None
    ) -> None:
        register, wire = installation.register, Wire(process, self.pleo)
        with register.locks.hold(company_lock(self.company.id)):
            fence = register.connections.raise_fence(self.company.id)
            async with PleoClient(
                PLEO,
                ApiKeyAuth(self.company.api_key),
                company_id=self.company.id,
                transport=wire,
                retries=Retries(jitter=0),
            ) as client:
                await drain(
                    lambda: self._exporting(installation, process, client, fence),
                    process.results,
                    take=take_over,
                )

    def _exporting(
        self, installation: Installation, process: Process, client: PleoClient, fence: int
    ) -> Export:
        return Export(
            connection="acme",
            company_id=self.company.id,
            fence=fence,
            pleo=client,
            books=self.books(self.ledger, process),
            register=installation.register.under(self.company.id, fence),
            receipts=Receipts(self.state, self.failing_receipts),
            settings=self.settings,
            on_change=self.terms.on_change,
            chunk=self.terms.chunk,
            clock=ProcessClock(process, installation.clock),
        )

    def wait(self, seconds: float) -> None:
        """Let time pass for all."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def kill_all(self, installation: Installation) -> None:
        """End every process of an installation, and see that it is gone."""
        for process in installation.running:
            process.kill()
        self.wait(0)

    # What happens to an installation's register.

    def back_up(self, installation: Installation) -> None:
        """Keep a copy of its register."""
        installation.forget_backup()
        installation.backup = installation.disk.image()

    def put_back(self, installation: Installation) -> None:
        """Put the copy back, or an empty register where there is none."""
        self.kill_all(installation)
        installation.disk.put_back(installation.backup)

    # The end.

    def end(self) -> list[str]:
        """Let all trouble cease, run to the end, export everything once more; say what is wrong."""
        self.cease()
        main = self.installations[0]
        try:
            wrong = self._run_out(main) or self._judge(self.people())
            if not wrong:
                self.removed.clear()
                self.export(self.company.entries)
                wrong = self._run_out(main) or self._judge(self.people(), last=True)
        except NothingToWaitFor:
            wrong = ["Something waits for ever."]
        return [*self.faults, *wrong]

    def cease(self) -> None:
        """No fault strikes any more, clocks are right, and whoever was frozen wakes."""
        self.state.faults.clear()
        self.ledger.upcoming.clear()
        self.ledger.problems.clear()
        self.ledger._interruptions.clear()
        self.ledger._refusals.clear()
        self.failing_receipts.clear()
        for installation in self.installations:
            installation.clock.ahead = timedelta(0)
            installation.disk.empty_out()
            for process in installation.processes:
                process.dies = None
                process.wake()

    def people(self) -> People:
        """Say what people did, for the oracle."""
        return People(removed=self.removed, changed=self.changed, taken_over=self.taken_over)

    def _run_out(self, installation: Installation) -> list[str]:
        """Run until no job is open; another's job is waited for."""
        for _ in range(ROUNDS):
            self._finish(self.running)
            if self.running:
                return [f"{self.running[0].name} waits for ever."]
            if not any(job.open for job in self.state.jobs_of([self.company.id])):
                return []
            while not self.may_start(installation):
                self.wait(SETTLE_SECONDS)
            self._finish([self.start(installation)])
            if any(job.status == "in_progress" for job in self.state.jobs.values()):
                self.wait(3700)
        left = [job.id for job in self.state.jobs.values() if job.open]
        return [f"Jobs {left} are open after {ROUNDS} runs."]

    def _finish(self, processes: Sequence[Process]) -> None:
        tasks = [process.task for process in processes if process.task is not None]
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=PATIENCE))

    def _judge(self, people: People, *, last: bool = False) -> list[str]:
        """Ask the oracle; after the last export also whether everything is booked."""
        expected = Expected(receipts=last, final=last and self.terms.final)
        wrong = violations(
            self.state,
            memory_bookings(self.ledger),
            people=people,
            expected=expected,
            ended=last,
        )
        return [*wrong, *self._untold(), *(self._unbooked() if last else [])]

    def _untold(self) -> list[str]:
        """Say where we finished a job without an outcome that Pleo would have taken."""
        return [
            f"Job {job.id} is {job.status}, and Pleo was told nothing of {item.id}."
            for job in self.state.jobs.values()
            if job.status in {"completed", "completed_with_errors"}
            for item in job.items.values()
            if item.status == "abandoned" and self._refusals(job.id) < SENDINGS
        ]

    def _refusals(self, job_id: str) -> int:
        """Count how often Pleo refused single rows of a job."""
        return sum(
            entry.value == "partial" and job_id in (entry.path or "") for entry in self.state.events
        )

    def _unbooked(self) -> list[str]:
        """Say what a healthy world should have booked, and what nobody has to decide about."""
        last = {each: job for job in self.state.jobs.values() for each in job.items}
        wrong = []
        for entry_id, job in last.items():
            item = job.items[entry_id]
            if item.status != "successful" and "resolve" not in (item.failure_reason or ""):
                wrong.append(f"{entry_id} is {item.status} in the end: {item.failure_reason}")
        return wrong

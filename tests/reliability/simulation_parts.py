"""The parts of the simulated world: a process that dies and freezes, and what it stands on.

Each is the real thing or a port's fake with a moment in it at which the process can be stopped.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.effects import Effect, effect
from counterfoil.errors import ItemFailure, ReceiptDownloadFailure
from counterfoil.export.run import JobResult
from counterfoil.pleo.models import ExportItem
from counterfoil.register import LockHeld, Register, register_on
from counterfoil.register.sqlite import open_engine
from counterfoil.sandbox.state import State
from counterfoil.systems.contract import Attachments, Found, PartKey, Problem, RecordResult, Unknown
from counterfoil.testing.memory import Fate, MemoryBooks, MemoryLedger
from counterfoil.testing.virtualtime import VirtualClock, VirtualLoop

BOOKS_SECONDS = 0.05
"""How long a call of the books takes."""
TIMEOUT_SECONDS = 30.0
"""How long an adapter waits for an answer that does not come."""
NO_LIMIT = 2**30


class Killed(BaseException):
    """The process is dead: no handler of errors sees this."""


@dataclass
class Death:
    """When a process will die: before or after one of its effects, counted from now."""

    moment: str
    """``before`` or ``after``."""
    effect: str
    """The effect's name, or nothing: any."""
    left: int
    """How many such effects pass before."""

    def strikes(self, moment: str, effect: Effect) -> bool:
        if self.moment != moment or self.effect not in {"", effect.name}:
            return False
        self.left -= 1
        return self.left < 0


@dataclass
class Process:
    """One process of Counterfoil: it can be frozen and woken, and die before or after an effect."""

    name: str
    frozen: bool = False
    dead: bool = False
    dies: Death | None = None
    task: asyncio.Task[None] | None = None
    results: list[JobResult] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> bool:
        return self.task is not None and not self.task.done()

    def wake(self) -> None:
        self.frozen = False
        self._woken.set()

    def freeze(self) -> None:
        self.frozen = True
        self._woken.clear()

    def kill(self) -> None:
        """End it where it stands."""
        self.dead = True
        self.wake()
        if self.task is not None:
            self.task.cancel()

    async def turn(self) -> None:
        """Go on, unless frozen or dead; a timeout that passes in the cold is felt on waking."""
        late: asyncio.CancelledError | None = None
        while self.frozen and not self.dead:
            try:
                await self._woken.wait()
            except asyncio.CancelledError as error:
                late = error
        if self.dead:
            raise Killed(self.name)
        if late is not None:
            raise late

    def before(self, effect: Effect) -> None:
        self._may_die("before", effect)

    def after(self, effect: Effect) -> None:
        self._may_die("after", effect)

    def _may_die(self, moment: str, effect: Effect) -> None:
        if self.dies is not None and self.dies.strikes(moment, effect):
            self.dead = True
        if self.dead:
            raise Killed(self.name)


class Wire(httpx.AsyncBaseTransport):
    """A process's way to Pleo."""

    def __init__(self, process: Process, pleo: httpx.AsyncBaseTransport) -> None:
        self._process = process
        self._pleo = pleo

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._process.turn()
        try:
            return await self._pleo.handle_async_request(request)
        finally:
            await self._process.turn()


class ProcessClock:
    """A process's clock: its machine's, which stops for nobody."""

    def __init__(self, process: Process, machine: VirtualClock) -> None:
        self._process = process
        self._machine = machine

    def now(self) -> datetime:
        return self._machine.now()

    async def sleep(self, seconds: float) -> None:
        await self._process.turn()
        await self._machine.sleep(seconds)
        await self._process.turn()


class Locks:
    """Locks that the kernel frees when their holder's process ends, and that may be lost."""

    def __init__(self) -> None:
        self.holders: dict[str, object] = {}

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        if name in self.holders:
            raise LockHeld(name)
        holder = self.holders[name] = object()
        try:
            yield
        finally:
            if self.holders.get(name) is holder:
                del self.holders[name]

    def confirm(self, name: str) -> None:
        """Confirm it, even to who lost it: the fence and the books must hold without."""

    def lose(self) -> None:
        """Let every lock go while its holder believes that it has it, as a database server may."""
        self.holders.clear()


class Disk:
    """A register on a disk in memory: it can be copied, put back, lost, and filled."""

    def __init__(self) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        self.register = register_on(open_engine(self._engine, "memory"), Locks())
        self._blank = self.image()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        held = self._engine.raw_connection()
        try:
            connection = held.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            yield connection
        finally:
            held.close()

    def image(self) -> sqlite3.Connection:
        """Copy it."""
        copy = sqlite3.connect(":memory:")
        with self._connection() as connection:
            connection.backup(copy)
        return copy

    def put_back(self, image: sqlite3.Connection | None = None) -> None:
        """Put a copy back; without one, an empty register."""
        self.empty_out()
        with self._connection() as connection:
            (image or self._blank).backup(connection)

    def fill(self) -> None:
        """Leave no page free."""
        with self._connection() as connection:
            connection.execute("PRAGMA max_page_count=1")

    def empty_out(self) -> None:
        """Make room again."""
        with self._connection() as connection:
            connection.execute(f"PRAGMA max_page_count={NO_LIMIT}")

    def fresh(self) -> Register:
        """Return an empty register with locks of its own."""
        self.put_back()
        return register_on(self.register.database, Locks())


@cache
def disk(number: int) -> Disk:
    """Return one of a few disks, used again by each example: SQLAlchemy compiles once a disk."""
    del number
    return Disk()


@dataclass
class Ledger(MemoryLedger):
    """Books whose next requests may get lost, or land late by the loop's time."""

    loop: VirtualLoop | None = None
    upcoming: deque[tuple[Fate, float]] = field(default_factory=deque)
    """What becomes of the next requests; None: nothing special. With seconds it lands late."""
    on_the_way: set[str] = field(default_factory=set)
    """Entry ids of requests that will land late."""

    def receive(self, entry: Entry) -> RecordResult:
        if not self.upcoming or entry.reference.entry_id in self._refusals:
            return super().receive(entry)
        fate, seconds = self.upcoming.popleft()
        self.lose_reply(entry.reference.entry_id, fate)
        answer = super().receive(entry)
        if fate is Fate.BOOKED_LATE and self.loop is not None:
            self._late.remove(entry)
            self.on_the_way.add(entry.reference.entry_id)
            self.loop.call_later(seconds, self._land, entry)
        return answer

    def _land(self, entry: Entry) -> None:
        self.on_the_way.discard(entry.reference.entry_id)
        self.book(entry)


class Books(MemoryBooks):
    """A process's connection to the books, which takes its time."""

    ledger: Ledger

    def __init__(self, ledger: Ledger, process: Process) -> None:
        super().__init__(ledger)
        self._process = process

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        await self._process.turn()
        await asyncio.sleep(BOOKS_SECONDS)
        await self._process.turn()
        yield
        await self._process.turn()

    async def ready(self) -> Sequence[Problem]:
        async with self._call():
            return await super().ready()

    async def chart(self) -> Chart:
        async with self._call():
            return await super().chart()

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        async with self._call():
            return await super().find(keys)

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Send entries one by one, so that a process can stop between two of them."""
        async with self._call():
            self.ledger.called("record", [str(entry.reference) for entry in entries])
        return [await self._send(entry) for entry in entries]

    async def _send(self, entry: Entry) -> RecordResult:
        await self._process.turn()
        with effect("memory.record", str(entry.reference)):
            answer = self.ledger.receive(entry)
        await asyncio.sleep(TIMEOUT_SECONDS if isinstance(answer, Unknown) else BOOKS_SECONDS)
        await self._process.turn()
        return answer

    async def post(self, ids: Sequence[str]) -> None:
        async with self._call():
            await super().post(ids)

    async def attach(self, id: str, document: Document) -> None:
        async with self._call():
            await super().attach(id, document)

    async def settle(self, payment: str, bill: str) -> None:
        async with self._call():
            await super().settle(payment, bill)

    async def void(self, id: str) -> None:
        async with self._call():
            await super().void(id)

    async def reverse(self, id: str, on: date) -> None:
        async with self._call():
            await super().reverse(id, on)

    async def check(self) -> Sequence[str]:
        async with self._call():
            return await super().check()


class Receipts:
    """Fetches what the sandbox holds, without a request; the next ``failing`` ones fail."""

    def __init__(self, state: State, failing: deque[ReceiptDownloadFailure]) -> None:
        self._state = state
        self._failing = failing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hold nothing."""

    def fetch_ahead(self, items: Iterable[ExportItem]) -> None:
        """Fetch nothing before it is asked for."""

    async def fit(
        self, entry_id: str, documents: Sequence[Document], takes: Attachments
    ) -> Sequence[Document | ItemFailure]:
        del entry_id, takes
        return documents

    async def fetch_each(self, item: ExportItem) -> Sequence[Document | ItemFailure]:
        held = self._state.entry(item.accounting_entry_id).receipts
        return [
            self._failing.popleft() if self._failing else _document(receipt.data)
            for receipt in held
        ]

    def forget(self, entry_id: str) -> None:
        """Hold nothing."""


def _document(data: bytes) -> Document:
    digest = hashlib.sha256(data).hexdigest()
    return Document(
        path=Path(f"{digest}.pdf"),
        sha256=digest,
        size=len(data),
        media_type="application/pdf",
        name="receipt.pdf",
    )

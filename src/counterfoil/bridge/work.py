"""An export job worked on by the old program: claimed when it asks, told when it marks, closed.

What the old program marks is in the register before anything is told to Pleo, so that a kill at any
moment loses no mark: the next start tells what is untold. One thing happens at a time. What an
expense looks like, and over which wire it is asked for, is left to others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bridge.known import KnownExpense, expense_known, old_status
from counterfoil.bridge.marking import Marked, left_behind
from counterfoil.bridge.marks import OldStatus
from counterfoil.bridge.sorting import outcomes_at_once
from counterfoil.errors import ItemFailure, JobFailure, JobFailureType, JobLost
from counterfoil.export.claim import claim, take_over
from counterfoil.export.close import close, judge
from counterfoil.export.detect import detect
from counterfoil.export.export_items import read_export_items
from counterfoil.export.job_items import read_job_items
from counterfoil.export.ports import Export
from counterfoil.export.report import BATCH, report, tell
from counterfoil.export.run import confirm_lost, failed_whole
from counterfoil.pleo.errors import PleoError, PleoForbidden, PleoNotFound
from counterfoil.pleo.models import ExportItem, ExportJob, ItemUpdate
from counterfoil.register import JobState, KeptItem, Register

__all__ = ["Work"]

log = structlog.get_logger(__name__)

ROUNDS = 20
"""How many jobs in a row may end at once, because nothing of them is for the old program."""
PATIENCE = timedelta(hours=2)
"""How long a job is kept alive for expenses that are EXPORTING, after the last sign of work."""
LAST_MINUTES = timedelta(minutes=10)
ALL = 10**9
ANSWER_SECONDS = 20
"""How long the old program waits while Pleo is told; the next tick goes on."""
ENDED = {"completed", "completed_with_errors", "failed"}


@dataclass
class Running:
    """The job at hand."""

    export: Export
    job_id: str
    read: bool = False
    worked_at: datetime | None = None


@dataclass
class Work:
    """One connection's jobs, for one old program. Use it under the company's lock."""

    connection: str
    register: Register
    make_export: Callable[[], Export]
    running: Running | None = None
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    _peeked: tuple[str, list[ExportItem]] | None = None
    """The items of a job that nobody has claimed yet, by the job's id."""

    async def ask(self) -> None:
        """Make the expenses of a waiting job known, claiming it, as the old program asks for them.

        Raises PleoError where Pleo cannot be asked.
        """
        async with self._alone:
            await self._open(may_claim=True)

    async def resume(self, *, take: str | None = None) -> None:
        """Go on with what an earlier process left, and tell Pleo what it does not know yet.

        ``take`` is a job in progress that a person says is ours.
        """
        async with self._alone:
            if take is not None:
                await take_over(self.make_export(), take)
            await self._open(may_claim=False)

    async def tick(self) -> None:
        """Keep the job alive while it is worked on, and end it before its time runs out."""
        async with self._alone:
            await self._open(may_claim=False)
            running = self.running
            if running is not None:
                await self._guarded(running, self._watch(running))

    async def touch(self, entry_id: str) -> None:
        """Take a look at an expense's details for a sign of work: the job lives on."""
        async with self._alone:
            running, known = self.running, self.known(entry_id)
            if running is None or known is None or known.kept.job_id != running.job_id:
                return
            running.worked_at = self._now(running)
            if known.open and self._is_half_over(running):
                await self._guarded(running, self._renew(running, [entry_id]))

    async def waiting(self) -> list[ExportItem]:
        """Return what the oldest unclaimed job holds, to look names up in before it is claimed.

        Nothing is claimed or kept. Raises PleoError where Pleo cannot be asked.
        """
        async with self._alone:
            export = self.make_export()
            job = (await detect(export.pleo, self.register)).next
            if job is None or job.status != "pending":
                return []
            if self._peeked is None or self._peeked[0] != job.id:
                self._peeked = (job.id, [item async for item in _items(export, job.id)])
            return self._peeked[1]

    def known(self, entry_id: str) -> KnownExpense | None:
        """Return an expense of ours, or None."""
        return expense_known(self.register, self.connection, entry_id)

    def pause(self) -> float:
        """Return how many seconds may pass before the next ``tick``."""
        life = self.running.export.lease.life if self.running else timedelta(hours=1)
        return max(1.0, min(60.0, life.total_seconds() / 12))

    async def mark(self, told: Mapping[str, OldStatus]) -> Marked:
        """Take what the old program says of expenses; EXPORTED is kept whatever else goes wrong.

        It is kept at once, also while Pleo is being told of something else. Raises PleoError where
        a mark without an outcome has to be told to Pleo and cannot be.
        """
        marked = Marked(self.make_export().clock.now())
        for entry_id, wanted in told.items():
            marked.add(entry_id, self.known(entry_id), wanted)
        for job_id, of_job in marked.outcomes.items():
            self.register.parts.settle([], job_id=job_id, outcomes=of_job)
        if marked.outcomes:
            await self._pass_on(marked)
        if marked.begun:
            async with self._alone:
                await self._begin(marked)
        return marked

    async def _pass_on(self, marked: Marked) -> None:
        """Tell Pleo what was kept, as far as that is possible while the old program waits."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._alone:
                running = self.running or await self._open(may_claim=False)
                if running is not None and running.job_id in marked.outcomes:
                    running.worked_at = marked.now
                    await self._guarded(running, self._deliver(running))
        except (PleoError, TimeoutError) as error:
            log.warning("Pleo is told later what was exported", reason=str(error))

    async def _begin(self, marked: Marked) -> None:
        """Tell Pleo which expenses are worked on now, or wait again; then keep it."""
        running = self.running or await self._open(may_claim=False)
        refused: dict[str, str] = {}
        if running is not None:
            running.worked_at = marked.now
            await self._guarded(running, self._tell(running, marked.begun, refused))
        if running is None or self.running is not running:
            refused = dict.fromkeys(marked.begun, "The export job has ended")
        for entry_id, why in refused.items():
            marked.refuse(entry_id, why)

    async def _tell(
        self, running: Running, begun: Mapping[str, OldStatus], refused: dict[str, str]
    ) -> None:
        names = {OldStatus.EXPORTING: "in_progress", OldStatus.QUEUED: "pending"}
        for batch in _batches(list(begun)):
            statuses = {entry_id: names[begun[entry_id]] for entry_id in batch}
            errors = await self._say(running, statuses)
            refused |= errors
            taken = {key: value for key, value in statuses.items() if key not in errors}
            self.register.items.save_statuses(running.job_id, taken)

    async def _open(self, *, may_claim: bool) -> Running | None:
        """Find our job, or claim the next one; read it, and tell what is untold.

        None where no job has anything for the old program.
        """
        tried: set[str] = set()
        for _ in range(ROUNDS):
            export = self.make_export()
            found = await detect(export.pleo, self.register, leave=tried)
            await self._note_ended(export, found.next)
            if found.foreign:
                log.warning("another integration has a job under way", jobs=found.foreign)
            if found.next is None or (found.next.status == "pending" and not may_claim):
                return None
            tried.add(found.next.id)
            running = await self._hold(export, found.next)
            if running is None:
                return None
            await self._guarded(running, self._read(running))
            if self.running is running:
                return running
        return None

    async def _hold(self, export: Export, job: ExportJob) -> Running | None:
        if self.running is not None and self.running.job_id == job.id:
            return self.running
        claimed = await claim(export, job.id)
        if claimed is None:
            return None
        self.running = Running(export, job.id)
        return self.running

    async def _note_ended(self, export: Export, current: ExportJob | None) -> None:
        """Write down how jobs of ours ended that are under way no more."""
        for record in self.register.jobs.all(self.connection):
            if record.state is not JobState.RUNNING or (current and current.id == record.job_id):
                continue
            if self.running is not None and self.running.job_id == record.job_id:
                self.running = None
            try:
                job = await export.pleo.get_job(record.job_id)
            except PleoNotFound as error:
                self.register.jobs.lose(record.job_id, reason=str(error), now=export.clock.now())
                continue
            if job.status in ENDED:
                self._note_end(export, job)

    def _note_end(self, export: Export, job: ExportJob) -> None:
        now, why = export.clock.now(), job.failure_reason
        if job.failure_reason_type in {"job_expired", "canceled_by_user"}:
            self.register.jobs.lose(job.id, reason=why or "it expired", now=now)
            return
        self.register.jobs.close(
            job.id, outcome=job.status, reason=why, reason_type=job.failure_reason_type, now=now
        )

    async def _read(self, running: Running) -> None:
        """Read the job once, sort out what is not for the old program, and deliver."""
        if not running.read:
            export, job_id = running.export, running.job_id
            try:
                await self._read_whole(export, job_id)
            except PleoForbidden as refusal:
                raise JobFailure(str(refusal), JobFailureType.AUTHORIZATION_FAILURE) from refusal
            self._sort_out(export, job_id)
            running.read = True
        await self._deliver(running)

    async def _read_whole(self, export: Export, job_id: str) -> None:
        """Read rows and payloads as far as the register does not have them.

        Rows are read once only: from then on the register knows what the old program marked.
        """
        if not self.register.items.all(job_id):
            await read_job_items(export, job_id)
        if any(kept.payload is None for kept in self._open_items(job_id)):
            await read_export_items(export, job_id)

    def _sort_out(self, export: Export, job_id: str) -> None:
        outcomes = outcomes_at_once(
            self.register, self._open_items(job_id), export.settings, export.books.target
        )
        if outcomes:
            self.register.parts.settle([], job_id=job_id, outcomes=outcomes)

    def _open_items(self, job_id: str, limit: int = ALL) -> list[KeptItem]:
        """Return the items that the old program still has to speak of."""
        return self.register.items.unbooked(job_id, limit=limit)

    async def _deliver(self, running: Running) -> None:
        """Report every outcome that Pleo has not taken; close the job when none is missing."""
        export, job_id = running.export, running.job_id
        await report(export, job_id)
        if self._open_items(job_id, limit=1):
            return
        rows = await read_job_items(export, job_id)
        if self._open_items(job_id, limit=1):
            running.read = False
            return
        await close(export, job_id, judge(rows))
        counts = Counter(row.status for row in rows)
        log.info("the export job is closed", job=job_id, **counts)
        self.running = None

    async def _watch(self, running: Running) -> None:
        export, job_id = running.export, running.job_id
        exporting = [
            kept.entry_id
            for kept in self._open_items(job_id)
            if old_status(kept, job_open=True) is OldStatus.EXPORTING
        ]
        running.worked_at = running.worked_at or self._now(running)
        patient = self._now(running) - running.worked_at < PATIENCE
        if exporting and patient and self._is_half_over(running):
            await self._renew(running, exporting)
        if export.lease.left(self._now(running)) <= min(LAST_MINUTES, export.lease.life / 6):
            await self._end(running)

    async def _end(self, running: Running) -> None:
        """Fail what is left, each with its reason, while there is time to say so."""
        outcomes = {
            kept.entry_id: left_behind(old_status(kept, job_open=True))
            for kept in self._open_items(running.job_id)
        }
        log.warning("the export job ran out of time", job=running.job_id, items=len(outcomes))
        self.register.parts.settle([], job_id=running.job_id, outcomes=outcomes)
        await self._deliver(running)

    async def _renew(self, running: Running, entry_ids: Sequence[str]) -> None:
        await self._say(running, dict.fromkeys(entry_ids[:BATCH], "in_progress"))

    async def _say(self, running: Running, statuses: Mapping[str, str]) -> dict[str, str]:
        rows = [
            ItemUpdate(accounting_entry_id=entry_id, status=status)
            for entry_id, status in statuses.items()
        ]
        return await tell(running.export, running.job_id, rows)

    async def _guarded(self, running: Running, doing: Awaitable[None]) -> None:
        """Do something with the job; where it cannot go on, end it or note its end."""
        export, job_id = running.export, running.job_id
        try:
            try:
                await doing
            except JobFailure as failure:
                verdict = await failed_whole(export, job_id, failure)
                await close(export, job_id, verdict)
                self.running = None
        except (JobLost, PleoNotFound) as error:
            self.running = None
            await confirm_lost(export, job_id, error)

    def _is_half_over(self, running: Running) -> bool:
        lease = running.export.lease
        return lease.left(self._now(running)) < lease.life / 2

    def _now(self, running: Running) -> datetime:
        return running.export.clock.now()


async def _items(export: Export, job_id: str) -> AsyncIterator[ExportItem]:
    """Give the items of a job as far as they can be read."""
    async for page in export.pleo.export_item_pages(job_id):
        for payload in page:
            with suppress(ItemFailure):
                yield parse_item(payload)


def _batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))

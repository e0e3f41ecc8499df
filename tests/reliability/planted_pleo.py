"""Wrong engines: the bugs on Pleo's side, about jobs, events, outcomes and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.export import claim, detect, run
from counterfoil.export import job_items as export_job_items
from counterfoil.export.lease import Lease
from counterfoil.export.ports import Export
from counterfoil.export.work import ItemWork
from counterfoil.export.write import Writer
from counterfoil.pleo import calling, paging
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import PleoError, PleoUnanswered
from counterfoil.pleo.models import ItemUpdate, ItemUpdateResult
from counterfoil.pleo.paging import Page
from counterfoil.register import KeptItem
from counterfoil.register.items import Items
from counterfoil.register.jobs import Jobs

__all__ = ["ABOUT_PLEO"]


def repeat_started(patch: pytest.MonkeyPatch) -> None:
    """Send an event again when its answer is lost, as if it were a GET."""
    right = PleoClient.send_event

    async def send_again(self: PleoClient, *event: Any, **reasons: Any) -> None:  # noqa: ANN401 -- as the right one
        try:
            await right(self, *event, **reasons)
        except PleoUnanswered:
            await right(self, *event, **reasons)

    patch.setattr(PleoClient, "send_event", send_again)


def ignore_refused_outcomes(patch: pytest.MonkeyPatch) -> None:
    """Take 200 for yes, whatever the answer says of single rows."""
    right = PleoClient.update_items

    async def take_for_yes(
        self: PleoClient, job_id: str, rows: Sequence[ItemUpdate]
    ) -> ItemUpdateResult:
        return (await right(self, job_id, rows)).model_copy(update={"errors": []})

    patch.setattr(PleoClient, "update_items", take_for_yes)


def hold_a_job_by_our_own_clock(patch: pytest.MonkeyPatch) -> None:
    """Go on writing for hours, whatever Pleo said about the job's time."""
    patch.setattr(Lease, "may_write", lambda *_: True)


def report_before_writing(patch: pytest.MonkeyPatch) -> None:
    """Tell Pleo that all is booked, then book it."""
    right = Writer._write_batch

    async def report_first(self: Writer, batch: Sequence[ItemWork]) -> None:
        rows = [
            ItemUpdate(
                accounting_entry_id=work.entry_id,
                status="successful",
                external_id=str(work.next_entry().reference),
                exported_at=self._export.clock.now(),
            )
            for work in batch
        ]
        await self._export.pleo.update_items(self._job_id, rows)
        await right(self, batch)

    patch.setattr(Writer, "_write_batch", report_first)


def note_as_reported_before_reporting(patch: pytest.MonkeyPatch) -> None:
    """Note that Pleo knows, then tell it."""
    right = Items.unreported

    def note_first(self: Items, job_id: str, *, limit: int) -> list[KeptItem]:
        items = right(self, job_id, limit=limit)
        if items:
            self.mark_reported(job_id, [item.entry_id for item in items])
        return items

    patch.setattr(Items, "unreported", note_first)


def lose_the_page_cursor(patch: pytest.MonkeyPatch) -> None:
    """Read the first page of each list, and take it for all."""

    async def walk(
        fetch: Callable[[str | None], Awaitable[Page]], operation: str
    ) -> AsyncIterator[Page]:
        del operation
        yield await fetch(None)

    patch.setattr(paging, "_walk", walk)


def take_a_torn_list_for_whole(patch: pytest.MonkeyPatch) -> None:
    """End a list where a page does not come, and never count its rows."""
    right, page_of = paging._walk, paging.page_of

    async def walk(
        fetch: Callable[[str | None], Awaitable[Page]], operation: str
    ) -> AsyncIterator[Page]:
        try:
            async for page in right(fetch, operation):
                yield page
        except PleoError:
            return

    patch.setattr(paging, "_walk", walk)
    patch.setattr(calling, "page_of", lambda *page: replace(page_of(*page), total=None))


def resume_anothers_job(patch: pytest.MonkeyPatch) -> None:
    """Take every job in progress for one of ours."""
    for module in (detect, claim):
        patch.setattr(module, "started_by_us", lambda *_: True)


def claim_without_intent(patch: pytest.MonkeyPatch) -> None:
    """Note that a job is ours only when Pleo has said so."""
    intend, claimed = Jobs.intend_claim, Jobs.claimed
    waiting: dict[str, Any] = {}

    def later(self: Jobs, job: Any) -> None:  # noqa: ANN401 -- as the right one
        del self
        waiting[job.job_id] = job

    def now(self: Jobs, job_id: str) -> None:
        if job_id in waiting:
            intend(self, waiting.pop(job_id))
        claimed(self, job_id)

    patch.setattr(Jobs, "intend_claim", later)
    patch.setattr(Jobs, "claimed", now)


def close_by_our_own_list(patch: pytest.MonkeyPatch) -> None:
    """Judge a job by what we sent, not by what Pleo took."""
    right = export_job_items.read_job_items

    async def read(export: Export, job_id: str) -> list[Any]:
        rows = await right(export, job_id)
        told = {item.entry_id: item.outcome for item in export.register.items.all(job_id)}
        return [
            row.model_copy(update={"status": outcome.status})
            if (outcome := told.get(row.accounting_entry_id)) is not None
            else row
            for row in rows
        ]

    patch.setattr(run, "read_job_items", read)


ABOUT_PLEO = (
    repeat_started,
    ignore_refused_outcomes,
    hold_a_job_by_our_own_clock,
    report_before_writing,
    note_as_reported_before_reporting,
    lose_the_page_cursor,
    take_a_torn_list_for_whole,
    resume_anothers_job,
    claim_without_intent,
    close_by_our_own_list,
)

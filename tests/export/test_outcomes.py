"""What Pleo is told of items and jobs, and what happens when telling is hard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from counterfoil.effects import observe
from counterfoil.errors import FenceLost, JobFailureType
from counterfoil.export.claim import claim
from counterfoil.export.close import judge
from counterfoil.export.ports import Pleo
from counterfoil.export.run import run
from counterfoil.pleo.errors import PleoBadRequest, PleoNotFound, PleoRateLimited, PleoUnanswered
from counterfoil.pleo.models import ExportJobItem, ItemUpdate, ItemUpdateResult
from counterfoil.register import JobState
from counterfoil.sandbox import Receipt
from counterfoil.sandbox.faults import Kind
from counterfoil.systems.contract import Problem
from counterfoil.testing.world import World
from tests.instead import Instead


def row(status: str, kind: str | None = None, entry_id: str = "e") -> ExportJobItem:
    """Build a row of Pleo's list."""
    return ExportJobItem(
        export_job_id="j",
        accounting_entry_id=entry_id,
        status=status,
        failure_reason_type=kind,
        failure_reason="why" if kind else None,
    )


@pytest.mark.parametrize(
    ("rows", "event", "kind"),
    [
        ([], "completed", None),
        ([row("successful")], "completed", None),
        ([row("failed", "account_unknown")], "failed", "validation_failure"),
        ([row("failed", "accounting_system_timeout")], "failed", "accounting_system_timeout"),
        ([row("failed", None)], "failed", "validation_failure"),
        (
            [row("successful"), row("failed", "account_unknown"), row("failed", "tag_unknown")],
            "completed_with_errors",
            "validation_failure",
        ),
        ([row("successful"), row("pending")], "completed_with_errors", "validation_failure"),
    ],
)
def test_a_job_is_judged_by_pleos_own_list(
    rows: list[ExportJobItem], event: str, kind: str | None
) -> None:
    verdict = judge(rows)
    assert (verdict.event, verdict.reason_type) == (event, kind)
    assert (verdict.reason is None) == (event == "completed")


def test_items_whose_outcome_pleo_never_took_are_named_up_to_a_number() -> None:
    verdict = judge([row("pending", entry_id=f"entry-{n}") for n in range(7)])
    assert verdict.reason == (
        "Pleo did not take the outcome of entry-0, entry-1, entry-2, entry-3, entry-4 and 2 more"
    )


async def test_a_job_without_items_is_completed(world: World) -> None:
    entry = world.company.add_item()
    job = world.queue(entry)
    world.state.job(job).items.clear()
    await world.drain()
    assert world.status(job) == "completed"


async def test_rows_that_pleo_refuses_are_sent_again(world: World) -> None:
    world.company.add_items(3)
    job = world.queue()
    world.fault(Kind.PARTIAL, "update_items", times=2, value=2)
    await world.drain()
    assert world.status(job) == "completed"


async def test_a_row_that_pleo_refuses_to_the_last_is_named_when_the_job_closes(
    world: World,
) -> None:
    world.company.add_items(2)
    job = world.queue()
    world.fault(Kind.PARTIAL, "update_items", value=1)
    (result,), _ = await world.drain()
    assert result.outcome == "completed_with_errors"
    assert "Pleo did not take the outcome of" in str(result.reason)
    assert world.status(job) == "completed_with_errors"


@pytest.mark.parametrize("kind", [Kind.DROP_AFTER, Kind.ERROR_AFTER, Kind.TORN, Kind.DROP_BEFORE])
async def test_a_lost_reply_to_an_update_is_no_matter(world: World, kind: Kind) -> None:
    entry = world.company.add_item()
    job = world.queue()
    world.fault(kind, "update_items", times=1)
    await world.drain()
    assert world.item(job, entry).status == "successful"
    assert world.status(job) == "completed"


@pytest.mark.parametrize(
    "kind", [Kind.DROP_AFTER, Kind.ERROR_AFTER, Kind.DROP_BEFORE, Kind.RATE_LIMIT]
)
async def test_the_final_event_is_taken_once(world: World, kind: Kind) -> None:
    world.company.add_item()
    job = world.queue()
    world.fault(kind, "post_event", times=1, skip=1)
    await world.drain()
    assert world.status(job) == "completed"
    assert world.state.count("event", "completed", job) == 1


async def test_a_final_event_that_never_gets_through_is_sent_by_the_next_run(
    world: World,
) -> None:
    entry = world.company.add_item()
    job = world.queue()
    world.fault(Kind.DROP_BEFORE, "post_event", skip=1)
    with pytest.raises(PleoUnanswered, match="final event"):
        await world.drain()
    world.state.faults.clear()
    await world.drain()
    assert world.status(job) == "completed"
    assert world.ledger.copies(entry) == 1


async def test_a_final_event_for_which_pleo_asks_for_patience_is_left_to_the_next_run(
    world: World,
) -> None:
    entry = world.company.add_item()
    job = world.queue()
    world.fault(Kind.RATE_LIMIT, "post_event", value=3000, times=1, skip=1)
    began = world.clock.now()
    with pytest.raises(PleoRateLimited):
        await world.drain()
    assert world.clock.now() - began < timedelta(minutes=1)
    await world.drain()
    assert world.status(job) == "completed"
    assert world.ledger.copies(entry) == 1


async def test_reasons_are_left_out_where_pleo_refuses_them(world: World) -> None:
    world.state.refuse_reasons_with_errors = True
    world.company.add_item()
    world.company.add_item(account="9999")
    job = world.queue()
    await world.drain()
    assert world.status(job) == "completed_with_errors"


async def test_a_refused_final_event_is_an_error(world: World) -> None:
    world.company.add_item()
    world.queue()
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, fence=1)
        with pytest.raises(PleoBadRequest):
            await export.pleo.send_event("no-uuid", "completed")


async def test_a_job_closed_by_a_person_under_us_stops_us(world: World) -> None:
    entry = world.company.add_item()
    world.queue()
    world.fault(Kind.CLOSE_JOB, "update_items", times=1)
    (result,), _ = await world.drain()
    assert result.outcome == "lost"
    assert world.ledger.copies(entry) == 1
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


async def test_a_job_closed_before_its_data_was_read_is_lost(world: World) -> None:
    world.queue(world.company.add_item())
    world.fault(Kind.CLOSE_JOB, "list_export_items", times=1)
    (result,), _ = await world.drain()
    assert result.outcome == "lost"


async def test_a_job_closed_just_before_the_final_event_is_lost(world: World) -> None:
    world.queue(world.company.add_item())
    world.fault(Kind.CLOSE_JOB, "post_event", times=1, skip=1)
    (result,), _ = await world.drain()
    assert result.outcome == "lost"
    assert "the job ended at Pleo as failed" in str(result.reason)


async def test_missing_contra_accounts_fail_the_job_in_pleos_words(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.company.missing_contra_accounts.add("GBP")
    (result,), _ = await world.drain()
    assert result.outcome == "failed"
    assert world.state.job(job).failure_reason_type == "missing_configuration"


async def test_an_item_without_data_fails_alone(world: World) -> None:
    whole = world.company.add_item()
    bare = world.company.add_item()
    job = world.queue()
    del world.company.entries[bare]
    await world.drain()
    assert world.item(job, whole).status == "successful"
    assert world.item(job, bare).failure_reason_type == "unexpected_failure"


async def test_books_that_are_not_ready_fail_the_job(world: World) -> None:
    job = world.queue(world.company.add_item())
    world.ledger.problems.append(Problem(message="The ledger is missing."))
    (result,), _ = await world.drain()
    assert (result.outcome, result.reason) == ("failed", "The ledger is missing.")
    assert world.state.job(job).failure_reason_type == "invalid_configuration"
    assert not [entry for entry in world.state.events if "export-items" in str(entry.path)]


async def test_a_configured_account_that_is_not_in_the_books_fails_the_job(
    world: World,
) -> None:
    world.ledger.chart = type(world.ledger.chart)(accounts={})
    world.queue(world.company.add_item())
    (result,), _ = await world.drain()
    assert result.outcome == "failed"
    assert "[connection.accounts]" in str(result.reason)


async def test_books_that_come_back_within_a_minute_are_waited_for(world: World) -> None:
    job = world.queue(world.company.add_item())
    away = Problem(
        message="The books are away.",
        failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
        passing=True,
    )
    world.ledger.interrupt("ready", away)
    await world.drain()
    assert world.status(job) == "completed"


async def test_books_that_stay_away_fail_the_job_after_a_minute(world: World) -> None:
    job = world.queue(world.company.add_item())
    before = world.clock.now()
    world.ledger.problems.append(Problem(message="away", passing=True))
    await world.drain()
    assert world.status(job) == "failed"
    assert timedelta(seconds=55) < world.clock.now() - before < timedelta(minutes=3)


async def test_a_failure_between_writes_keeps_what_is_booked(world: World) -> None:
    """A run that booked half a job died; the next one finds the books not ready."""
    entries = world.company.add_items(201)
    job = world.queue()
    world.fault(Kind.UNAVAILABLE, "update_items", skip=1)
    with pytest.raises(PleoUnanswered):
        await world.drain()
    world.state.faults.clear()
    world.ledger.problems.append(Problem(message="The ledger is missing."))
    (result,), _ = await world.drain()
    assert result.outcome == "completed_with_errors"
    statuses = [world.item(job, entry).status for entry in entries]
    assert statuses.count("successful") >= 100
    assert world.ledger.doubles() == []


async def test_what_the_books_fault_at_the_end_is_told(world: World) -> None:
    world.company.add_item()
    world.ledger.faults.append("entry X does not balance")
    (result,) = await world.export()
    assert result.faults == ("entry X does not balance",)


async def test_what_an_earlier_run_booked_is_reported_before_a_job_fails(world: World) -> None:
    """Killed before the first report; then the books are not ready."""
    entries = world.company.add_items(2)
    job = world.queue()
    world.fault(Kind.UNAVAILABLE, "update_items")
    with pytest.raises(PleoUnanswered):
        await world.drain()
    world.state.faults.clear()
    world.ledger.problems.append(Problem(message="The ledger does not parse."))
    (result,), _ = await world.drain()
    assert result.outcome == "completed"
    assert {world.item(job, entry).status for entry in entries} == {"successful"}


async def test_what_an_earlier_run_may_have_booked_is_called_uncertain_when_a_job_fails(
    world: World,
) -> None:
    entry = world.company.add_item()
    job = world.queue()

    with observe(Instead("register.settle", KeyboardInterrupt())), pytest.raises(KeyboardInterrupt):
        await world.drain()
    world.ledger.process_died()
    world.ledger.problems.append(Problem(message="The ledger does not parse."))
    await world.drain()
    assert "It is not certain that this was booked" in world.item(job, entry).failure_reason
    world.ledger.problems.clear()
    (result,) = await world.export(entry)
    assert result.outcome == "completed"
    assert world.ledger.copies(entry) == 1


async def test_a_worker_that_was_cut_off_leaves_the_job_to_the_other(world: World) -> None:
    job = world.queue(world.company.add_item())
    async with world.ready() as (register, pleo):
        stale = register.connections.raise_fence(world.company.id)
        export = world.exporting(register, pleo, stale)
        claimed = await claim(export, job)
        assert claimed is not None
        register.connections.raise_fence(world.company.id)
        with pytest.raises(FenceLost, match="another worker has taken company"):
            await run(export, claimed)
        record = register.jobs.get(job)
    assert record is not None
    assert record.state is JobState.RUNNING
    (finished,), _ = await world.drain()
    assert finished.outcome == "completed"


async def test_a_worker_that_was_cut_off_adds_no_receipt(world: World) -> None:
    world.ledger.receipts_with_entry = False
    entry = world.company.add_item(receipts=[Receipt(b"%PDF-1.4", "application/pdf")])
    lost = Instead("memory.attach", FenceLost("another worker has it"))
    with observe(lost), pytest.raises(FenceLost):
        await world.export()
    assert not world.ledger.of(entry)[0].receipts
    await world.drain()
    assert len(world.ledger.of(entry)[0].receipts) == 1


class Refusing:
    """Pleo behind a proxy that answers 404 to every report."""

    def __init__(self, pleo: Pleo) -> None:
        self.server_date = pleo.server_date
        self.list_jobs = pleo.list_jobs
        self.get_job = pleo.get_job
        self.send_event = pleo.send_event
        self.list_job_items = pleo.list_job_items
        self.export_item_pages = pleo.export_item_pages

    async def update_items(self, job_id: str, rows: Sequence[ItemUpdate]) -> ItemUpdateResult:
        raise PleoNotFound(f"404 from a proxy for {len(rows)} rows of {job_id}")


async def test_a_refusal_that_pleo_does_not_confirm_loses_no_job(world: World) -> None:
    """A proxy answers 404 to the report; the job goes on with the next run."""
    entry = world.company.add_item()
    job = world.queue()
    async with world.ready() as (register, pleo):
        export = world.exporting(register, pleo, register.connections.raise_fence(world.company.id))
        claimed = await claim(export, job)
        assert claimed is not None
        export = replace(export, pleo=Refusing(pleo))
        with pytest.raises(PleoUnanswered, match="Run again"):
            await run(export, claimed)
    (finished,), _ = await world.drain()
    assert finished.outcome == "completed"
    assert world.ledger.copies(entry) == 1

"""What is swept: an export with every effect in it, corrections, taking back; and what follows.

Each story is as small as it can be. The books bar nothing by themselves, so that a second record is
seen and not refused.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.config.model import Connection, Secret
from counterfoil.errors import CounterfoilError
from counterfoil.export.policies import OnChange
from counterfoil.runner.deciding import take_back_items
from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.model import Receipt
from counterfoil.systems.contract import Uniqueness
from counterfoil.testing.charts import chart_of
from counterfoil.testing.kind import NoOptions, memory_kind
from counterfoil.testing.memory import ALL_CAPABLE
from counterfoil.testing.oracle import Expected, People
from counterfoil.testing.register import MemoryLocks
from tests.reliability.desk import CODES, PDF, Desk, OpenLedger
from tests.reliability.sweep import Moment, Story

__all__ = ["ALL", "BOOKING", "PAIRED", "RESTORED", "TROUBLED", "four_expenses"]

SETTLE_SECONDS = 60
WRITE_SECONDS = 40
LANDS = timedelta(seconds=SETTLE_SECONDS - 5)
"""How long after it was sent a request in flight lands: just before the books call it dead."""


async def four_expenses(desk: Desk) -> list[str]:
    """Queue four expenses, equal but for their ids; one is a bill with a payment and a receipt."""
    entries = [desk.company.add_item() for _ in range(3)]
    paper = desk.company.add_item(method="accounts_payable", receipts=[Receipt(PDF)])
    parts = {entry: ["entry"] for entry in entries} | {paper: ["bill", "payment"]}
    desk.expected = replace(desk.expected, parts=parts)
    desk.state.queue_job(desk.company.id)
    return [*entries, paper]


async def _booking() -> Desk:
    desk = Desk()
    await four_expenses(desk)
    return desk


BOOKING = Story(name="booking", begin=_booking)
"""Looked up, intended, written, posted, documents attached, reported, settled, closed."""


async def _chunk_by_chunk() -> Desk:
    desk = await _booking()
    desk.chunk = 1
    return desk


CHUNKED = Story(name="chunk by chunk", begin=_chunk_by_chunk)


def _slow(uniqueness: Uniqueness) -> OpenLedger:
    """Make books that take one entry at a time, and their time for it."""
    able = replace(ALL_CAPABLE, uniqueness=uniqueness, batch_size=1, settle_seconds=SETTLE_SECONDS)
    return OpenLedger(chart_of(*CODES), able, write_seconds=WRITE_SECONDS)


async def _searchable() -> Desk:
    desk = Desk(_slow(Uniqueness.PROBE_ONLY), posting=PostingMode.DRAFT)
    await four_expenses(desk)
    return desk


def _written(moment: Moment) -> bool:
    return str(moment) == "after memory.record"


IN_FLIGHT = Story(
    name="a request in flight lands after its sender died",
    begin=_searchable,
    between=lambda desk: desk.ledger.send_back(LANDS),
    moments=_written,
)


async def _changed(posting: PostingMode) -> Desk:
    """Book two expenses, one with a receipt; then a person corrects their days in Pleo."""
    desk = Desk(posting=posting, on_change=OnChange.AMEND)
    paper = desk.company.add_item(method="accounts_payable", receipts=[Receipt(PDF)])
    entries = [desk.company.add_item(), paper]
    desk.state.queue_job(desk.company.id)
    await desk.run()
    for entry in entries:
        day = stamp(desk.clock.now() - timedelta(days=3))
        desk.state.edit_item(entry, {"date": day})
    desk.expected = replace(
        desk.expected, parts={entries[0]: ["entry"], paper: ["bill", "payment"]}
    )
    desk.state.queue_job(desk.company.id, entries)
    return desk


async def _changed_drafts() -> Desk:
    return await _changed(PostingMode.DRAFT)


async def _changed_posted() -> Desk:
    return await _changed(PostingMode.FINAL)


async def _changed_posted_and_forgotten() -> Desk:
    desk = await _changed_posted()
    desk.settles = False
    return desk


AMENDING_DRAFTS = Story(name="amending drafts", begin=_changed_drafts)
AMENDING_POSTED = Story(name="amending posted entries", begin=_changed_posted)


async def _booked() -> Desk:
    desk = await _booking()
    await desk.run()
    desk.people = People(removed=list(desk.company.entries))
    desk.expected = Expected()
    return desk


async def _take_back(desk: Desk) -> None:
    """Do what ``counterfoil reverse`` does; raises unless nothing is left of them."""
    connection = Connection(
        name="acme",
        company_id=desk.company.id,
        base_url="memory",
        environment="memory",
        api_key=Secret("env:KEY", "key"),
        kind=memory_kind(desk.ledger),
        options=NoOptions(),
        folder=Path(),
        settings=desk.settings,
    )
    register = replace(desk.register, locks=MemoryLocks())
    entries = list(desk.company.entries)
    results = await take_back_items(connection, register, entries, made_by="bo")
    failed = [each for each in results if each.failure]
    live = [record.id for record in desk.ledger.records if record.live]
    if failed or live:
        raise AssertionError(f"not taken back: {failed}, {live}")


TAKING_BACK = Story(name="taking back", begin=_booked, act=_take_back)


async def _for_ever() -> Desk:
    """Book what a person takes back, and exports again instead of ending that."""
    desk = await _booking()
    await desk.run()
    return desk


async def _export_once_more(desk: Desk) -> None:
    desk.state.queue_job(desk.company.id, list(desk.company.entries))
    await desk.run()


TAKEN_BACK_IN_PART = Story(
    name="taken back in part, and exported again",
    begin=_for_ever,
    act=_take_back,
    again=_export_once_more,
    judged=False,
)


def _lost_and_exported_again(desk: Desk) -> None:
    """Lose the register and the job; a person exports what came back."""
    desk.lose_register()
    _exported_again(desk)


def _exported_again(desk: Desk) -> None:
    """Let the job run out of time; a person exports what came back."""
    for job in desk.state.jobs.values():
        desk.state.expire(job.id)
    if desk.company.queued():
        desk.state.queue_job(desk.company.id)


async def _forgetful() -> Desk:
    """Begin a booking after which open settlements may be forgotten, with the register."""
    desk = await _booking()
    desk.settles = False
    return desk


LOST = Story(
    name="the register is lost, and all exported again",
    begin=_forgetful,
    between=_lost_and_exported_again,
)


async def _take_over(desk: Desk) -> None:
    """Go on with what a person says is ours, and export again what came back."""
    for job in list(desk.state.jobs):
        await desk.run(take=job)
    await _until_all_is_booked(desk)


TAKEN_OVER = Story(
    name="the register is lost, and the job taken over",
    begin=_forgetful,
    between=Desk.lose_register,
    again=_take_over,
)
RESTORED = tuple(
    Story(name=name, begin=begin, again=_take_over)
    for name, begin in (
        ("booking", _forgetful),
        ("amending drafts", _changed_drafts),
        ("amending posted entries", _changed_posted_and_forgotten),
        ("books that are only searched", _searchable),
    )
)
"""What is killed, and goes on with an older register."""


def _in_flight_and_forgotten(desk: Desk) -> None:
    """Leave a request in flight, and lose the register and the job."""
    desk.ledger.send_back(LANDS)
    _lost_and_exported_again(desk)


FORGOTTEN = replace(
    IN_FLIGHT,
    name="a request in flight lands after its sender died, and the register is lost",
    between=_in_flight_and_forgotten,
)
EXPIRED = Story(
    name="the job runs out of time, and all is exported again",
    begin=_booking,
    between=_exported_again,
)
SEARCHED = Story(name="books that are only searched", begin=_searchable)

ALL = (
    IN_FLIGHT,
    FORGOTTEN,
    AMENDING_DRAFTS,
    BOOKING,
    CHUNKED,
    LOST,
    TAKEN_OVER,
    EXPIRED,
    SEARCHED,
    AMENDING_POSTED,
    TAKING_BACK,
    TAKEN_BACK_IN_PART,
)
"""What is killed once; the quickest to find a fault first."""


def _troubled(kind: Kind, endpoint: str, *, times: int = 1, skip: int = 0) -> Story:
    """Let Pleo fail, too; then a person exports again what came back."""

    async def begin() -> Desk:
        desk = await _booking()
        desk.fault(kind, endpoint, times=times, skip=skip)
        return desk

    return Story(
        name=f"{kind} at {endpoint}, and killed",
        begin=begin,
        act=_try,
        again=_until_all_is_booked,
        judged=False,
    )


async def _try(desk: Desk) -> None:
    with suppress(CounterfoilError):
        await desk.run()


async def _until_all_is_booked(desk: Desk) -> None:
    """Run, and export again what came back; raises unless all is booked then."""
    for _ in range(3):
        await _try(desk)
        if desk.company.queued():
            desk.queue()
    await desk.run()
    if left := desk.company.queued():
        raise AssertionError(f"not booked: {left}")


TROUBLED = (
    _troubled(Kind.DROP_AFTER, "post_event"),
    _troubled(Kind.ERROR_AFTER, "post_event", skip=1),
    _troubled(Kind.CLOSE_JOB, "update_items"),
    _troubled(Kind.PARTIAL, "update_items", times=4),
    _troubled(Kind.EXPIRE_JOB, "list_export_items"),
)
"""What is killed once, while Pleo fails as well."""
PAIRED = (BOOKING, AMENDING_DRAFTS, AMENDING_POSTED, TAKING_BACK)
"""What is killed twice, at every two moments."""

"""What a person does about single items: resolve what waits for a decision, and take bookings back.

It works under the company's and the target's locks, as an export does. A decision leaves its trail
in the register, and a remark in the books where a record of ours stays there.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.fingerprint import fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.table import booking_table
from counterfoil.errors import CounterfoilError, ItemFailure
from counterfoil.export.undo import note_taken_back, take_back
from counterfoil.register import Decision, DecisionKind, PartState
from counterfoil.register.records import load_payload
from counterfoil.runner.binding import binding_of, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from counterfoil.config import Connection
    from counterfoil.register import PartRecord, Register
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["NothingToDecide", "TakenBack", "alone", "resolve", "take_back_items"]

log = structlog.get_logger(__name__)


class NothingToDecide(CounterfoilError):
    """Nobody knows the item, or nothing about it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A record that was taken back, or why it was not."""

    entry_id: str
    external_id: str
    failure: str | None = None


async def resolve(
    connection: Connection,
    register: Register,
    entry_id: str,
    kind: DecisionKind,
    *,
    made_by: str,
    reference: str | None = None,
) -> tuple[TakenBack, ...]:
    """Write a person's decision down, and do at once what can be done at once.

    ``REVERSE`` takes the item's records back; the others count when the item is exported again.
    Raises NothingToDecide for an item that nobody knows or of which nothing is missing, and
    CounterfoilError when the books are away or the connection was bound to others.
    """
    books = connection.open_books()
    now = datetime.now(UTC)
    with alone(connection, register) as ours:
        async with books:
            live = await _live(books, [entry_id])
            records = ours.parts.of(books.target, [entry_id]).get(entry_id, [])
            item = _latest(ours, entry_id)
            _refuse_what_is_settled(entry_id, kind, live, _parts_of(item, records, connection))
            if not (live or records or item):
                raise NothingToDecide(
                    f"{entry_id} was never exported to {books.target}; see counterfoil items "
                    "for the ids that were"
                )
            if kind is DecisionKind.KEEP:
                await _remark(books, live, f"{now:%Y-%m-%d}: kept as it is by {made_by}")
            ours.decisions.add(
                Decision(
                    target=books.target,
                    entry_id=entry_id,
                    kind=kind,
                    fingerprint=_mark(item, connection),
                    made_at=now,
                    made_by=made_by,
                    reference=reference,
                )
            )
            if kind is DecisionKind.NOT_BOOKED:
                _close_intents(ours, records)
            if kind is DecisionKind.REVERSE:
                return await _take_back(connection, ours, books, live)
    return ()


async def take_back_items(
    connection: Connection,
    register: Register,
    entry_ids: Sequence[str],
    *,
    made_by: str,
    job_id: str | None = None,
) -> tuple[TakenBack, ...]:
    """Take every live record of these items back, or those that one job booked; each fails alone.

    Raises CounterfoilError when the books are away or the connection was bound to others.
    """
    books = connection.open_books()
    now = datetime.now(UTC)
    with alone(connection, register) as ours:
        async with books:
            live = await _live(books, entry_ids)
            if job_id is not None:
                live = _of_job(ours, books.target, live, job_id)
            for entry_id in dict.fromkeys(found.reference.entry_id for found in live):
                ours.decisions.add(
                    Decision(
                        target=books.target,
                        entry_id=entry_id,
                        kind=DecisionKind.REVERSE,
                        fingerprint=_mark(_latest(ours, entry_id), connection),
                        made_at=now,
                        made_by=made_by,
                    )
                )
            return await _take_back(connection, ours, books, live)


@contextmanager
def alone(connection: Connection, register: Register) -> Iterator[Register]:
    """Hold the company's and the book's lock, with a fence that cuts off whoever held them before.

    Gives the register, which is written as long as nobody cuts us off.

    Raises ConnectionBroken where the connection was bound to another book.
    """
    with writing(connection, register):
        register.connections.check(binding_of(connection))
        fence = register.connections.raise_fence(connection.company_id)
        yield register.under(connection.company_id, fence)


async def _live(books: AccountingSystem, entry_ids: Sequence[str]) -> list[Found]:
    found = await books.find([(entry_id, part) for entry_id in entry_ids for part in Part])
    return [one for every in found.values() for one in every if one.state.live]


def _of_job(register: Register, target: str, live: Sequence[Found], job_id: str) -> list[Found]:
    records = register.parts.of(target, [found.reference.entry_id for found in live])
    booked = {
        record.reference
        for every in records.values()
        for record in every
        if record.job_id == job_id
    }
    return [found for found in live if found.reference in booked]


def _refuse_what_is_settled(
    entry_id: str, kind: DecisionKind, live: Sequence[Found], parts: AbstractSet[Part]
) -> None:
    """Raise NothingToDecide where a person denies what is booked in whole, or names another."""
    instead = _INSTEAD.get(kind)
    if instead is not None and live and parts <= {one.reference.part for one in live}:
        raise NothingToDecide(
            f"{entry_id} is booked as {', '.join(one.id for one in live)}, and nothing of it is "
            f"missing. {instead}, take this one back first: counterfoil reverse {entry_id}"
        )


_INSTEAD = {
    DecisionKind.BOOKED_AS: "If another record is to count instead",
    DecisionKind.NOT_BOOKED: "If it is to be booked anew",
}


async def _remark(books: AccountingSystem, live: Sequence[Found], text: str) -> None:
    """Leave a remark in the books; where they do not take it, the decision stands without."""
    for found in live:
        try:
            await books.note(found.id, text)
        except ItemFailure as refusal:
            log.warning("the books take no remark", record=found.id, reason=str(refusal))


async def _take_back(
    connection: Connection, register: Register, books: AccountingSystem, live: Sequence[Found]
) -> tuple[TakenBack, ...]:
    chart = await books.chart()
    results = []
    for found in live:
        failure = None
        try:
            await take_back(books, found, chart, connection.settings)
            note_taken_back(register, books.target, found)
        except ItemFailure as refusal:
            failure = str(refusal)
        results.append(
            TakenBack(entry_id=found.reference.entry_id, external_id=found.id, failure=failure)
        )
    return tuple(results)


def _close_intents(register: Register, records: Sequence[PartRecord]) -> None:
    """Believe the person: what was uncertain came to nothing, so the next export may book it."""
    uncertain = {PartState.INTENDED, PartState.UNKNOWN}
    closed = [
        replace(record, state=PartState.REFUSED, failure_reason="a person says: not booked")
        for record in records
        if record.state in uncertain
    ]
    register.parts.settle(closed, job_id="", outcomes={})


def _latest(register: Register, entry_id: str) -> Mapping[str, object] | None:
    """Return the item as it came last; None where none is kept."""
    kept = register.items.of_entry(entry_id)
    return next((load_payload(each.payload) for each in kept if each.payload is not None), None)


def _mark(payload: Mapping[str, object] | None, connection: Connection) -> str:
    """Fingerprint an item; empty where nothing readable is kept."""
    with suppress(ItemFailure):
        return fingerprint(parse_item(payload), connection.settings) if payload else ""
    return ""


def _parts_of(
    payload: Mapping[str, object] | None, records: Sequence[PartRecord], connection: Connection
) -> AbstractSet[Part]:
    """Say which parts an item has: by its row of the booking table, else by what is known."""
    with suppress(ItemFailure):
        if payload:
            item = parse_item(payload)
            method = item.bookkeeping.method if item.bookkeeping else None
            table = booking_table(connection.settings.table_overrides)
            return {part.part for part in table.row(item.type, item.sub_type, method).parts}
    return {record.part for record in records}

"""What a person does about single items: resolve what waits for a decision, and take bookings back.

It works under the company's and the target's locks, as an export does. A decision leaves its trail
in the register, and a remark in the books where a record of ours stays there.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.fingerprint import fingerprint
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.errors import CounterfoilError, ItemFailure
from counterfoil.export.undo import take_back
from counterfoil.register import Decision, DecisionKind, PartState
from counterfoil.register.records import load_payload
from counterfoil.runner.binding import binding_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from counterfoil.config import Connection
    from counterfoil.register import PartRecord, Register
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["NothingToDecide", "TakenBack", "resolve", "take_back_items"]


class NothingToDecide(CounterfoilError):
    """Neither the register nor the books know the item, so there is nothing to decide about."""


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
    Raises NothingToDecide for an item that nobody knows, CounterfoilError when the books are away.
    """
    books = connection.open_books()
    now = datetime.now(UTC)
    with _alone(connection, register):
        async with books:
            live = await _live(books, [entry_id])
            records = register.parts.of(books.target, [entry_id]).get(entry_id, [])
            mark = _latest_mark(connection, register, entry_id)
            if not (live or records or mark):
                raise NothingToDecide(
                    f"{entry_id} was never exported to {books.target}; see counterfoil items "
                    "for the ids that were"
                )
            register.decisions.add(
                Decision(
                    target=books.target,
                    entry_id=entry_id,
                    kind=kind,
                    fingerprint=mark,
                    made_at=now,
                    made_by=made_by,
                    reference=reference,
                )
            )
            if kind is DecisionKind.KEEP:
                for found in live:
                    await books.note(found.id, f"{now:%Y-%m-%d}: kept as it is by {made_by}")
            if kind is DecisionKind.NOT_BOOKED:
                _close_intents(register, records)
            if kind is DecisionKind.REVERSE:
                return await _take_back(connection, register, books, live)
    return ()


async def take_back_items(
    connection: Connection, register: Register, entry_ids: Sequence[str], *, made_by: str
) -> tuple[TakenBack, ...]:
    """Take every live record of these items back; each fails alone."""
    books = connection.open_books()
    now = datetime.now(UTC)
    with _alone(connection, register):
        async with books:
            live = await _live(books, entry_ids)
            for entry_id in dict.fromkeys(found.reference.entry_id for found in live):
                register.decisions.add(
                    Decision(
                        target=books.target,
                        entry_id=entry_id,
                        kind=DecisionKind.REVERSE,
                        fingerprint=_latest_mark(connection, register, entry_id),
                        made_at=now,
                        made_by=made_by,
                    )
                )
            return await _take_back(connection, register, books, live)


@contextmanager
def _alone(connection: Connection, register: Register) -> Iterator[None]:
    """Hold the company's lock, with a fence that cuts off whoever held it before.

    Raises ConnectionBroken where the connection was bound to another book.
    """
    with register.locks.hold(f"company {connection.company_id}"):
        register.connections.check(binding_of(connection))
        register.connections.raise_fence(connection.company_id)
        yield


async def _live(books: AccountingSystem, entry_ids: Sequence[str]) -> list[Found]:
    found = await books.find([(entry_id, part) for entry_id in entry_ids for part in Part])
    return [one for every in found.values() for one in every if one.state.live]


async def _take_back(
    connection: Connection, register: Register, books: AccountingSystem, live: Sequence[Found]
) -> tuple[TakenBack, ...]:
    chart = await books.chart()
    results = []
    for found in live:
        failure = None
        try:
            await take_back(books, found, chart, connection.settings)
            _note_gone(register, books.target, found)
        except ItemFailure as refusal:
            failure = str(refusal)
        results.append(
            TakenBack(entry_id=found.reference.entry_id, external_id=found.id, failure=failure)
        )
    return tuple(results)


def _note_gone(register: Register, target: str, found: Found) -> None:
    records = register.parts.of(target, [found.reference.entry_id])
    gone = [
        replace(record, state=PartState.GONE)
        for record in records.get(found.reference.entry_id, ())
        if record.reference == found.reference
    ]
    register.parts.settle(gone, job_id="", outcomes={})


def _close_intents(register: Register, records: Sequence[PartRecord]) -> None:
    """Believe the person: what was uncertain came to nothing, so the next export may book it."""
    uncertain = {PartState.INTENDED, PartState.UNKNOWN}
    closed = [
        replace(record, state=PartState.REFUSED, failure_reason="a person says: not booked")
        for record in records
        if record.state in uncertain
    ]
    register.parts.settle(closed, job_id="", outcomes={})


def _latest_mark(connection: Connection, register: Register, entry_id: str) -> str:
    """Fingerprint the item as it came last; empty where nothing readable is kept."""
    for kept in register.items.of_entry(entry_id):
        if kept.payload is not None:
            try:
                item = parse_item(load_payload(kept.payload))
            except ItemFailure:
                return ""
            return fingerprint(item, connection.settings)
    return ""

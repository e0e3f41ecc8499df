"""Wrong engines: each has one bug that somebody could well have written, and must be caught.

A bug is a function that puts a wrong part in a right one's place, for as long as the patch lasts.
What it does wrong is its docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.errors import ItemFailure, UnexpectedFailure
from counterfoil.export import decide as export_decide
from counterfoil.export import record, write
from counterfoil.export.look import unreachable
from counterfoil.export.record import Recorder
from counterfoil.export.undo import note_taken_back, take_back
from counterfoil.export.work import ItemWork
from counterfoil.export.write import Writer
from counterfoil.register import PartRecord, PartState, fences
from counterfoil.register.parts import Parts
from counterfoil.systems.contract import Booked, EntryState, Found, PartKey, Unknown
from tests.reliability.planted_pleo import ABOUT_PLEO

__all__ = ["PLANTED", "Plant"]

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]
Every: TypeAlias = Mapping[str, Sequence[PartRecord]]
Looked: TypeAlias = Mapping[PartKey, Sequence[Found]]

LOOK_UP = Recorder._look_up


def skip_the_look_up(patch: pytest.MonkeyPatch) -> None:
    """Write whatever is planned, without asking the books."""

    async def look_up(self: Recorder, works: Sequence[ItemWork], records: Every) -> Looked:
        del self, works, records
        return {}

    patch.setattr(Recorder, "_look_up", look_up)


def trust_the_register_alone(patch: pytest.MonkeyPatch) -> None:
    """Ask the books only for what the register has as booked."""

    async def look_up(self: Recorder, works: Sequence[ItemWork], records: Every) -> Looked:
        known = {
            (one.reference.entry_id, one.part)
            for every in records.values()
            for one in every
            if one.state is PartState.BOOKED
        }
        found = await LOOK_UP(self, works, records)
        return {key: every for key, every in found.items() if key in known}

    patch.setattr(Recorder, "_look_up", look_up)


def believe_the_register_before_the_books(patch: pytest.MonkeyPatch) -> None:
    """Take what the register has as booked for live, whatever people did in the books."""

    async def look_up(self: Recorder, works: Sequence[ItemWork], records: Every) -> Looked:
        found = dict(await LOOK_UP(self, works, records))
        for every in records.values():
            for one in every:
                if one.state is PartState.BOOKED:
                    found[one.reference.entry_id, one.part] = [_as_found(one)]
        return found

    patch.setattr(Recorder, "_look_up", look_up)


def _as_found(known: PartRecord) -> Found:
    return Found(
        reference=known.reference,
        id=known.external_id or "",
        url=known.external_url,
        state=EntryState.POSTED,
        booked_at=known.booked_at or known.intent_at,
        date=known.intent_at.date(),
        currency="GBP",
        lines=(),
        fingerprint=known.fingerprint,
        receipts=frozenset({"some"}),
        settled=True,
    )


def count_the_job_into_the_key(patch: pytest.MonkeyPatch) -> None:
    """Know again only what this very job has booked."""

    async def look_up(self: Recorder, works: Sequence[ItemWork], records: Every) -> Looked:
        own = {
            one.reference
            for every in records.values()
            for one in every
            if one.job_id == self._job_id
        }
        found = await LOOK_UP(self, works, records)
        return {
            key: mine
            for key, every in found.items()
            if (mine := [one for one in every if one.reference in own])
        }

    patch.setattr(Recorder, "_look_up", look_up)


def deduplicate_by_content(patch: pytest.MonkeyPatch) -> None:
    """Take two expenses of one day, account and amount for one."""
    right = Writer.write

    async def write_once(self: Writer, works: Sequence[ItemWork]) -> None:
        firsts: dict[object, ItemWork] = {}
        twins: list[tuple[ItemWork, ItemWork]] = []
        for work in works:
            first = firsts.setdefault(_content(work), work)
            if first is not work and work.writable and not work.documents:
                work.to_write = []
                twins.append((work, first))
        await right(self, works)
        for twin, first in twins:
            twin.live = first.live

    patch.setattr(Writer, "write", write_once)


def _content(work: ItemWork) -> object:
    return tuple((entry.date, str(entry.lines)) for entry in work.planned)


def intend_after_writing(patch: pytest.MonkeyPatch) -> None:
    """Commit the intent when the answer is there."""
    right, send = Parts.intend, Writer._send
    kept: list[Callable[[], None]] = []

    def later(self: Parts, records: Sequence[PartRecord], *, company_id: str) -> None:
        kept.append(lambda: right(self, records, company_id=company_id))

    async def send_first(self: Writer, entries: Sequence[Any]) -> Any:  # noqa: ANN401 -- as the right one
        answers = await send(self, entries)
        while kept:
            kept.pop()()
        return answers

    patch.setattr(Parts, "intend", later)
    patch.setattr(Writer, "_send", send_first)


def intend_all_and_write_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """Commit the intents of a whole chunk at once, then send its entries one by one."""
    right, intend = Writer.write, Parts.intend

    async def intend_all(self: Writer, works: Sequence[ItemWork]) -> None:
        intents = [self._intent(entry) for work in works for entry in work.to_write]
        export = self._export
        intend(export.register.parts, intents, company_id=export.company_id)
        await right(self, works)

    patch.setattr(Writer, "write", intend_all)
    patch.setattr(Parts, "intend", lambda *_, **__: None)


def adopt_without_finishing(patch: pytest.MonkeyPatch) -> None:
    """Leave a record that is there already as it is: unposted, without its receipts."""
    right, finish = Writer.write, Writer._finish

    async def write_fresh(self: Writer, works: Sequence[ItemWork]) -> None:
        fresh = {work.entry_id for work in works if work.writable}

        async def finish_fresh(self: Writer, work: ItemWork) -> None:
            if work.entry_id in fresh:
                await finish(self, work)

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Writer, "_finish", finish_fresh)
            await right(self, works)

    patch.setattr(Writer, "write", write_fresh)


def take_a_part_for_the_whole(patch: pytest.MonkeyPatch) -> None:
    """Take an expense for booked as soon as one part of it is found."""
    right = export_decide.decide

    def decide(work: ItemWork, *known: Any, **settings: Any) -> None:  # noqa: ANN401 -- as the right one
        right(work, *known, **settings)
        if work.live:
            work.to_write = []

    patch.setattr(record, "decide", decide)


def adopt_what_is_voided(patch: pytest.MonkeyPatch) -> None:
    """Take a record for live that people voided."""
    live = property(lambda self: self is not EntryState.REVERSED)
    patch.setattr(EntryState, "live", live)


def take_no_answer_for_no(patch: pytest.MonkeyPatch) -> None:
    """Fail an item whose request had no answer, as if nothing had come of it."""
    right = write._failure

    def failure(entry: Any, result: Any) -> tuple[ItemFailure, PartState]:  # noqa: ANN401 -- as the right one
        if isinstance(result, Unknown):
            return UnexpectedFailure("The books gave no answer"), PartState.REFUSED
        return right(entry, result)

    patch.setattr(Writer, "_may_be_there", (Booked,))
    patch.setattr(Writer, "_may_resend", False)
    patch.setattr(write, "_failure", failure)


def take_no_answer_for_yes(patch: pytest.MonkeyPatch) -> None:
    """Take an entry whose request had no answer for booked."""
    right = Writer._read_back

    async def read_back(self: Writer, entries: Sequence[Any], answers: Sequence[Any]) -> Looked:
        found = dict(await right(self, entries, answers))
        for entry, answer in zip(entries, answers, strict=True):
            key = entry.reference.entry_id, entry.reference.part
            if isinstance(answer, Unknown) and key not in found:
                intent = replace(self._intent(entry), external_id=str(entry.reference))
                lines = tuple((line.account, line.amount) for line in entry.lines)
                found[key] = [replace(_as_found(intent), lines=lines, currency=entry.currency)]
        return found

    patch.setattr(Writer, "_read_back", read_back)


def send_again_at_once(patch: pytest.MonkeyPatch) -> None:
    """Send what had no answer again, to books that would take it twice."""
    patch.setattr(Writer, "_may_resend", True)
    patch.setattr(write, "settle_seconds", lambda _: 0.0)


def take_absence_for_proof(patch: pytest.MonkeyPatch) -> None:
    """Book what is not found at once, though a request for it may be in flight."""
    patch.setattr(record, "settle_seconds", lambda _: 0.0)


def trust_a_young_register(patch: pytest.MonkeyPatch) -> None:
    """Wait for no request in flight when the register knows of none, however new it is."""
    patch.setattr(record, "remembers_too_little", lambda _: False)


def ignore_the_fence(patch: pytest.MonkeyPatch) -> None:
    """Go on writing after another worker has taken over."""
    patch.setattr(fences, "refuse_old_fence", lambda *_: None)


def amend_without_taking_back(patch: pytest.MonkeyPatch) -> None:
    """Book a changed item anew, and leave its old records where they are."""

    async def leave(self: Writer, work: ItemWork) -> None:
        del self
        work.to_undo = []

    patch.setattr(Writer, "_take_back", leave)


def take_back_after_booking_anew(patch: pytest.MonkeyPatch) -> None:
    """Book a changed item anew before its old records are gone."""
    right = Writer.write

    async def write_first(self: Writer, works: Sequence[ItemWork]) -> None:
        old = [(work, found) for work in works for found in work.to_undo]
        for work, _ in old:
            work.to_undo = []
        await right(self, works)
        for _, found in old:
            await take_back(self._books, found, self._chart, self._export.settings)
            note_taken_back(self._export.register, self._books.target, found)

    patch.setattr(Writer, "write", write_first)


def keep_half_a_booking_quiet(patch: pytest.MonkeyPatch) -> None:
    """Fail an item of which a part is booked as if nothing were."""

    def fail(self: ItemWork, failure: ItemFailure, missing: Sequence[Part]) -> None:
        del missing
        self.failure = failure

    patch.setattr(ItemWork, "fail", fail)


def call_uncertain_what_is_not(patch: pytest.MonkeyPatch) -> None:
    """Say that nothing was booked when the books cannot be asked whether it was."""

    def give_up(works: Sequence[ItemWork], records: Every, error: Any) -> None:  # noqa: ANN401 -- as the right one
        del records
        for work in works:
            work.failure = unreachable(error)

    patch.setattr(record, "_give_up", give_up)


PLANTED: tuple[Plant, ...] = (
    skip_the_look_up,
    trust_the_register_alone,
    believe_the_register_before_the_books,
    count_the_job_into_the_key,
    deduplicate_by_content,
    intend_after_writing,
    intend_all_and_write_one_by_one,
    adopt_without_finishing,
    take_a_part_for_the_whole,
    adopt_what_is_voided,
    take_no_answer_for_no,
    take_no_answer_for_yes,
    send_again_at_once,
    take_absence_for_proof,
    trust_a_young_register,
    ignore_the_fence,
    amend_without_taking_back,
    take_back_after_booking_anew,
    keep_half_a_booking_quiet,
    call_uncertain_what_is_not,
    *ABOUT_PLEO,
)

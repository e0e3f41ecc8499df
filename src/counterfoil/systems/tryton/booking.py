"""Writes entries, a hundred at a time: created, posted, read back; a bad one is found by halving.

What Tryton refuses leaves nothing behind: a draft that cannot be posted is taken out again. Where
an answer is missing, nobody guesses: the entry counts as unknown, or stays the draft that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from counterfoil.bookkeeping.entries import Entry, Reference
from counterfoil.errors import (
    BooksAuthentication,
    BooksAuthorization,
    BooksRateLimit,
    BooksUnreachable,
    ItemFailure,
    JobFailureType,
    PeriodClosed,
    RefusedByBooks,
)
from counterfoil.systems.contract import (
    Booked,
    BooksNotReady,
    RecordResult,
    Refused,
    Unknown,
)
from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.exchange import Lost, Refusal
from counterfoil.systems.tryton.posting import POSTED, SIMILAR, Poster
from counterfoil.systems.tryton.values import INVOICE, MOVE, Draft, Setup, draft_of
from counterfoil.systems.tryton.verifying import difference, read_back

__all__ = ["Booking", "SimilarBill", "warned"]

log = structlog.get_logger(__name__)

FAILURES = {
    JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE: BooksAuthentication,
    JobFailureType.AUTHORIZATION_FAILURE: BooksAuthorization,
    JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT: BooksRateLimit,
}


class SimilarBill(RefusedByBooks):
    """Tryton found a bill of the same vendor with the same number, and asks whether it is meant."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A draft that Tryton has created."""

    draft: Draft
    number: int


class Booking:
    """Writes the entries of one call."""

    def __init__(self, access: Access, setup: Setup, poster: Poster) -> None:
        """Take the way in, and what posts there."""
        self._access = access
        self._setup = setup
        self._poster = poster
        self._results: dict[Reference, RecordResult] = {}
        self._sent = False
        self.moves: set[int] = set()
        """The moves that were created."""

    async def record(self, entries: Sequence[Entry]) -> list[RecordResult]:
        """Write entries; a result each, in order. Raises BooksNotReady only if nothing was sent."""
        once = {entry.reference: entry for entry in reversed(entries)}
        ordered = [entry for entry in entries if once[entry.reference] is entry]
        drafts = [draft for entry in ordered if (draft := self._draft(entry)) is not None]
        for model in (MOVE, INVOICE):
            group = [draft for draft in drafts if draft.model == model]
            if group:
                made = await self._create(group)
                self.moves |= {each.number for each in made if model == MOVE}
                await self._finish(model, made)
        return [self._results[entry.reference] for entry in entries]

    def _draft(self, entry: Entry) -> Draft | None:
        try:
            return draft_of(entry, self._setup)
        except ItemFailure as failure:
            self._refuse(entry, failure)
        return None

    def _refuse(self, entry: Entry, failure: ItemFailure) -> None:
        self._results[entry.reference] = Refused(reference=entry.reference, failure=failure)

    async def _create(self, drafts: Sequence[Draft]) -> list[_Made]:
        """Create drafts in one transaction; refused, halve them until the bad one is alone."""
        try:
            numbers = await self._access.create(drafts[0].model, [each.values for each in drafts])
        except Refusal as refusal:
            self._sent = True
            if len(drafts) > 1:
                half = len(drafts) // 2
                first = await self._create(drafts[:half])
                return [*first, *(await self._create(drafts[half:]))]
            self._refuse(drafts[0].entry, await why_refused(self._access, refusal, drafts[0]))
            return []
        except BooksNotReady as error:
            self._not_written(drafts, error)
            return []
        self._sent = True
        for draft in drafts:
            self._results[draft.entry.reference] = Booked(reference=draft.entry.reference)
        return [_Made(*pair) for pair in zip(drafts, numbers, strict=True)]

    def _not_written(self, drafts: Sequence[Draft], error: BooksNotReady) -> None:
        """Note what got no answer, or was not sent as the server was gone."""
        if not isinstance(error, Lost) and not self._sent:
            raise error
        self._sent = True
        for draft in drafts:
            reference = draft.entry.reference
            if isinstance(error, Lost):
                self._results[reference] = Unknown(reference=reference, why=str(error))
            else:
                kind = FAILURES.get(error.problem.failure_type, BooksUnreachable)
                self._refuse(draft.entry, kind(str(error)))

    async def _finish(self, model: str, made: Sequence[_Made]) -> None:
        """Post what shall be final, and read all back; a server that went away stops it quietly.

        What is created is booked: whatever it still misses is seen when it is looked up.
        """
        final = [each for each in made if each.draft.entry.final]
        try:
            if final:
                await self._post(model, final)
            await self._verify(model, made)
        except BooksNotReady as error:
            log.warning("what was created is finished later", reason=str(error))

    async def _post(self, model: str, made: Sequence[_Made]) -> None:
        refused = await self._poster.post(model, [each.number for each in made])
        for each in made:
            if refusal := refused.get(each.number):
                await self._take_out(each, await why_refused(self._access, refusal, each.draft))

    async def _take_out(self, made: _Made, failure: ItemFailure) -> None:
        """Take a draft out again that cannot stay, and refuse its entry."""
        model = made.draft.model
        try:
            await self._access.delete(model, [made.number])
        except Refusal as refusal:
            failure = failure.reworded(
                f"{failure} The draft {model},{made.number} could not be taken out: {refusal}"
            )
        self._refuse(made.draft.entry, failure)

    async def _verify(self, model: str, made: Sequence[_Made]) -> None:
        """Read back what is still held to be booked; what differs is taken out and refused."""
        held = [
            each for each in made if isinstance(self._results[each.draft.entry.reference], Booked)
        ]
        if not held:
            return
        numbers = [each.number for each in held]
        taxed = [each.number for each in held if each.draft.tax]
        records = await read_back(self._access, model, numbers, taxed)
        for each in held:
            record = records.get(each.number)
            wrong = difference(each.draft, record)
            if wrong is None:
                continue
            log.error("Tryton holds something else than was sent", record=each.number, why=wrong)
            failure = RefusedByBooks(f"Tryton changed what was sent: {wrong}")
            if record is not None and record.state not in POSTED:
                await self._take_out(each, failure)
            else:
                self._refuse(each.draft.entry, failure.reworded(f"{failure}; correct it there"))


async def why_refused(access: Access, refusal: Refusal, draft: Draft) -> ItemFailure:
    """Say why Tryton refused: a state that is read says it in every language."""
    if refusal.warning is not None:
        return warned(refusal)
    try:
        closed = await _is_closed(access, draft)
    except BooksNotReady:
        closed = False
    if closed:
        return PeriodClosed(
            f"The period {draft.period.name} was closed in Tryton meanwhile: open it there, then "
            f"export again. Tryton says: {refusal}"
        )
    return warned(refusal)


async def _is_closed(access: Access, draft: Draft) -> bool:
    """Read whether a draft's period, or its journal in that period, is closed now."""
    period = draft.period
    rows = await access.search_read("account.period", [["id", "=", period.number]], ("state",))
    shut = await access.search_read(
        "account.journal.period",
        [
            ["journal", "=", draft.journal],
            ["period", "=", period.number],
            ["state", "!=", "open"],
        ],
        ("state",),
    )
    return bool(shut) or any(row["state"] != "open" for row in rows)


def warned(refusal: Refusal) -> ItemFailure:
    """Return the failure of what Tryton asks about, or refuses, without looking further."""
    if refusal.warning is None:
        return RefusedByBooks(f"Tryton refuses it: {refusal}")
    if refusal.warning.endswith(f".{SIMILAR}"):
        return SimilarBill(
            f"Tryton asks whether this bill is meant: {refusal} If it is, post it there, or set "
            "[connection.options] accept_similar_bills = true; then export again."
        )
    return RefusedByBooks(f"Tryton asks first: {refusal} Answer there, then export again.")

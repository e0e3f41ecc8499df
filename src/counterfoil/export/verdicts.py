"""The verdict on a pair: is it told and there, once, with the right figures? Pure.

Existence is judged (missing, doubled, not told to Pleo, uncertain) and figures (currency, day,
amounts by account). Texts, receipts, and whether an entry is a draft or posted are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from counterfoil.bookkeeping.entries import Part
from counterfoil.export.compare import differences
from counterfoil.export.pairs import Pair, Source, Told
from counterfoil.register import Decision, DecisionKind
from counterfoil.systems.contract import Capabilities, EntryState

__all__ = ["Finding", "Verdict", "judge"]


class Verdict(StrEnum):
    """What is to be said of an item; where several apply, the first in this order."""

    DOUBLED = "doubled"
    """A part of it is live in the books more than once."""
    MISSING = "missing"
    """Pleo has it as booked; the books do not hold it, or not all of it."""
    UNCERTAIN = "uncertain"
    """It was about to be booked, and nobody noted what came of it."""
    FIGURES_DIFFER = "figures_differ"
    """The books hold other figures than Pleo has now."""
    CHANGED_IN_BOOKS = "changed_in_books"
    """The books hold other figures than we planned and wrote: a person changed them."""
    UNKNOWN_TO_PLEO = "unknown_to_pleo"
    """It is booked, and Pleo does not have it as booked."""
    KEPT = "kept"
    """It differs, and a person decided that the booking stands."""
    NOT_COMPARABLE = "not_comparable"
    """It is there, but nobody has the figures that it should have."""
    MATCHED = "matched"
    NOT_BOOKED = "not_booked"
    """Neither side has it as booked."""

    @property
    def off(self) -> bool:
        """Whether somebody has to look at it."""
        return _ORDER[self] < _ORDER[Verdict.KEPT]

    @property
    def words(self) -> str:
        """Say it as people do."""
        return _WORDS.get(self, self.replace("_", " "))


_ORDER = {verdict: number for number, verdict in enumerate(Verdict)}
_WORDS = {
    Verdict.CHANGED_IN_BOOKS: "changed in the books",
    Verdict.UNKNOWN_TO_PLEO: "unknown to Pleo",
}
_ADOPTED = "Export it again in Pleo: what is in the books is found and reported, not booked again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on an item, why, and what a person can do."""

    entry_id: str
    verdict: Verdict
    what: str = ""
    remedy: str = ""
    job_id: str | None = None
    ids: tuple[str, ...] = ()
    """Of its live records in the books."""
    url: str | None = None
    day: date | None = None
    amount: Decimal | None = None
    """The sum of the debits of its first part, in major units of ``currency``."""
    currency: str = ""
    status_from: Source | None = None
    """Whose word the item's status is; None: nobody has one."""
    figures_from: Source | None = None
    """Whose word the expected figures are; None: they are not known."""
    only_untold: bool = False
    """Whether nothing else is wrong with it than that Pleo does not know."""


@dataclass(frozen=True, slots=True)
class _Remark:
    verdict: Verdict
    what: str
    remedy: str = ""


def judge(pair: Pair, capabilities: Capabilities) -> Finding:
    """Give the verdict on an item; ``what`` says all that there is to be said about it."""
    remarks = sorted(_remarks(pair, capabilities), key=lambda remark: _ORDER[remark.verdict])
    amount, currency = _amount(pair)
    return Finding(
        entry_id=pair.entry_id,
        verdict=_verdict(pair, remarks),
        what="; ".join(dict.fromkeys(remark.what for remark in remarks)),
        remedy=next((remark.remedy for remark in remarks if remark.remedy), ""),
        job_id=pair.told.job_id if pair.told else None,
        ids=tuple(record.id for record in pair.live),
        url=next((record.url for record in pair.live if record.url), None),
        day=next(iter(pair.days), None),
        amount=amount,
        currency=currency,
        status_from=pair.told.source if pair.told else None,
        figures_from=pair.expected.source if pair.expected and pair.entries else None,
        only_untold={remark.verdict for remark in remarks} == {Verdict.UNKNOWN_TO_PLEO},
    )


def _verdict(pair: Pair, remarks: Sequence[_Remark]) -> Verdict:
    if remarks:
        return remarks[0].verdict
    return Verdict.MATCHED if pair.live else Verdict.NOT_BOOKED


def _amount(pair: Pair) -> tuple[Decimal | None, str]:
    for entry in pair.entries:
        return entry.amount, entry.currency
    for record in (*pair.live, *pair.records):
        debits = (amount for _, amount in record.lines if amount > 0)
        return sum(debits, Decimal(0)), record.currency
    return None, ""


def _remarks(pair: Pair, capabilities: Capabilities) -> Iterator[_Remark]:
    if pair.told is not None and pair.told.booked:
        yield from _missing(pair, pair.told)
    yield from _uncertain(pair)
    if pair.live:
        yield from _doubled(pair)
        yield from _figures(pair, capabilities)
        yield from _untold(pair.told, [record.id for record in pair.live])


def _doubled(pair: Pair) -> Iterator[_Remark]:
    for part in Part:
        copies = [record for record in pair.live if record.reference.part is part]
        if len(copies) > 1:
            ids = ", ".join(f"{copy.id} of {copy.date}" for copy in copies)
            yield _Remark(
                Verdict.DOUBLED,
                f"its {_named(part)} is in the books {len(copies)} times: {ids}",
                "Take all but one of them out in the books",
            )


def _missing(pair: Pair, told: Told) -> Iterator[_Remark]:
    there = {record.reference.part for record in pair.live}
    lacking = pair.expected.parts - there if pair.expected else set()
    elsewhere = pair.decided(DecisionKind.BOOKED_AS)
    if there and lacking:
        what = f"in the books is its {_listed(there)}, not its {_listed(lacking)}"
        remedy = "Export it again in Pleo: what is missing is booked then"
        yield _Remark(Verdict.MISSING, what, remedy)
    elif not there and elsewhere and elsewhere.reference == told.external_id:
        what = f"{_who_decided(elsewhere)} that it is booked as {told.external_id}"
        yield _Remark(Verdict.NOT_COMPARABLE, what)
    elif not there:
        what = f"Pleo has it as booked{_as(told)}, the books do not: {_what_became(pair)}"
        remedy = "Export it again in Pleo: it is booked again then"
        yield _Remark(Verdict.MISSING, what, remedy)


def _what_became(pair: Pair) -> str:
    if taken_back := pair.decided(DecisionKind.REVERSE):
        return f"{_who_decided(taken_back)} to take it back"
    states = {record.state for record in pair.records}
    for state in (EntryState.REVERSED, EntryState.VOIDED):
        if state in states:
            return f"it was {state} there"
    if pair.expected:
        return "nothing there carries its reference"
    return (
        "nothing there carries its reference, and we kept nothing of it, so another integration "
        "may have booked it"
    )


def _uncertain(pair: Pair) -> Iterator[_Remark]:
    there = {record.reference for record in pair.live}
    for reference in pair.intents:
        if reference not in there:
            yield _Remark(
                Verdict.UNCERTAIN,
                f"{reference} was about to be booked when the export stopped; it is not there now",
                "counterfoil run --once looks again, and settles it"
                if pair.told and pair.told.resumable
                else f"Look for {reference} in the books. If it is not there: counterfoil resolve "
                f"{pair.entry_id} --not-booked, then export it again in Pleo",
            )


def _figures(pair: Pair, capabilities: Capabilities) -> Iterator[_Remark]:
    expected = pair.expected
    if expected is None:
        yield _Remark(Verdict.NOT_COMPARABLE, f"its figures are not known: {pair.why_unknown}")
        return
    if expected.changes:
        what = f"since it was booked, {', '.join(expected.changes)} in Pleo"
        yield _differing(pair, Verdict.FIGURES_DIFFER, what)
    verdict = Verdict.FIGURES_DIFFER
    if expected.source is Source.REGISTER:
        verdict = Verdict.CHANGED_IN_BOOKS
    for record in pair.live:
        entry = expected.of(record)
        if entry is None:
            yield _Remark(Verdict.NOT_COMPARABLE, f"the figures of {record.id} are not known")
        elif found := differences(entry, record, capabilities):
            yield _differing(pair, verdict, f"{record.id}: {', '.join(found)}")


def _differing(pair: Pair, verdict: Verdict, what: str) -> _Remark:
    """Tell a difference; one that a person has decided about is nothing to look at any more."""
    if kept := pair.decided(DecisionKind.KEEP):
        return _Remark(Verdict.KEPT, f"{what}; {_who_decided(kept)} that the booking stands")
    keep = f"counterfoil resolve {pair.entry_id} --keep"
    if verdict is Verdict.CHANGED_IN_BOOKS:
        remedy = f"Change it back in the books, or let it stand: {keep}"
    else:
        remedy = f"Let it stand: {keep}; or have it booked anew: --amend, and export it again"
    return _Remark(verdict, what, remedy)


def _untold(told: Told | None, ids: Sequence[str]) -> Iterator[_Remark]:
    booked = f"booked as {', '.join(ids)}"
    if told is None:
        what = f"{booked}; Pleo lists no export of it"
        yield _Remark(Verdict.UNKNOWN_TO_PLEO, what, _ADOPTED)
    elif not told.booked:
        reason = f" ({told.failure})" if told.failure else ""
        what = f"{booked}; Pleo has it as {told.status.replace('_', ' ')}{reason}"
        yield _Remark(Verdict.UNKNOWN_TO_PLEO, what, _how_to_tell(told))
    elif told.external_id is not None and told.external_id not in ids:
        what = f"{booked}; Pleo has it as booked{_as(told)}"
        yield _Remark(Verdict.UNKNOWN_TO_PLEO, what, _ADOPTED)


def _how_to_tell(told: Told) -> str:
    if told.resumable:
        return "counterfoil run --once goes on with its job; reconcile --repair only reports it"
    if told.job_status == "pending":
        return "counterfoil run --once exports its job: it is found there and reported"
    if told.job_status == "in_progress":
        return (
            f"Job {told.job_id} was started by another, or our register was lost. If nobody works "
            f"on it: counterfoil run --once --take-over {told.job_id}"
        )
    return f"Mend what Pleo says. {_ADOPTED}" if told.status == "failed" else _ADOPTED


def _as(told: Told) -> str:
    return f" as {told.external_id}" if told.external_id else ""


def _who_decided(decision: Decision) -> str:
    return f"{decision.made_by} decided on {decision.made_at:%Y-%m-%d}"


def _listed(parts: Iterable[Part]) -> str:
    return " and ".join(_named(part) for part in sorted(parts, key=list(Part).index))


def _named(part: Part) -> str:
    return str(part).replace("_", " ")

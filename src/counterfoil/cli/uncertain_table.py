"""Items of which it is not certain that they are booked: ``counterfoil items --uncertain``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterfoil.cli.lines import say
from counterfoil.cli.rows import latest_row
from counterfoil.cli.screen import show_table
from counterfoil.register import DecisionKind, JobRecord, PartRecord, PartState, Register

__all__ = ["UncertainRow", "show_uncertain", "uncertain_rows"]

COLUMNS = ("item", "since", "date", "what", "amount", "look for", "why")
WHY = {
    PartState.INTENDED: "a run ended in the middle of it; the next one looks whether it is booked",
    PartState.UNKNOWN: "it was sent, no answer came, and it was not there when asked for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertainRow:
    """A part that was, or was about to be, sent to the books, and whose fate nobody knows."""

    entry_id: str
    reference: str
    """What to look for in the books: the item, the part, the attempt."""
    since: str
    """When it was about to be sent, UTC."""
    job_id: str
    date: str
    what: str
    money: str
    why: str


def uncertain_rows(register: Register, jobs: Iterable[JobRecord]) -> list[UncertainRow]:
    """Read what is uncertain in the books that these jobs wrote to, oldest first."""
    return [
        _row(register, record)
        for target in dict.fromkeys(job.target for job in jobs)
        for record in _undecided(register, target)
    ]


def _undecided(register: Register, target: str) -> list[PartRecord]:
    """Leave out what a person said is booked under another reference."""
    records = register.parts.unsettled(target)
    decided = register.decisions.of(target, [record.reference.entry_id for record in records])
    return [
        record
        for record in records
        if not (every := decided.get(record.reference.entry_id))
        or every[-1].kind is not DecisionKind.BOOKED_AS
    ]


def _row(register: Register, record: PartRecord) -> UncertainRow:
    item = latest_row(register, record.reference.entry_id)
    return UncertainRow(
        entry_id=record.reference.entry_id,
        reference=str(record.reference),
        since=f"{record.intent_at:%Y-%m-%d %H:%M}Z",
        job_id=record.job_id,
        date=item.date if item else "",
        what=item.what if item else "",
        money=item.money if item else "",
        why=WHY[record.state],
    )


def show_uncertain(rows: Sequence[UncertainRow]) -> None:
    """Show what is uncertain in a table, and what a person can do about it."""
    if not rows:
        say("Nothing is uncertain: of every item it is known whether it is booked.")
        return
    show_table(COLUMNS, [_cells(row) for row in rows])
    say(
        "Look for each reference in the books, then export the item again in Pleo: what is there "
        "is adopted, what is not there is booked. If it is there under another reference: "
        "counterfoil resolve ID --booked-as REF"
    )


def _cells(row: UncertainRow) -> tuple[str, ...]:
    return (row.entry_id, row.since, row.date, row.what, row.money, row.reference, row.why)

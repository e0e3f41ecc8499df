"""Joins the sides of a reconciliation by the items' ids, with what the register knows of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from counterfoil.bookkeeping.entries import Part
from counterfoil.errors import ItemFailure
from counterfoil.export.detect import started_by_us
from counterfoil.export.expecting import Planner, as_booked
from counterfoil.export.pairs import Expected, Pair, Source, Told
from counterfoil.pleo.models import ExportJobItem
from counterfoil.register import Decision, DecisionKind, PartRecord, PartState
from counterfoil.register.history import Passage
from counterfoil.runner.reconcile_memory import Memory
from counterfoil.runner.reconcile_sides import PleoSide
from counterfoil.systems.contract import Found

__all__ = ["Joined", "join"]

AT_ONCE = 1000
FINAL = frozenset({"successful", "failed"})
"""Statuses in which a job settled an item; an abandoned one was left as it was."""
UNSETTLED = frozenset({PartState.INTENDED, PartState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The pairs, and how many items were left out as another integration's."""

    pairs: tuple[Pair, ...]
    foreign: int


def join(
    pleo: PleoSide,
    held: Mapping[str, Sequence[Found]],
    ids: Collection[str],
    memory: Memory,
    planner: Planner,
) -> Joined:
    """Pair everything that any side knows of; ``ids`` are those that the register names.

    Left out are items that another company's job booked in the same books, and those of jobs from
    before the first one of ours: another integration's.
    """
    ours = _Joining(pleo, memory, planner)
    pairs: list[Pair] = []
    foreign = 0
    every = sorted({*held, *pleo.of_item, *ids})
    for start in range(0, len(every), AT_ONCE):
        for known in _known(every[start : start + AT_ONCE], held, memory):
            if any(memory.is_others(part.job_id) for part in known.parts):
                continue
            if ours.is_foreign(known):
                foreign += 1
            else:
                pairs.append(ours.pair(known))
    return Joined(pairs=tuple(pairs), foreign=foreign)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the books and the register have of one item."""

    entry_id: str
    records: Sequence[Found]
    parts: Sequence[PartRecord]
    passages: Sequence[Passage]
    decision: Decision | None

    @property
    def booked(self) -> Mapping[Part, PartRecord]:
        """The newest booked attempt of each part."""
        return as_booked(self.parts)


def _known(
    ids: Sequence[str], held: Mapping[str, Sequence[Found]], memory: Memory
) -> Iterator[_Known]:
    parts, passages, decisions = memory.of(ids)
    for entry_id in ids:
        yield _Known(
            entry_id=entry_id,
            records=held.get(entry_id, ()),
            parts=parts.get(entry_id, ()),
            passages=passages.get(entry_id, ()),
            decision=next(reversed(decisions.get(entry_id, ())), None),
        )


@dataclass(frozen=True, slots=True)
class _Joining:
    """Makes pairs."""

    pleo: PleoSide
    memory: Memory
    planner: Planner

    def is_foreign(self, known: _Known) -> bool:
        """Whether only jobs from before our time have it."""
        first = self.memory.first_job
        if first is None or known.records or known.parts or known.passages:
            return False
        rows = self.pleo.of_item.get(known.entry_id, ())
        return all(self.pleo.job_by_id[row.export_job_id].created_at < first for row in rows)

    def pair(self, known: _Known) -> Pair:
        """Put everything about an item together."""
        newer = self.newer(known)
        expected, why = self.expected(known, newer)
        pair = Pair(
            entry_id=known.entry_id,
            told=self.told(known),
            expected=expected,
            records=tuple(known.records),
            intents=tuple(part.reference for part in known.parts if part.state in UNSETTLED),
            decision=self.decision(known, newer),
        )
        return pair if why is None else replace(pair, why_unknown=why)

    def told(self, known: _Known) -> Told | None:
        """Say what Pleo has: by the newest job that settled it, else by the newest."""
        rows = self.pleo.of_item.get(known.entry_id, ())
        final = next((row for row in rows if row.status in FINAL), None)
        return (
            (self.row(final) if final else None)
            or self.reported(known)
            or (self.row(rows[0]) if rows else None)
        )

    def row(self, row: ExportJobItem) -> Told:
        """Take Pleo's own word."""
        job = self.pleo.job_by_id[row.export_job_id]
        record = self.memory.jobs.get(job.id)
        return Told(
            status=row.status,
            job_id=job.id,
            external_id=row.external_id,
            failure=row.failure_reason,
            job_status=job.status,
            created_at=job.created_at,
            resumable=job.status == "in_progress" and started_by_us(job, record),
        )

    def reported(self, known: _Known) -> Told | None:
        """Take our own word for what Pleo took in a job that it does not list any more."""
        for passage in known.passages:
            if passage.reported and passage.status and passage.job_id not in self.pleo.job_by_id:
                job = self.memory.jobs.get(passage.job_id)
                return Told(
                    status=passage.status,
                    created_at=job.created_at if job else None,
                    job_id=passage.job_id,
                    source=Source.REGISTER,
                    external_id=passage.external_id,
                    failure=passage.failure_reason,
                )
        return None

    def newer(self, known: _Known) -> str | None:
        """Return the item as a later job than the one that booked it has it, if any."""
        there = self.pleo.payloads.get(known.entry_id)
        newest = there.job_id if there else self.kept_in(known)
        if newest is None or newest in {part.job_id for part in known.booked.values()}:
            return None
        return there.text if there else self.memory.payload(newest, known.entry_id)

    @staticmethod
    def kept_in(known: _Known) -> str | None:
        """Name the newest job that we kept a payload of the item from."""
        return next((each.job_id for each in known.passages if each.has_payload), None)

    def expected(self, known: _Known, newer: str | None) -> tuple[Expected | None, str | None]:
        """Say what the books should hold, or why nobody can tell."""
        booked = known.booked
        if booked:
            first = next(iter(booked.values()))
            was = partial(self.memory.payload, first.job_id, known.entry_id)
            return self.planner.kept(booked, newer, was), None
        if newer is None or not known.records:
            return None, None
        try:
            return self.planner.planned(newer, known.records), None
        except ItemFailure as failure:
            return None, f"it cannot be planned any more ({failure})"

    def decision(self, known: _Known, newer: str | None) -> Decision | None:
        """Return the last decision, where it is about the item as it is and still counts."""
        decision, booked = known.decision, known.booked.values()
        if decision is None:
            return None
        marks = {self.planner.mark(newer)} if newer else {part.fingerprint for part in booked}
        if decision.fingerprint and marks and decision.fingerprint not in marks:
            return None
        again = any(part.state is PartState.BOOKED for part in booked)
        return None if again and decision.kind is DecisionKind.REVERSE else decision

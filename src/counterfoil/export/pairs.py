"""One item as each side has it: what Pleo says, what the books hold, what they should hold.

Who reads the sides, and how they found each other, is left to the caller: ``reconcile`` pairs by
the references that the books carry; entries of another integration can be paired by their figures.
What a pair means is told by ``verdicts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

from counterfoil.bookkeeping.entries import Entry, Part, Reference
from counterfoil.register import Decision, DecisionKind
from counterfoil.systems.contract import Found

__all__ = ["Expected", "Pair", "Source", "Told"]


class Source(StrEnum):
    """Whose word something is."""

    PLEO = "pleo"
    """Pleo's, read now: an item's status, or its figures planned by the configuration of now."""
    REGISTER = "register"
    """Our copy: what Pleo took from us, or the entry as it was planned when it was booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What Pleo says of an item, by the newest job that settled it, else by the newest."""

    status: str
    """Pleo's own word."""
    job_id: str
    source: Source = Source.PLEO
    external_id: str | None = None
    """None: not said, or not to be compared."""
    failure: str | None = None
    job_status: str = ""
    """Pleo's word, where it still lists the job."""
    created_at: datetime | None = None
    """When the job was created, where that is known."""
    resumable: bool = False
    """Whether the job is in progress and ours."""

    @property
    def booked(self) -> bool:
        """Whether Pleo has the item as booked."""
        return self.status == "successful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The figures that the books should hold."""

    entries: tuple[Entry, ...]
    """By part; those of the register with the attempt that they were booked as."""
    source: Source
    changes: tuple[str, ...] = ()
    """What changed in Pleo since then."""
    pruned: tuple[Reference, ...] = ()
    """What was booked as well, but is not kept any more as it was planned."""
    now: tuple[Entry, ...] = ()
    """The item as it would be booked now, where it changed in Pleo and can be planned."""

    @property
    def parts(self) -> frozenset[Part]:
        """The parts that the item has."""
        return frozenset(
            each.part for each in (*(entry.reference for entry in self.entries), *self.pruned)
        )

    def of(self, record: Found) -> Entry | None:
        """Return the entry that a record should be, None where nobody has it."""
        wanted = record.reference
        if self.source is Source.REGISTER:
            return next((each for each in self.entries if each.reference == wanted), None)
        return next((each for each in self.entries if each.reference.part is wanted.part), None)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """All that is known of one item."""

    entry_id: str
    told: Told | None = None
    """None: Pleo lists no job with it, and took nothing from us."""
    expected: Expected | None = None
    records: tuple[Found, ...] = ()
    """What the books hold of it: every attempt and copy, live or not."""
    intents: tuple[Reference, ...] = ()
    """What was about to be written, without a word on what came of it."""
    decision: Decision | None = None
    """The newest one, where it is about the item as it is."""
    why_unknown: str = "Pleo gives no figures of a finished job, and we kept none"
    """Why nothing is expected, where nothing is."""

    @cached_property
    def live(self) -> tuple[Found, ...]:
        """The records that count."""
        return tuple(record for record in self.records if record.state.live)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is expected, if anything."""
        return self.expected.entries if self.expected else ()

    @property
    def told_booked(self) -> bool:
        """Whether Pleo has it as booked."""
        return self.told is not None and self.told.booked

    @property
    def days(self) -> tuple[date, ...]:
        """The days it is booked on, live records first, then those it should be booked on."""
        records = (*self.live, *self.records)
        return (*(one.date for one in records), *(entry.date for entry in self.entries))

    def decided(self, kind: DecisionKind) -> Decision | None:
        """Return what a person decided last, where it is of this kind."""
        return self.decision if self.decision and self.decision.kind is kind else None

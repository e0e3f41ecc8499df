"""What the register gives back: rows as frozen dataclasses; how payloads and entries are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import simplejson
from pydantic import TypeAdapter

from counterfoil.bookkeeping.entries import Entry, Part, Reference

__all__ = [
    "ItemOutcome",
    "JobRecord",
    "JobState",
    "KeptItem",
    "PartRecord",
    "PartState",
    "dump_entry",
    "dump_payload",
    "load_entry",
    "load_payload",
]


class JobState(StrEnum):
    """How far a job is for us."""

    CLAIMING = "claiming"
    """``started`` was sent, or is about to be, and no clear answer is on record."""
    RUNNING = "running"
    CLOSED = "closed"
    LOST = "lost"
    """It expired, was closed by a person, or another worker took it."""


class PartState(StrEnum):
    """How far a part is."""

    INTENDED = "intended"
    BOOKED = "booked"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    GONE = "gone"
    """It was booked and is in the books no more (deleted, voided or reversed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job that we claimed, or try to."""

    job_id: str
    connection: str
    company_id: str
    target: str
    state: JobState
    created_at: datetime
    first_sent_at: datetime
    outcome: str | None = None
    reason: str | None = None
    reason_type: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """What became of an item, as it is told to Pleo."""

    status: str
    external_id: str | None = None
    external_url: str | None = None
    exported_at: datetime | None = None
    failure_type: str | None = None
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptItem:
    """An item of a job: its payload as received, and our outcome once there is one."""

    job_id: str
    entry_id: str
    pleo_status: str
    sort_key: str
    payload: str | None
    outcome: ItemOutcome | None
    reported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRecord:
    """A part of an item with its intent and, once known, what became of it."""

    target: str
    reference: Reference
    state: PartState
    job_id: str
    fence: int
    fingerprint: str
    entry: str
    """As it was planned, JSON; empty once it was pruned."""
    intent_at: datetime
    external_id: str | None = None
    external_url: str | None = None
    booked_at: datetime | None = None
    failure_type: str | None = None
    failure_reason: str | None = None

    @property
    def part(self) -> Part:
        """Which part of the item this is."""
        return self.reference.part

    @property
    def planned(self) -> Entry | None:
        """The entry as it was planned; None once it was pruned."""
        return load_entry(self.entry) if self.entry else None


_ENTRY = TypeAdapter(Entry)


def dump_entry(entry: Entry) -> str:
    """Write a planned entry as JSON."""
    return _ENTRY.dump_json(entry).decode()


def load_entry(text: str) -> Entry:
    """Read a planned entry back."""
    return _ENTRY.validate_json(text)


def dump_payload(payload: Mapping[str, object]) -> str:
    """Write an export item as JSON, numbers digit by digit as they came."""
    return simplejson.dumps(payload, use_decimal=True, ensure_ascii=False, separators=(",", ":"))


def load_payload(text: str) -> dict[str, object]:
    """Read an export item back, every fraction a Decimal."""
    payload: dict[str, object] = simplejson.loads(text, parse_float=Decimal)
    return payload

"""Why an item was booked as it is, put together from what the register kept of it.

Nothing is planned anew and nobody is asked: it is the entry, the rules and the item as they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.bookkeeping.rules import RULES
from counterfoil.cli.shapes import entry_as_json, line_as_json
from counterfoil.register import Decision, JobRecord, KeptItem, PartRecord, Register
from counterfoil.register.records import load_payload

__all__ = ["Explanation", "Field", "Record", "Told", "explained", "explanation_as_json", "meaning"]

STEP = re.compile(r"[^.\[\]]+|\[\d*\]")
SETTING = "["
"""How a path begins that is no field of the item, but a key of the configuration."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that made a line, and its value as received; a setting has none."""

    path: str
    value: object = None

    @property
    def of_item(self) -> bool:
        """Whether it is the item's, not the configuration's."""
        return not self.path.startswith(SETTING)


@dataclass(frozen=True, slots=True)
class Record:
    """A part with the entry that was planned for it, and the item that it was made from."""

    part: PartRecord
    entry: Entry | None
    """None where it is not kept any more."""
    payload: Mapping[str, object] | None
    """None where it is not kept any more."""
    job: JobRecord | None

    def fields(self, line: Line) -> list[Field]:
        """Return the fields that made a line, with their values."""
        return [Field(path, _value(self.payload, path)) for path in line.fields]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the item in one job, as it was told to Pleo."""

    item: KeptItem
    job: JobRecord | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of an item."""

    entry_id: str
    records: Sequence[Record]
    told: Sequence[Told]
    decisions: Sequence[Decision]


def explained(register: Register, name: str, connection: str | None = None) -> list[Explanation]:
    """Explain the items that have this accountingEntryId, or this id in the books.

    With a ``connection``, only what its jobs did is told. Empty where the register knows none.
    """
    ids = {name} | register.parts.ids_booked_as(name) | register.items.ids_booked_as(name)
    found = [_explanation(register, entry_id, connection) for entry_id in sorted(ids)]
    return [each for each in found if each.records or each.told]


def _explanation(register: Register, entry_id: str, connection: str | None) -> Explanation:
    told = [
        Told(item, job)
        for item in register.items.of_entry(entry_id)
        for job in (register.jobs.get(item.job_id),)
        if job and connection in {None, job.connection}
    ]
    targets = dict.fromkeys(each.job.target for each in told if each.job)
    parts = [
        part
        for target in targets
        for part in register.parts.of(target, [entry_id]).get(entry_id, ())
    ]
    decisions = [
        decision
        for target in targets
        for decision in register.decisions.of(target, [entry_id]).get(entry_id, ())
    ]
    return Explanation(entry_id, [_record(register, part) for part in parts], told, decisions)


def _record(register: Register, part: PartRecord) -> Record:
    kept = register.items.get(part.job_id, part.reference.entry_id)
    payload = load_payload(kept.payload) if kept and kept.payload else None
    return Record(part, part.planned, payload, register.jobs.get(part.job_id))


def _value(payload: Mapping[str, object] | None, path: str) -> object:
    return None if path.startswith(SETTING) else _at(payload, STEP.findall(path))


def _at(value: object, steps: Sequence[str]) -> object:
    """Follow a path; ``[]`` stands for every element of a list."""
    if not steps:
        return value
    step, *rest = steps
    if isinstance(value, Mapping):
        return _at(value.get(step), rest)
    if not isinstance(value, list):
        return None
    if step == "[]":
        return [_at(each, rest) for each in value]
    index = step.strip("[]")
    return _at(value[int(index)], rest) if index.isdigit() and int(index) < len(value) else None


def meaning(line: Line) -> str:
    """Say what the rule of a line does."""
    return RULES.get(line.rule, "a rule of another version of Counterfoil")


def explanation_as_json(found: Explanation) -> dict[str, object]:
    """Shape an explanation for machines, entries and lines as in a plan."""
    return {
        "accountingEntryId": found.entry_id,
        "entries": [_record_as_json(record) for record in found.records],
        "told": [_told_as_json(told) for told in found.told],
        "decisions": [
            {
                "kind": str(decision.kind),
                "madeAt": decision.made_at.isoformat(),
                "madeBy": decision.made_by,
                "reference": decision.reference,
            }
            for decision in found.decisions
        ],
    }


def _record_as_json(record: Record) -> dict[str, object]:
    part, entry = record.part, record.entry
    names = {"accountingEntryId": part.reference.entry_id, "part": str(part.part)}
    return {
        **(entry_as_json(entry) if entry else names),
        "lines": [_line_as_json(record, line) for line in entry.lines] if entry else None,
        "attempt": part.reference.attempt,
        "state": str(part.state),
        "target": part.target,
        "externalId": part.external_id,
        "externalUrl": part.external_url,
        "intendedAt": part.intent_at.isoformat(),
        "bookedAt": part.booked_at.isoformat() if part.booked_at else None,
        "failureReasonType": part.failure_type,
        "failureReason": part.failure_reason,
        "jobId": part.job_id,
        "connection": record.job.connection if record.job else None,
        "itemKept": record.payload is not None,
    }


def _line_as_json(record: Record, line: Line) -> dict[str, object]:
    fields = [
        {"path": field.path, "value": field.value} if field.of_item else {"path": field.path}
        for field in record.fields(line)
    ]
    return {**line_as_json(line), "meaning": meaning(line), "fields": fields}


def _told_as_json(told: Told) -> dict[str, object]:
    item, outcome = told.item, told.item.outcome
    exported = outcome.exported_at if outcome else None
    return {
        "jobId": item.job_id,
        "connection": told.job.connection if told.job else None,
        "status": outcome.status if outcome else item.pleo_status,
        "reported": item.reported,
        "externalId": outcome.external_id if outcome else None,
        "externalUrl": outcome.external_url if outcome else None,
        "exportedAt": exported.isoformat() if exported else None,
        "failureReasonType": outcome.failure_type if outcome else None,
        "failureReason": outcome.failure_reason if outcome else None,
    }

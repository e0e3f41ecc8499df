"""What a check found: each old thing once, with what it becomes and every place that uses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from counterfoil.bridge.old_api import Mark, old_api

__all__ = ["Hit", "Kind", "Place", "Report", "Skipped", "Use", "gather"]

TEXT = 160
"""So much of a line is shown."""


class Kind(StrEnum):
    """What sort of thing of the old API."""

    ENDPOINT = "endpoint"
    FIELD = "field"
    TYPE = "type"
    STATUS = "status"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file (from 1)."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One old thing at one place; not ``certain`` where the word alone could be another's."""

    kind: Kind
    old: str
    place: Place
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was not read, and why."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Use:
    """An old thing that the program uses."""

    kind: Kind
    old: str
    new: str | None
    """What it becomes; None: it has no equivalent."""
    mark: Mark
    reason: str
    certain: bool
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that a check found."""

    path: str
    files: int
    uses: tuple[Use, ...]
    skipped: tuple[Skipped, ...]

    def without_equivalent(self) -> Iterator[Use]:
        """Give what has to be done without."""
        return (use for use in self.uses if use.new is None)


def gather(hits: Iterable[Hit]) -> tuple[Use, ...]:
    """Put hits together by what they hit, in the order of the old API's tables."""
    found: dict[tuple[Kind, str], list[Hit]] = {}
    for hit in hits:
        found.setdefault((hit.kind, hit.old), []).append(hit)
    return tuple(
        Use(
            kind=kind,
            old=old,
            new=new,
            mark=mark,
            reason=reason,
            certain=any(hit.certain for hit in found[kind, old]),
            places=tuple(dict.fromkeys(hit.place for hit in found[kind, old])),
        )
        for kind, old, new, mark, reason in _known()
        if (kind, old) in found
    )


def _known() -> Iterator[tuple[Kind, str, str | None, Mark, str]]:
    api = old_api()
    for endpoint in api.endpoints:
        served = "" if endpoint.bridge else " (not served by the bridge)"
        yield Kind.ENDPOINT, endpoint.old, endpoint.new, endpoint.mark, endpoint.reason + served
    for field in api.expense_fields:
        yield Kind.FIELD, field.old, field.new, field.mark, field.reason
    for old in dict.fromkeys(row.old for row in api.types):
        rows = [row for row in api.types if row.old == old]
        reason = " ".join(f"{row.new}: {row.reason}" for row in rows)
        yield Kind.TYPE, old, ", ".join(row.new for row in rows), Mark.OTHER_FORM, reason
    for status in api.statuses:
        yield Kind.STATUS, status.old, f"item status {status.new}", status.mark, status.reason
    for state in api.states:
        mark = Mark.OTHER_FORM if state.new else Mark.NONE
        yield Kind.STATE, state.old, state.new, mark, state.reason

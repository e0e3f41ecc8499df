"""What became of the old Expenses API, as data: fields, types, statuses, states and endpoints.

Source: Pleo's migration guide and the reference of the deprecated API, kept in ``old_api.json``.
Where Pleo is silent (which of seven old types a new type was), the reason says what it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

__all__ = [
    "EndpointRow",
    "FieldRow",
    "Mark",
    "OldApi",
    "StateRow",
    "StatusRow",
    "TypeRow",
    "old_api",
]


class Mark(StrEnum):
    """How an old thing and its successor are related, by Pleo's own marks."""

    SAME = "same"
    OTHER_FORM = "other_form"
    """The same data in another form (``*`` in Pleo's table)."""
    RESOLVED = "resolved"
    """The object itself is included now (``**`` in Pleo's table)."""
    NONE = "none"
    """It has no equivalent (a dash in Pleo's table)."""


class Row(BaseModel):
    """What all rows share: why it is so, for whoever has to change a program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str


class FieldRow(Row):
    """A field of the old ``Expense`` and where it is in the export item."""

    old: str
    new: str | None
    mark: Mark


class TypeRow(Row):
    """A type of the Export API and the old type it is shown as."""

    new: str
    old: str


class StatusRow(Row):
    """An old status and the status of a job item."""

    old: str
    new: str
    mark: Mark


class StateRow(Row):
    """An old state of a card's movement and what tells it now."""

    old: str
    new: str | None


class EndpointRow(Row):
    """An old endpoint, its successor, and whether the bridge serves it."""

    old: str
    new: str
    mark: Mark
    bridge: bool


class OldApi(BaseModel):
    """All that is known of the old API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    expense_fields: Sequence[FieldRow]
    types: Sequence[TypeRow]
    statuses: Sequence[StatusRow]
    states: Sequence[StateRow]
    endpoints: Sequence[EndpointRow]

    @property
    def absent(self) -> Mapping[str, str]:
        """The fields without an equivalent that are null in every expense, and why."""
        return {
            row.old: row.reason
            for row in self.expense_fields
            if row.mark is Mark.NONE and row.old != "status"
        }

    @property
    def old_types(self) -> Mapping[str, str]:
        """The old type of each new one."""
        return {row.new: row.old for row in self.types}


@cache
def old_api() -> OldApi:
    """Return the old API, read from the package's data."""
    text = files(__package__).joinpath("old_api.json").read_text("utf-8")
    return OldApi.model_validate_json(text)

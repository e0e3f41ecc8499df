"""What a run tells whoever started it: connections, their jobs, and the items of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from counterfoil.register import KeptItem

__all__ = ["ConnectionReport", "ItemReport", "JobReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReport:
    """One item and its outcome; ``status`` is Pleo's own word where we have no outcome."""

    entry_id: str
    status: str
    external_id: str | None = None
    external_url: str | None = None
    failure_type: str | None = None
    failure_reason: str | None = None

    @classmethod
    def of(cls, item: KeptItem) -> ItemReport:
        """Read an item of the register."""
        outcome = item.outcome
        if outcome is None:
            return cls(entry_id=item.entry_id, status=item.pleo_status)
        return cls(
            entry_id=item.entry_id,
            status=outcome.status,
            external_id=outcome.external_id,
            external_url=outcome.external_url,
            failure_type=outcome.failure_type,
            failure_reason=outcome.failure_reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """A job that was run: its outcome as in ``JobResult``, why, its items, what the books fault."""

    job_id: str
    outcome: str
    reason: str | None
    items: tuple[ItemReport, ...]
    faults: tuple[str, ...] = ()

    @property
    def failed_items(self) -> int:
        """How many of its items failed."""
        return sum(item.status == "failed" for item in self.items)

    @property
    def worked(self) -> bool:
        """Whether the job was done: items that failed are outcomes, a job failed whole is none."""
        if self.outcome == "failed":
            return bool(self.items) and self.failed_items == len(self.items)
        return self.outcome not in {"lost", "interrupted"} and not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionReport:
    """A connection after a run: what broke it, its jobs, and jobs that others have under way."""

    name: str
    error: str | None = None
    jobs: tuple[JobReport, ...] = ()
    foreign: tuple[str, ...] = ()
    waiting: str | None = None
    """Why it goes on later: the books are away, or Pleo asks for more patience than a run has."""
    books_away: bool = False
    """Whether it waits for the accounting system, with a pending job left unclaimed."""
    busy: bool = False
    """Whether ``error`` is none of the connection's own: another process is at it, or the register
    is away."""
    paused: str | None = None
    """Since when a person paused it, and how it goes on; nothing was looked for."""

    @property
    def worked(self) -> bool:
        """Whether it did its work: no error, nothing that waits, no job failed."""
        return self.error is None and self.waiting is None and all(job.worked for job in self.jobs)

"""What the register remembers of a company and a book, for a reconciliation; or that it is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from counterfoil.register import Decision, JobRecord, PartRecord, Register
from counterfoil.register.history import History, Passage

__all__ = ["Memory"]


@dataclass(frozen=True)
class Memory:
    """The register as far as it concerns a company and a book; empty where there is none."""

    register: Register | None
    target: str
    company_id: str
    jobs: Mapping[str, JobRecord] = field(default_factory=dict)
    """Of every company: books may be shared."""

    @classmethod
    def read(cls, register: Register | None, target: str, company_id: str) -> Memory:
        """Read the jobs."""
        jobs = register.jobs.all() if register else ()
        return cls(register, target, company_id, {job.job_id: job for job in jobs})

    @cached_property
    def first_job(self) -> datetime | None:
        """When the oldest job that we know of the company was created; None: we know of none."""
        ours = (job for job in self.jobs.values() if job.company_id == self.company_id)
        return min((job.created_at for job in ours), default=None)

    def is_others(self, job_id: str) -> bool:
        """Whether a job is known as another company's."""
        job = self.jobs.get(job_id)
        return job is not None and job.company_id != self.company_id

    def ids(self, since: datetime | None) -> set[str]:
        """Return the company's items that were to be booked from a time on."""
        if self.register is None:
            return set()
        owners = History(self.register.database).owners(self.target, since)
        return {entry_id for entry_id, job_id in owners.items() if not self.is_others(job_id)}

    def of(
        self, ids: Sequence[str]
    ) -> tuple[
        Mapping[str, Sequence[PartRecord]],
        Mapping[str, Sequence[Passage]],
        Mapping[str, Sequence[Decision]],
    ]:
        """Return parts, passages through jobs and decisions of some items, by item."""
        if self.register is None:
            return {}, {}, {}
        return (
            self.register.parts.of(self.target, ids),
            History(self.register.database).of(ids),
            self.register.decisions.of(self.target, ids),
        )

    def payload(self, job_id: str, entry_id: str) -> str | None:
        """Return an item as a job held it, where that is kept."""
        kept = self.register.items.get(job_id, entry_id) if self.register else None
        return kept.payload if kept else None

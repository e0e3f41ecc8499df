"""All that the sandbox remembers, and the ways a test or a person at the desk sets it up.

A state is used by one server's thread and by whoever set it up; ``lock`` keeps them apart.
Rules of jobs are ``lifecycle``'s, the wire is ``app``'s.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.responses import Response

from counterfoil.sandbox import lifecycle
from counterfoil.sandbox.clock import Clock
from counterfoil.sandbox.grants import Grants
from counterfoil.sandbox.hooks import Hook
from counterfoil.sandbox.items import build_item
from counterfoil.sandbox.model import SCOPES, AccountingEntry, ApiKey, Item, Job, LogEntry, Receipt
from counterfoil.sandbox.outbox import Outbox

if TYPE_CHECKING:
    from counterfoil.sandbox.faults import Fault

__all__ = ["DEFAULT_COMPANY", "Company", "State"]

DEFAULT_COMPANY = "12abc3d4-e567-890e-1234-abc56e78fabc"


@dataclass
class Company:
    """A company of Pleo's: its accounting entries, and what its settings lack."""

    id: str
    name: str
    api_key: str
    state: State = field(repr=False)
    entries: dict[str, AccountingEntry] = field(default_factory=dict)
    missing_contra_accounts: set[str] = field(default_factory=set)
    """Wallet currencies without a contra account; an export that needs one is refused."""
    installation: Item | None = None

    def add_item(
        self,
        item: Mapping[str, Any] | None = None,
        *,
        receipts: Iterable[Receipt] = (),
        vendor_fields: Mapping[str, Any] | None = None,
        **fields: Any,  # noqa: ANN401 -- build_item's own, which type them
    ) -> str:
        """Queue an expense, whole or from ``build_item``'s fields, and return its id."""
        payload = dict(item) if item is not None else self.build(**fields)
        entry = AccountingEntry(payload, tuple(receipts), dict(vendor_fields or {}))
        with self.state.lock:
            self.entries[entry.id] = entry
        return entry.id

    def build(self, **fields: Any) -> Item:  # noqa: ANN401 -- build_item's own, which type them
        """Make an item of this company with ``build_item`` without queueing it."""
        fields.setdefault("id", self.state.new_id())
        fields.setdefault("date", self.state.clock.now() - timedelta(days=1))
        return build_item(company_id=self.id, **fields)

    def add_items(self, count: int, **fields: Any) -> list[str]:  # noqa: ANN401 -- as above
        """Queue ``count`` expenses that differ in their ids only."""
        return [self.add_item(**fields) for _ in range(count)]

    def queued(self) -> list[str]:
        """Return the ids that "export all queued" would take, in order."""
        return [
            entry.id
            for entry in self.entries.values()
            if not entry.exported and entry.job_id is None
        ]


class State:
    """Companies, jobs, keys, the clock and the log of one sandbox."""

    def __init__(self, *, clock: Clock | None = None, seed: int | None = None) -> None:
        """Start empty; with a seed, ids are the same every time."""
        self.clock = clock or Clock()
        self.companies: dict[str, Company] = {}
        self.jobs: dict[str, Job] = {}
        self.keys: dict[str, ApiKey] = {}
        self.oauth = Grants(self.clock)
        self.hooks: dict[str, Hook] = {}
        """Webhook subscriptions, by their ids."""
        self.events: list[LogEntry] = []
        self.faults: list[Fault] = []
        self.last_pages: dict[str, Response] = {}
        """The page last served of each list, for the fault that serves it again."""
        self.on_change: Callable[[], None] = _nothing
        """Called after each request that may have changed something."""
        self.page_size = 100
        self.max_page_size = 1000
        self.refuse_reasons_with_errors = False
        """Answer 400 to reasons on ``completed_with_errors``, as the schema's text has it."""
        self.signing_key = secrets.token_bytes(16)
        self.lock = RLock()
        self.outbox = Outbox(self)
        """Sends webhooks."""
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 -- ids to reproduce

    def new_id(self) -> str:
        """Return a fresh version 4 UUID."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def note(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 -- LogEntry's own fields
        """Write a line into the log."""
        self.events.append(LogEntry(at=self.clock.now(), kind=kind, **fields))

    def count(self, kind: str, value: str | None = None, job_id: str | None = None) -> int:
        """Count lines of the log, such as the accepted ``started`` events of one job."""
        return sum(
            entry.kind == kind
            and (value is None or entry.value == value)
            and (job_id is None or entry.job_id == job_id)
            for entry in self.events
        )

    def add_company(
        self, name: str = "Acme", company_id: str | None = None, api_key: str | None = None
    ) -> Company:
        """Add a company with an API key that may do everything for it."""
        secret = api_key or f"key-{self.new_id()}"
        company = Company(company_id or self.new_id(), name, secret, self)
        with self.lock:
            self.companies[company.id] = company
        self.add_key(company.id, secret=secret)
        return company

    def add_key(
        self,
        company_id: str | None,
        *,
        scopes: Iterable[str] = SCOPES,
        secret: str | None = None,
    ) -> str:
        """Add an API key (or access token) for a company, or for the organisation (None)."""
        key = ApiKey(secret or f"key-{self.new_id()}", company_id, frozenset(scopes))
        with self.lock:
            self.keys[key.secret] = key
        return key.secret

    def revoke_key(self, secret: str) -> None:
        """Make a key unknown."""
        with self.lock:
            self.keys.pop(secret, None)

    def queue_job(
        self,
        company_id: str,
        entry_ids: Sequence[str] | None = None,
        *,
        vendor_based: bool = False,
        age: timedelta = timedelta(0),
    ) -> str:
        """Click Export in Pleo's web app, for all queued expenses or the given ones.

        Unlike the API this allows several open jobs of a company. ``age`` makes a job that was
        created earlier. Returns the job's id.
        """
        with self.lock:
            company = self.companies[company_id]
            chosen = company.queued() if entry_ids is None else entry_ids
            job = lifecycle.create(self, company, chosen, vendor_based=vendor_based)
            job.created_at -= age
            job.last_updated_at -= age
            return job.id

    def job(self, job_id: str) -> Job:
        """Return a job as it is now (expired, if its time is over)."""
        with self.lock:
            job = self.jobs[job_id]
            lifecycle.expire_when_due(self, job)
            return job

    def jobs_of(self, company_ids: Iterable[str]) -> list[Job]:
        """Return the jobs of these companies, newest first."""
        with self.lock:
            wanted = set(company_ids)
            found = [self.job(job.id) for job in self.jobs.values() if job.company_id in wanted]
            found.reverse()
            return sorted(found, key=lambda job: job.created_at, reverse=True)

    def expire(self, job_id: str) -> None:
        """Let a job's time run out now."""
        with self.lock:
            lifecycle.expire(self, self.jobs[job_id], self.clock.now())

    def close(self, job_id: str) -> None:
        """Cancel a job as a person does in Pleo's web app."""
        with self.lock:
            lifecycle.cancel(self, self.jobs[job_id])

    def edit_item(self, entry_id: str, changes: Mapping[str, Any]) -> None:
        """Replace keys of an expense's payload and queue it again; refused while a job holds it."""
        with self.lock:
            entry = self.entry(entry_id)
            if entry.job_id is not None:
                raise lifecycle.LockedByJob(entry_id, entry.job_id)
            entry.change(dict(changes))
            entry.exported = False
            self.note("edited", entry_id=entry_id)

    def entry(self, entry_id: str) -> AccountingEntry:
        """Return an accounting entry of whichever company; raises KeyError."""
        for company in self.companies.values():
            if entry_id in company.entries:
                return company.entries[entry_id]
        raise KeyError(entry_id)


def _nothing() -> None:
    """Keep the state in memory alone."""

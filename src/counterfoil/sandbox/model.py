"""The things a Pleo keeps: accounting entries with receipts, jobs with their items, keys, a log.

Plain data and how it looks on the wire; who may change what is ``lifecycle``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import simplejson

from counterfoil.sandbox.clock import stamp

__all__ = [
    "FINAL_ITEM_STATUSES",
    "OPEN_JOB_STATUSES",
    "SCOPES",
    "AccountingEntry",
    "ApiKey",
    "Item",
    "Job",
    "JobItem",
    "LogEntry",
    "Receipt",
    "encode",
]

Item: TypeAlias = dict[str, Any]
"""JSON as Pleo sends it; amounts are int or Decimal, in hundredths."""

SCOPES = frozenset({"export-jobs:read", "export-jobs:write", "export-items:read"})
OPEN_JOB_STATUSES = frozenset({"pending", "in_progress"})
FINAL_ITEM_STATUSES = frozenset({"successful", "failed", "abandoned"})
EXPIRES_IN = 3600
"""Seconds from a job's last update until it is dead."""


def encode(value: object) -> bytes:
    """Write JSON, Decimals exactly; half a surrogate pair stays an escape."""
    text = simplejson.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential: its scopes, and the one company it may see (None: the whole organisation)."""

    secret: str
    company_id: str | None
    scopes: frozenset[str] = SCOPES


@dataclass(frozen=True, slots=True)
class Receipt:
    """A document of an expense; ``announced`` is the size the item claims, where it lies."""

    data: bytes
    type: str = "application/pdf"
    announced: int | None = None

    def as_json(self, url: str) -> Item:
        """Return the item's ``files`` element."""
        size = len(self.data) if self.announced is None else self.announced
        return {"url": url, "type": self.type, "size": size}


@dataclass(slots=True)
class AccountingEntry:
    """An expense to export. ``item`` is its payload; receipts become its ``files`` when served."""

    item: Item
    receipts: tuple[Receipt, ...] = ()
    vendor_fields: Item = field(default_factory=dict)
    """Keys that a job with vendor based bookkeeping sees in place of the item's own."""
    exported: bool = False
    job_id: str | None = None
    """The job that holds (locks) it."""
    withheld: bool = False
    """Listed in the control layer, but without payload in the data layer."""
    _encoded: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """Pleo's accounting entry id."""
        return str(self.item["accountingEntryId"])

    def change(self, changes: Item) -> None:
        """Replace top-level keys of the payload."""
        self.item = {**self.item, **changes}
        self._encoded.clear()

    def payload(self, url_of: Callable[[str, int], str], *, vendor_based: bool) -> bytes:
        """Return the item as JSON; ``url_of(entry id, index)`` gives each receipt its URL."""
        body = (
            self.remembered("vendor based", _vendor_based)
            if vendor_based
            else self.remembered("plain", _plain)
        )
        if not self.receipts:
            return body
        files = [each.as_json(url_of(self.id, at)) for at, each in enumerate(self.receipts)]
        return b"%s,%s" % (body[:-1], encode({"files": files})[1:])

    def remembered(self, name: str, make: Callable[[AccountingEntry], bytes]) -> bytes:
        """Return what was made of it under a name, making it only once until it changes."""
        if name not in self._encoded:
            self._encoded[name] = make(self)
        return self._encoded[name]


def _plain(entry: AccountingEntry) -> bytes:
    return _without_files(entry, entry.item)


def _vendor_based(entry: AccountingEntry) -> bytes:
    return _without_files(entry, {**entry.item, **entry.vendor_fields})


def _without_files(entry: AccountingEntry, shown: Item) -> bytes:
    """Write a payload; where there are receipts, their URLs are added when it is served."""
    if entry.receipts:
        shown = {key: value for key, value in shown.items() if key != "files"}
    return encode(shown)


@dataclass(slots=True)
class JobItem:
    """An accounting entry inside a job (the control layer), and what was reported about it."""

    id: str
    status: str = "pending"
    exported_at: str | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the status is final."""
        return self.status in FINAL_ITEM_STATUSES

    def as_json(self, job_id: str) -> Item:
        """Return the row of ``GET /v3/export-jobs/{jobId}/items``, nulls as Pleo's samples show."""
        return {
            "exportJobId": job_id,
            "accountingEntryId": self.id,
            "status": self.status,
            "externalId": self.external_id,
            "externalUrl": self.external_url,
            "failureReasonType": self.failure_reason_type,
            "failureReason": self.failure_reason,
            "exportedAt": self.exported_at,
        }


@dataclass(slots=True)
class Job:
    """A bookkeeper's click on Export: its items in order, its status, its times."""

    id: str
    company_id: str
    created_at: datetime
    last_updated_at: datetime
    items: dict[str, JobItem]
    status: str = "pending"
    created_by: str | None = None
    expires_in: int = EXPIRES_IN
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expired_at: datetime | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None
    is_interactive: bool = True
    vendor_based: bool = False
    strays: list[Item] = field(default_factory=list)
    """Payloads the data layer serves although the control layer does not list them."""

    @property
    def open(self) -> bool:
        """Whether the job is pending or in progress."""
        return self.status in OPEN_JOB_STATUSES

    @property
    def expires_at(self) -> datetime:
        """When the job dies unless something is reported before."""
        return self.last_updated_at + timedelta(seconds=self.expires_in)

    def as_json(self) -> Item:
        """Return the job as ``GET /v3/export-jobs/{jobId}`` shows it."""
        return {
            "id": self.id,
            "createdBy": self.created_by,
            "companyId": self.company_id,
            "numberOfItems": len(self.items),
            "status": self.status,
            "expiresIn": self.expires_in,
            "createdAt": stamp(self.created_at),
            "startedAt": _stamp(self.started_at),
            "lastUpdatedAt": stamp(self.last_updated_at),
            "completedAt": _stamp(self.completed_at),
            "expiredAt": _stamp(self.expired_at),
            "failureReasonType": self.failure_reason_type,
            "failureReason": self.failure_reason,
            "isInteractive": self.is_interactive,
            "vendorBasedBookkeeping": self.vendor_based,
        }


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One thing that happened.

    ``kind`` is ``request`` (with method, path, status; status 0: no answer was sent), ``event``
    (accepted; ``value`` is the event), ``update`` (accepted row; ``value`` is the status),
    ``expired``, ``created``, ``closed``, ``edited``, ``fault``, or ``authorised``, ``refreshed``,
    ``revoked`` (``value`` is the authorisation).
    """

    at: datetime
    kind: str
    job_id: str | None = None
    entry_id: str | None = None
    value: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None

    def as_json(self) -> Item:
        """Return it with its time as text, without the fields that do not apply."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name != "at"}
        return {"at": stamp(self.at)} | {k: v for k, v in shown.items() if v is not None}

"""The calls of Pleo's Export API v3 that an export needs, as one async client for one company.

It reads whole lists, repeats GET and PUT where that is harmless, and never repeats an event or a
POST. What to do about an answer is left to ``counterfoil.export``; webhook subscriptions are
``subscriptions``'s.
Source: Pleo Export API v3, OpenAPI 32.1.0; Marketplace installations for ``installation``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
import structlog

from counterfoil.pleo.calling import PAGE_SIZE, Calls, json_body
from counterfoil.pleo.errors import PleoMalformed, PleoNotFound
from counterfoil.pleo.models import ExportJob, ExportJobItem, ItemUpdate, ItemUpdateResult
from counterfoil.pleo.retry import Retries
from counterfoil.pleo.subscriptions import Subscriptions
from counterfoil.pleo.transport import Exchange, Request
from counterfoil.pleo.wire import Json, parse_json, read_as

__all__ = ["PAGE_SIZE", "UPDATE_LIMIT", "PleoClient"]

UPDATE_LIMIT = 100
"""The most rows one PUT of outcomes may hold (413 EXPORT_JOB_ITEMS_UPDATE_LIMIT)."""

_log = structlog.get_logger(__name__)


class PleoClient:
    """Pleo's Export API v3 for one company; use it as an async context manager.

    ``timeout`` seconds bound each request as a whole. Every call may raise ``PleoError``; GET and
    PUT have been repeated before (see ``Retries``), the others are sent once.
    """

    def __init__(  # noqa: PLR0913 -- each is a setting of its own
        self,
        base_url: str,
        auth: httpx.Auth,
        *,
        company_id: str,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        retries: Retries | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take Pleo's base URL, our credentials and the company; raises ConfigurationError.

        ``ca_file`` holds certificates of authorities that are trusted beside the public ones.
        """
        self.company_id = company_id
        self._exchange = Exchange(
            base_url, auth, timeout=timeout, transport=transport, ca_file=ca_file
        )
        self._calls = Calls(self._exchange, retries or Retries())
        self.subscriptions = Subscriptions(self._calls)
        """The webhook subscriptions that these credentials may see."""

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._exchange.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        await self._exchange.__aexit__(kind, error, trace)

    @property
    def base_url(self) -> str:
        """Pleo's base URL, without a slash at its end."""
        return self._exchange.base_url

    @property
    def server_date(self) -> datetime | None:
        """Pleo's clock as of its last answer (whole seconds, UTC); None before one said it."""
        return self._exchange.server_date

    async def list_jobs(self, statuses: Sequence[str]) -> list[ExportJob]:
        """Return all export jobs of this company in these statuses, in Pleo's order."""
        query = [("company_id", self.company_id), *(("statuses", status) for status in statuses)]
        pages = self._calls.pages("list_jobs", "/v3/export-jobs", query, "id")
        rows = [row async for page in pages for row in page]
        return [job for job in map(_readable_job, rows) if job and self._is_ours(job)]

    def _is_ours(self, job: ExportJob) -> bool:
        if job.company_id.lower() == self.company_id.lower():
            return True
        _log.warning("pleo.foreign_job_ignored", job=job.id, company=job.company_id)
        return False

    async def get_job(self, job_id: str) -> ExportJob:
        """Return one export job; raises PleoNotFound for an unknown one or another company's."""
        request = Request(operation="get_job", method="GET", path=_job_path(job_id))
        job = _job(await self._calls.repeat(request), request)
        if not self._is_ours(job):
            raise PleoNotFound(f"Job {job_id} is not of company {self.company_id}.")
        return job

    async def create_job(
        self, entry_ids: Sequence[str], *, vendor_based: bool = False
    ) -> ExportJob:
        """Export these accounting entries, as the button in Pleo does; sent once.

        Raises PleoConflict while another export of the company runs, MissingContraAccounts.
        """
        body = {"companyId": self.company_id, "accountingEntryIds": list(entry_ids)}
        options = {"options": {"vendorBasedBookkeeping": True}} if vendor_based else {}
        request = Request(
            operation="create_job",
            method="POST",
            path="/v3/export-jobs",
            body=json_body(body | options),
        )
        return _job(parse_json(await self._calls.once(request)), request)

    async def send_event(
        self,
        job_id: str,
        event: str,
        failure_reason: str | None = None,
        failure_reason_type: str | None = None,
    ) -> None:
        """Send started, completed, completed_with_errors or failed, once; returns on 202.

        Raises PleoUnprocessable where the job's state does not allow it, and PleoUnanswered where
        nobody can know from the answer: then the job must be read.
        """
        body = {
            "jobId": job_id,
            "event": event,
            "failureReason": failure_reason,
            "failureReasonType": failure_reason_type,
        }
        await self._calls.once(
            Request(
                operation="send_event",
                method="POST",
                path="/v3/export-job-events",
                body=json_body({key: value for key, value in body.items() if value is not None}),
                status_is_enough=True,
                accepted=HTTPStatus.ACCEPTED,
            )
        )

    async def list_job_items(self, job_id: str) -> list[ExportJobItem]:
        """Return every item of a job once, in Pleo's order (the control layer)."""
        path = f"{_job_path(job_id)}/items"
        pages = self._calls.pages("list_job_items", path, [], "accountingEntryId")
        return [
            read_as(ExportJobItem, row, "list_job_items") async for page in pages for row in page
        ]

    async def export_item_pages(self, job_id: str) -> AsyncIterator[list[dict[str, object]]]:
        """Yield the payloads of a job's items a page at a time, each item once (the data layer).

        Payloads are JSON as Pleo sent it, numbers with a fraction as Decimal. A row that is no
        object or has no id is left out with a log. Raises PleoUnprocessable for a finished job.
        """
        pages = self._calls.pages(
            "list_export_items", "/v3/export-items", [("job_id", job_id)], "accountingEntryId"
        )
        async for page in pages:
            yield [dict(row) for row in page if isinstance(row, dict)]

    async def update_items(self, job_id: str, rows: Sequence[ItemUpdate]) -> ItemUpdateResult:
        """Report the outcome of up to 100 items; look at ``errors``: a 200 may refuse single rows.

        Repeating it is harmless. Raises ValueError for more than 100 rows or a time without zone.
        """
        if len(rows) > UPDATE_LIMIT:
            raise ValueError(f"{len(rows)} rows in one update; Pleo takes {UPDATE_LIMIT}")
        request = Request(
            operation="put_items",
            method="PUT",
            path=f"{_job_path(job_id)}/items",
            body=json_body([_update_row(row) for row in rows]),
        )
        return read_as(ItemUpdateResult, await self._calls.repeat(request), str(request))

    async def installation(self, company_id: str | None = None) -> Mapping[str, Json]:
        """Return this integration's installation: its status, and the company as ``resource``.

        A credential of the organisation must name the company. PleoNotFound before it is made.
        """
        request = _installation("GET", "get_installation", company_id)
        return _object(await self._calls.repeat(request), request)

    async def install(self, company_id: str | None = None) -> Mapping[str, Json]:
        """Make this integration's installation and return it, as an API key must; sent once."""
        request = _installation("POST", "create_installation", company_id, {"status": "ACTIVATED"})
        return _object(parse_json(await self._calls.once(request)), request)

    async def activate(self) -> None:
        """Say that the installation, which OAuth's consent has made, works now; sent once."""
        request = Request(
            operation="activate_installation",
            method="POST",
            path="/v1/installations/me:activate",
            status_is_enough=True,
        )
        await self._calls.once(request)


def _installation(
    method: str, operation: str, company_id: str | None, body: Mapping[str, str] | None = None
) -> Request:
    return Request(
        operation=operation,
        method=method,
        path="/v1/installations/me",
        query=[("company_id", company_id)] if company_id else [],
        body=json_body(body) if body else None,
    )


def _object(value: Json, request: Request) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise PleoMalformed(f"Pleo's answer to {request} is no object.")
    return value


def _job_path(job_id: str) -> str:
    """Return the path of a job, whatever its id holds."""
    return f"/v3/export-jobs/{quote(job_id, safe='')}"


def _readable_job(row: Json) -> ExportJob | None:
    """Read a job of a list; one that cannot be read must not keep the others waiting."""
    try:
        return read_as(ExportJob, row, "list_jobs")
    except PleoMalformed as error:
        _log.warning("pleo.unreadable_job_ignored", reason=str(error))
        return None


def _job(value: Json, request: Request) -> ExportJob:
    """Take the job out of its ``data`` wrapper."""
    data = value.get("data") if isinstance(value, dict) else None
    return read_as(ExportJob, data, str(request))


def _update_row(row: ItemUpdate) -> dict[str, str]:
    """Write a row without its null keys, times as whole seconds in UTC."""
    wire = row.model_dump(by_alias=True, exclude_none=True, exclude={"exported_at"})
    if row.exported_at is None:
        return wire
    if row.exported_at.utcoffset() is None:
        raise ValueError(f"{row.accounting_entry_id}: exportedAt needs a time zone")
    moment = row.exported_at.astimezone(UTC)
    return wire | {"exportedAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}

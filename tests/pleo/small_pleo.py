"""A Pleo of a hundred lines: enough state to talk to over real HTTP, by the contract."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

COMPANY = "12abc3d4-e567-490e-9234-abc56e78fabc"
FINAL = {"completed", "completed_with_errors", "failed"}


def entry_id(number: int) -> str:
    """Return the id of the n-th expense."""
    return str(UUID(int=number, version=4))


def a_job(number: int = 1, **changes: object) -> dict[str, Any]:
    """Build an export job as Pleo shows it."""
    return {
        "id": str(UUID(int=number + 10**6, version=4)),
        "companyId": COMPANY,
        "createdBy": entry_id(0),
        "status": "pending",
        "createdAt": "2026-04-13T14:36:50Z",
        "lastUpdatedAt": "2026-04-13T14:36:50Z",
        "expiresIn": 3600,
        "numberOfItems": 1,
        "isInteractive": True,
        "vendorBasedBookkeeping": False,
    } | changes


def a_row(number: int, **changes: object) -> dict[str, Any]:
    """Build an export job item as Pleo shows it."""
    return {
        "exportJobId": a_job()["id"],
        "accountingEntryId": entry_id(number),
        "status": "pending",
        "externalId": None,
        "exportedAt": None,
    } | changes


def money(value: object, currency: str = "EUR") -> dict[str, Any]:
    """Build an amount pair in one currency."""
    one = {"currency": currency, "value": value}
    return {"inSupplierCurrency": one, "inWalletCurrency": one}


def an_item(number: int, **changes: object) -> dict[str, Any]:
    """Build an export item as Pleo shows it."""
    line = {
        "accountingEntryLineId": entry_id(number + 10**9),
        "lineAmount": money(1000),
        "netAmount": money(1000),
    }
    return {
        "_links": {},
        "accountingEntryId": entry_id(number),
        "accountingEntryLines": [line],
        "additionalInformation": {"reconciliationId": f"REC-{number}"},
        "amount": money(1000),
        "companyId": COMPANY,
        "date": "2026-04-12T00:00:00Z",
        "type": "card_purchase",
    } | changes


def cursor(position: int) -> str:
    """Write a position in the alphabet of Pleo's cursors."""
    return base64.b32encode(str(position).encode()).decode()


def position(after: str | None) -> int:
    """Read a position back; the start without a cursor."""
    return int(base64.b32decode(after)) if after else 0


def exception_info(status: int, type: str, message: str) -> Response:
    """Answer with Pleo's error body."""
    return JSONResponse({"type": type, "message": message}, status)


NOT_FOUND = exception_info(404, "EXPORT_NOT_FOUND", "Export job not found.")


@dataclass
class SmallPleo:
    """What this Pleo holds; a test sets it up and looks at it afterwards."""

    jobs: list[dict[str, Any]] = field(default_factory=lambda: [a_job()])
    rows: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 40
    authorizations: set[str] = field(default_factory=set)

    def job(self, id: str) -> dict[str, Any] | None:
        """Find a job."""
        return next((job for job in self.jobs if job["id"] == id), None)

    def page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        """Answer with the page that the request's cursor asks for."""
        query = request.query_params
        size = min(self.page_size, int(query.get("limit", "1000")))
        start = position(query.get("after"))
        end = start + size
        parameters = {key: query.getlist(key) for key in query if key not in {"after", "limit"}}
        info = {
            "hasNextPage": end < len(rows),
            "hasPreviousPage": start > 0,
            "startCursor": cursor(start),
            "endCursor": cursor(end),
            "total": len(rows),
            "currentRequestPagination": {"parameters": parameters},
        }
        return JSONResponse({"data": rows[start:end], "pagination": info})

    async def list_jobs(self, request: Request) -> Response:
        """GET /v3/export-jobs, its company filter left out on purpose."""
        wanted = request.query_params.getlist("statuses")
        return self.page(request, [job for job in self.jobs if job["status"] in wanted])

    async def get_job(self, request: Request) -> Response:
        """GET /v3/export-jobs/{id}."""
        job = self.job(request.path_params["id"])
        return JSONResponse({"data": job}) if job else NOT_FOUND

    async def create_job(self, request: Request) -> Response:
        """POST /v3/export-jobs."""
        wish = await request.json()
        if any(job["status"] not in FINAL for job in self.jobs):
            return exception_info(
                409, "EXPORT_ALREADY_IN_PROGRESS", "Export Job already in progress."
            )
        options = wish.get("options") or {}
        job = a_job(
            len(self.jobs) + 1,
            numberOfItems=len(wish["accountingEntryIds"]),
            vendorBasedBookkeeping=options.get("vendorBasedBookkeeping", False),
        )
        self.jobs.append(job)
        return JSONResponse({"data": job}, 201)

    async def event(self, request: Request) -> Response:
        """POST /v3/export-job-events."""
        wish = await request.json()
        job = self.job(wish["jobId"])
        before = "pending" if wish["event"] == "started" else "in_progress"
        if job is None or job["status"] != before:
            return exception_info(
                422, "INVALID_EXPORT_JOB_STATUS_CHANGE", "Export Job status change failed"
            )
        job["status"] = "in_progress" if wish["event"] == "started" else wish["event"]
        job |= {key: wish[key] for key in wish if key.startswith("failure")}
        return Response(status_code=202)

    async def list_rows(self, request: Request) -> Response:
        """GET /v3/export-jobs/{id}/items."""
        if self.job(request.path_params["id"]) is None:
            return NOT_FOUND
        return self.page(request, self.rows)

    async def update_rows(self, request: Request) -> Response:
        """PUT /v3/export-jobs/{id}/items."""
        taken, refused = [], []
        for update in await request.json():
            id = update["accountingEntryId"]
            row = next((row for row in self.rows if row["accountingEntryId"] == id), None)
            if row is None:
                kind = "ACCOUNTING_ENTRY_DOES_NOT_EXIST"
                refused.append({"accountingEntryId": id, "message": "no such entry", "type": kind})
                continue
            row |= update
            taken.append(row)
        return JSONResponse({"data": taken, "errors": refused})

    async def list_items(self, request: Request) -> Response:
        """GET /v3/export-items."""
        job = self.job(request.query_params["job_id"])
        if job is None or job["status"] in FINAL:
            return exception_info(422, "EXPORT_JOB_STATUS_UNPROCESSABLE", "Export Job is finished.")
        return self.page(request, self.items)

    async def installation(self, _: Request) -> Response:
        """GET /v1/installations/me."""
        return JSONResponse({"status": "ACTIVATED", "resource": f"urn:pleo:company:{COMPANY}"})

    def app(self) -> Starlette:
        """Put it behind its URLs."""
        routes = [
            Route("/v3/export-jobs", self.list_jobs, methods=["GET"]),
            Route("/v3/export-jobs", self.create_job, methods=["POST"]),
            Route("/v3/export-jobs/{id}", self.get_job),
            Route("/v3/export-jobs/{id}/items", self.list_rows, methods=["GET"]),
            Route("/v3/export-jobs/{id}/items", self.update_rows, methods=["PUT"]),
            Route("/v3/export-job-events", self.event, methods=["POST"]),
            Route("/v3/export-items", self.list_items),
            Route("/v1/installations/me", self.installation),
        ]
        return Starlette(routes=routes)


def as_json(value: object) -> bytes:
    """Write JSON as Pleo might."""
    return json.dumps(value).encode()

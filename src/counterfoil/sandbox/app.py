"""The wire: Pleo's calls of the Export API v3, subscriptions, installations, OAuth, receipts.

Each handler reads the request, asks the state and answers as the contract says. What a job may do
is ``lifecycle``'s; things that go wrong on purpose are ``faults``'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC
from email.utils import format_datetime
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from counterfoil.sandbox import apierrors, bodies, installations, lifecycle, oauth, subscriptions
from counterfoil.sandbox.access import authenticate, company_of, job_of, known_company, uuid_of
from counterfoil.sandbox.apierrors import ApiError
from counterfoil.sandbox.control import CONTROL, PREFIX
from counterfoil.sandbox.faults import Call, disturb
from counterfoil.sandbox.model import AccountingEntry, ApiKey, Job, encode
from counterfoil.sandbox.pages import PageQuery, paginate
from counterfoil.sandbox.receipts import find_receipt, url_maker
from counterfoil.sandbox.replies import paged, refuse, reply
from counterfoil.sandbox.state import State

__all__ = ["create_app"]

_JOB_STATUSES = frozenset(
    {"pending", "in_progress", "failed", "completed", "completed_with_errors"}
)
_ITEM_STATUSES = frozenset({"pending", "in_progress", "failed", "successful", "abandoned"})

_READING = frozenset({"GET", "HEAD"})

Handler: TypeAlias = "Callable[[State, Request, bytes], Response]"
Named: TypeAlias = tuple[str, Handler]
"""An endpoint's name, as faults know it, and what answers it."""


def create_app(state: State) -> Starlette:
    """Return the ASGI application that serves this state."""
    routes = [Route(path, _endpoint(state, calls), methods=[*calls]) for path, calls in _CALLS]
    routes += [Route(path, _control(state, calls), methods=[*calls]) for path, calls in CONTROL]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
    app.add_middleware(RequestLog, state=state)
    return app


def _endpoint(state: State, calls: Mapping[str, Named]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        name, handler = calls["GET" if request.method == "HEAD" else request.method]
        body = await request.body()
        return await disturb(Call(state, name, request, body), _answer(handler))

    return endpoint


def _control(
    state: State, calls: Mapping[str, Handler]
) -> Callable[[Request], Awaitable[Response]]:
    """Answer a person at the sandbox, whom no fault strikes."""

    async def endpoint(request: Request) -> Response:
        handler = calls["GET" if request.method == "HEAD" else request.method]
        return _answer(handler)(Call(state, "control", request, await request.body()))

    return endpoint


def _answer(handler: Handler) -> Callable[[Call], Response]:
    """Let a handler answer alone with the state; what it refuses becomes the answer."""

    def answer(call: Call) -> Response:
        try:
            with call.state.lock:
                response = handler(call.state, call.request, call.body)
                if call.request.method not in _READING:
                    call.state.on_change()
                return response
        except ApiError as error:
            return refuse(error)

    return answer


async def _http_error(_: Request, error: Exception) -> Response:
    """Answer unknown paths and methods in Pleo's error shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = (error.headers or {}) if isinstance(error, HTTPException) else {}
    answer = refuse(ApiError(status, "HTTP_ERROR", f"HTTP status {status}."))
    answer.headers.update(headers)
    return answer


class RequestLog:
    """Writes every request to Pleo, with its answer's status, into the log; dates the answer."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        """Wrap the application."""
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; it is in the log before its caller can have an answer."""
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"])
                date = format_datetime(self.state.clock.now().astimezone(UTC), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        scope.setdefault("state", {})["unanswered"] = lambda: self._note(scope, 0)
        await self.app(scope, receive, watch)

    def _note(self, scope: Scope, status: int) -> None:
        query = scope["query_string"].decode("ascii", "replace")
        path = f"{scope['path']}?{query}" if query else scope["path"]
        self.state.note("request", method=scope["method"], path=path, status=status)


def _list_jobs(state: State, request: Request, _: bytes) -> Response:
    key = authenticate(state, request, "export-jobs:read")
    params = request.query_params
    query = PageQuery.of(params)
    statuses = _statuses("statuses", params.getlist("statuses"), _JOB_STATUSES)
    given = params.get("company_id")
    company_id = company_of(key, None if given is None else uuid_of("company_id", given))
    page = paginate(
        state.jobs_of([company_id]),
        query,
        size=_size(state, query),
        keep=(lambda job: job.status in statuses) if statuses else None,
        fields=Job.as_json,
    )
    parameters = {name: params.getlist(name) for name in ("company_id", "statuses")}
    return paged([encode(job.as_json()) for job in page.rows], page.info(query, _said(parameters)))


def _create_job(state: State, request: Request, body: bytes) -> Response:
    key = authenticate(state, request, "export-jobs:write")
    wanted = bodies.parse(bodies.CREATE_JOB, body)
    company = known_company(state, company_of(key, wanted.company_id))
    if any(job.open for job in state.jobs_of([company.id])):
        raise apierrors.export_already_in_progress()
    unknown = [each for each in wanted.accounting_entry_ids if each not in company.entries]
    if unknown:
        raise apierrors.bad_request(f"No such accounting entry: {', '.join(unknown[:5])}.")
    entries = [company.entries[each] for each in wanted.accounting_entry_ids]
    lifecycle.check_contra_accounts(company, entries)
    vendor_based = bool(wanted.options and wanted.options.vendor_based_bookkeeping)
    ids = wanted.accounting_entry_ids
    job = lifecycle.create(state, company, ids, vendor_based=vendor_based)
    job.created_by = wanted.employee_id
    job.is_interactive = wanted.is_interactive is not False
    return reply({"data": job.as_json()}, 201)


def _get_job(state: State, request: Request, _: bytes) -> Response:
    key = authenticate(state, request, "export-jobs:read")
    return reply({"data": _job(state, request, key).as_json()})


def _post_event(state: State, request: Request, body: bytes) -> Response:
    key = authenticate(state, request, "export-jobs:write")
    event = bodies.parse(bodies.EVENT, body)
    lifecycle.apply_event(state, job_of(state, key, event.job_id), event)
    return Response(status_code=202)


def _list_job_items(state: State, request: Request, _: bytes) -> Response:
    key = authenticate(state, request, "export-jobs:read")
    params = request.query_params
    query = PageQuery.of(params)
    statuses = _statuses("status", params.getlist("status")[-1:], _ITEM_STATUSES)
    job = _job(state, request, key)
    page = paginate(
        list(job.items.values()),
        query,
        size=_size(state, query),
        keep=(lambda item: item.status in statuses) if statuses else None,
        fields=lambda item: item.as_json(job.id),
    )
    parameters = {"jobId": [job.id], "status": sorted(statuses)}
    rows = [encode(item.as_json(job.id)) for item in page.rows]
    return paged(rows, page.info(query, _said(parameters)))


def _update_items(state: State, request: Request, body: bytes) -> Response:
    key = authenticate(state, request, "export-jobs:write")
    job = _job(state, request, key)
    rows = bodies.parse(bodies.UPDATES, body)
    if len(rows) > lifecycle.UPDATE_LIMIT:
        raise apierrors.too_many_updates()
    return reply(lifecycle.apply_updates(state, job, rows))


def _list_export_items(state: State, request: Request, _: bytes) -> Response:
    key = authenticate(state, request, "export-items:read")
    query = PageQuery.of(request.query_params)
    job_id = request.query_params.get("job_id")
    if job_id is None:
        raise apierrors.bad_request("job_id is required.")
    job = job_of(state, key, uuid_of("job_id", job_id))
    if not job.open:
        raise apierrors.finished_for_items()
    entries = _entries(state, job)
    page = paginate(entries, query, size=_size(state, query), fields=lambda entry: entry.item)
    url_of = url_maker(state, str(request.base_url))
    rows = [entry.payload(url_of, vendor_based=job.vendor_based) for entry in page.rows]
    return paged(rows, page.info(query, {"job_id": [job.id]}))


def _entries(state: State, job: Job) -> Sequence[AccountingEntry]:
    """Return what the data layer shows of a job; raises MISSING_CONTRA_ACCOUNTS."""
    company = state.companies[job.company_id]
    held = [company.entries[each] for each in job.items if each in company.entries]
    lifecycle.check_contra_accounts(company, held)
    shown = [entry for entry in held if not entry.withheld]
    return shown + [AccountingEntry(item) for item in job.strays] if job.strays else shown


def _get_receipt(state: State, request: Request, _: bytes) -> Response:
    receipt = find_receipt(state, request.path_params["token"])
    return Response(receipt.data, media_type=receipt.type)


def _job(state: State, request: Request, key: ApiKey) -> Job:
    return job_of(state, key, uuid_of("jobId", request.path_params["jobId"]))


def _size(state: State, query: PageQuery) -> int:
    wanted = state.page_size if query.limit is None else query.limit
    return min(wanted, state.max_page_size)


def _statuses(name: str, given: Sequence[str], known: frozenset[str]) -> frozenset[str]:
    if unknown := set(given) - known:
        raise apierrors.bad_request(f"{name}: {', '.join(sorted(unknown))} is no status.")
    return frozenset(given)


def _said(parameters: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {name: values for name, values in parameters.items() if values}


_CALLS: Sequence[tuple[str, Mapping[str, Named]]] = (
    (
        "/v3/export-jobs",
        {"GET": ("list_jobs", _list_jobs), "POST": ("create_job", _create_job)},
    ),
    ("/v3/export-jobs/{jobId}", {"GET": ("get_job", _get_job)}),
    ("/v3/export-job-events", {"POST": ("post_event", _post_event)}),
    (
        "/v3/export-jobs/{jobId}/items",
        {"GET": ("list_job_items", _list_job_items), "PUT": ("update_items", _update_items)},
    ),
    ("/v3/export-items", {"GET": ("list_export_items", _list_export_items)}),
    (
        "/v1/installations/me",
        {
            "GET": ("get_installation", installations.get),
            "POST": ("create_installation", installations.create),
        },
    ),
    ("/v1/installations/me:activate", {"POST": ("activate_installation", installations.activate)}),
    (
        "/oauth/authorize",
        {"GET": ("authorize", oauth.show_consent), "POST": ("decide", oauth.decide)},
    ),
    ("/oauth/token", {"POST": ("token", oauth.exchange)}),
    ("/oauth/revoke", {"POST": ("revoke", oauth.revoke)}),
    (
        "/v1/subscriptions",
        {
            "GET": ("list_subscriptions", subscriptions.list_all),
            "POST": ("create_subscription", subscriptions.create),
        },
    ),
    (
        "/v1/subscriptions/{id}",
        {
            "GET": ("get_subscription", subscriptions.get),
            "PUT": ("update_subscription", subscriptions.update),
            "DELETE": ("delete_subscription", subscriptions.delete),
        },
    ),
    ("/v1/subscriptions/{id}/secret", {"GET": ("get_subscription_secret", subscriptions.secret)}),
    (
        "/v1/subscriptions/{id}/activities",
        {"GET": ("list_subscription_activities", subscriptions.activities)},
    ),
    ("/files/{token}", {"GET": ("get_receipt", _get_receipt)}),
)

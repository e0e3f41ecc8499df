"""What a person does in Pleo's web app, and what a test wants to happen, over HTTP.

    GET    /_sandbox                    companies, jobs, time
    POST   /_sandbox/items              queue expenses: {"count", "seed"} or {"item"}
    PATCH  /_sandbox/items/{id}         replace keys of one that no job holds, and queue it again
    POST   /_sandbox/jobs               click Export: {"accountingEntryIds", "vendorBased"}
    POST   /_sandbox/jobs/{id}/close    close it, as a person does
    POST   /_sandbox/jobs/{id}/expire   let its time run out
    POST   /_sandbox/clock              move the clock: {"advanceSeconds"}
    POST   /_sandbox/keys               make an API key: {"scopes", "organisation"}
    DELETE /_sandbox/keys/{key}         revoke it
    GET    /_sandbox/oauth              clients, lifetimes, authorisations
    PATCH  /_sandbox/oauth              {"accessSeconds", "refreshSeconds", "codeSeconds"}
    POST   /_sandbox/oauth/clients      register one: {"redirectUris"}
    DELETE /_sandbox/oauth/{id}         revoke an authorisation, as a person does
    GET    /_sandbox/webhooks           subscriptions
    POST   /_sandbox/webhooks           send one: {"jobId"}, or {"eventType", "data"}
    PATCH  /_sandbox/webhooks           {"retryAfterSeconds"}: a list, one for each further try
    GET, POST, DELETE /_sandbox/faults  see them, switch one on, switch all off
    GET    /_sandbox/log                what happened; ``after`` skips so many lines

Bodies are JSON; ``companyId`` is needed only where there are several companies. No key is asked
for: a sandbox is for one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from counterfoil.sandbox.access import uuid_of
from counterfoil.sandbox.apierrors import ApiError, bad_request, export_not_found, not_found
from counterfoil.sandbox.bodies import parse_exactly
from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.company import queue_more
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.hooks import EVENTS
from counterfoil.sandbox.lifecycle import LockedByJob
from counterfoil.sandbox.model import SCOPES, Item
from counterfoil.sandbox.replies import reply
from counterfoil.sandbox.state import Company, State

__all__ = ["CONTROL", "PREFIX"]

PREFIX = "/_sandbox"


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class QueueBody(_Body):
    """Expenses to queue: ``item`` as it is, or ``count`` of the demo company's by ``seed``."""

    company_id: str | None = Field(default=None, alias="companyId")
    count: int = Field(default=1, ge=0, le=100_000)
    seed: int = 0
    item: dict[str, Any] | None = None


class ExportBody(_Body):
    """A click on Export, for all that is queued or for the given expenses."""

    company_id: str | None = Field(default=None, alias="companyId")
    entry_ids: list[str] | None = Field(default=None, alias="accountingEntryIds")
    vendor_based: bool = Field(default=False, alias="vendorBased")


class ClockBody(_Body):
    """By how many seconds to move the clock."""

    seconds: int = Field(alias="advanceSeconds")


class KeyBody(_Body):
    """An API key to make: for one company, or for all of the organisation."""

    company_id: str | None = Field(default=None, alias="companyId")
    organisation: bool = False
    scopes: list[str] = sorted(SCOPES)


class LifetimesBody(_Body):
    """How long codes and tokens that are issued from now on live, in seconds."""

    access_seconds: int | None = Field(default=None, ge=1, alias="accessSeconds")
    refresh_seconds: int | None = Field(default=None, ge=1, alias="refreshSeconds")
    code_seconds: int | None = Field(default=None, ge=1, alias="codeSeconds")


class ClientBody(_Body):
    """The exact addresses that a new client's users come back to."""

    redirect_uris: list[str] = Field(alias="redirectUris", min_length=1)


class FaultBody(_Body):
    """A fault to switch on; see ``faults.Fault``."""

    kind: str
    endpoint: str = "*"
    times: int | None = Field(default=None, ge=0)
    skip: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1, strict=False)
    seed: int = 0
    value: float = Field(default=1, ge=0, strict=False)


class WebhookBody(_Body):
    """A webhook to send: about a job, or any event with any data."""

    company_id: str | None = Field(default=None, alias="companyId")
    job_id: str | None = Field(default=None, alias="jobId")
    event_type: str = Field(default=EVENTS[1], alias="eventType")
    data: dict[str, Any] = {}


class RetryBody(_Body):
    """When webhooks that were not taken are sent again."""

    retry_after: list[float] = Field(alias="retryAfterSeconds", strict=False)


_WEBHOOK = TypeAdapter(WebhookBody)
_RETRY = TypeAdapter(RetryBody)
_QUEUE = TypeAdapter(QueueBody)
_EXPORT = TypeAdapter(ExportBody)
_CLOCK = TypeAdapter(ClockBody)
_KEY = TypeAdapter(KeyBody)
_LIFETIMES = TypeAdapter(LifetimesBody)
_CLIENT = TypeAdapter(ClientBody)
_FAULT = TypeAdapter(FaultBody)
_CHANGES = TypeAdapter(dict[str, Any])


def _overview(state: State, _: Request, __: bytes) -> Response:
    companies = [
        {
            "id": company.id,
            "name": company.name,
            "apiKey": company.api_key,
            "queued": len(company.queued()),
            "jobs": [job.as_json() for job in state.jobs_of([company.id])],
        }
        for company in state.companies.values()
    ]
    return reply({"now": stamp(state.clock.now()), "companies": companies})


def _queue(state: State, _: Request, body: bytes) -> Response:
    wanted = parse_exactly(_QUEUE, body or b"{}")
    company = _company(state, wanted.company_id)
    if wanted.item is None:
        return reply({"ids": queue_more(company, wanted.count, seed=wanted.seed)}, 201)
    item = _own(company, wanted.item)
    if item["accountingEntryId"] in company.entries:
        raise ApiError(409, "EXISTS", f"There is an expense {item['accountingEntryId']} already.")
    return reply({"ids": [company.add_item(item)]}, 201)


def _own(company: Company, item: Item) -> Item:
    """Fill in what an item cannot do without; all else may be as wrong as a test wants it."""
    fixed = {"accountingEntryId": company.state.new_id(), "companyId": company.id} | item
    return fixed | {
        "accountingEntryId": uuid_of("accountingEntryId", str(fixed["accountingEntryId"]))
    }


def _edit(state: State, request: Request, body: bytes) -> Response:
    changes = parse_exactly(_CHANGES, body)
    entry_id = request.path_params["entry_id"]
    if "accountingEntryId" in changes:
        raise bad_request("The id of an expense cannot be changed.")
    try:
        state.edit_item(entry_id, changes)
    except KeyError as error:
        raise not_found("Expense") from error
    except LockedByJob as error:
        raise _locked(error) from error
    return reply(state.entry(entry_id).item)


def _locked(error: LockedByJob) -> ApiError:
    return ApiError(409, "LOCKED", f"The {error}.")


def _export(state: State, _: Request, body: bytes) -> Response:
    wanted = parse_exactly(_EXPORT, body or b"{}")
    company = _company(state, wanted.company_id)
    unknown = set(wanted.entry_ids or ()) - set(company.entries)
    if unknown:
        raise not_found(f"Expense {min(unknown)}")
    try:
        job_id = state.queue_job(company.id, wanted.entry_ids, vendor_based=wanted.vendor_based)
    except LockedByJob as error:
        raise _locked(error) from error
    return reply(state.job(job_id).as_json(), 201)


def _end(act: Callable[[State, str], None]) -> Control:
    def handler(state: State, request: Request, _: bytes) -> Response:
        job_id = request.path_params["job_id"]
        if job_id not in state.jobs:
            raise export_not_found()
        act(state, job_id)
        return reply(state.job(job_id).as_json())

    return handler


def _move_clock(state: State, _: Request, body: bytes) -> Response:
    try:
        now = state.clock.advance(timedelta(seconds=parse_exactly(_CLOCK, body).seconds))
    except OverflowError as error:
        raise bad_request("There is no such time.") from error
    return reply({"now": stamp(now)})


def _make_key(state: State, _: Request, body: bytes) -> Response:
    wanted = parse_exactly(_KEY, body or b"{}")
    if unknown := set(wanted.scopes) - SCOPES:
        raise bad_request(f"scopes: there is no {', '.join(sorted(unknown))}.")
    company = None if wanted.organisation else _company(state, wanted.company_id).id
    return reply({"key": state.add_key(company, scopes=wanted.scopes)}, 201)


def _revoke_key(state: State, request: Request, _: bytes) -> Response:
    if request.path_params["key"] not in state.keys:
        raise not_found("Key")
    state.revoke_key(request.path_params["key"])
    return Response(status_code=204)


def _oauth(state: State, _: Request, __: bytes) -> Response:
    grants = state.oauth
    return reply(
        {
            "accessSeconds": grants.access_seconds,
            "refreshSeconds": grants.refresh_seconds,
            "codeSeconds": grants.code_seconds,
            "clients": [each.as_json() for each in grants.clients.values()],
            "authorisations": [each.as_json() for each in grants.authorisations.values()],
        }
    )


def _set_lifetimes(state: State, request: Request, body: bytes) -> Response:
    for name, seconds in parse_exactly(_LIFETIMES, body).model_dump(exclude_none=True).items():
        setattr(state.oauth, name, seconds)
    return _oauth(state, request, b"")


def _add_client(state: State, _: Request, body: bytes) -> Response:
    wanted = parse_exactly(_CLIENT, body)
    return reply(state.oauth.add_client(wanted.redirect_uris).as_json(), 201)


def _revoke_authorisation(state: State, request: Request, _: bytes) -> Response:
    if request.path_params["id"] not in state.oauth.authorisations:
        raise not_found("Authorisation")
    state.oauth.revoke(request.path_params["id"])
    return Response(status_code=204)


def _hooks(state: State, _: Request, __: bytes) -> Response:
    return reply([hook.as_json() for hook in state.hooks.values()])


def _send_webhook(state: State, _: Request, body: bytes) -> Response:
    wanted = parse_exactly(_WEBHOOK, body)
    if wanted.job_id is None:
        company = _company(state, wanted.company_id)
        sent = state.outbox.tell(wanted.event_type, company.id, wanted.data, job_id=None)
    elif wanted.job_id in state.jobs:
        sent = state.outbox.tell_of_job(state.job(wanted.job_id))
    else:
        raise export_not_found()
    return reply({"sent": sent}, 202)


def _set_retries(state: State, _: Request, body: bytes) -> Response:
    state.outbox.retry_after = parse_exactly(_RETRY, body).retry_after
    return reply({"retryAfterSeconds": state.outbox.retry_after})


def _faults(state: State, _: Request, __: bytes) -> Response:
    return reply([fault.as_json() for fault in state.faults])


def _add_fault(state: State, _: Request, body: bytes) -> Response:
    wanted = parse_exactly(_FAULT, body)
    if wanted.kind not in {kind.value for kind in Kind}:
        raise bad_request(f"kind must be one of {', '.join(Kind)}.")
    state.faults.append(Fault(**wanted.model_dump()))
    return reply(state.faults[-1].as_json(), 201)


def _clear_faults(state: State, _: Request, __: bytes) -> Response:
    state.faults.clear()
    return reply([])


def _log(state: State, request: Request, _: bytes) -> Response:
    after = request.query_params.get("after", "0")
    if not after.isdecimal():
        raise bad_request("after must be a whole number.")
    return reply([entry.as_json() for entry in state.events[int(after) :]])


def _company(state: State, company_id: str | None) -> Company:
    if company_id is None and len(state.companies) == 1:
        return next(iter(state.companies.values()))
    if company_id is None:
        raise bad_request("companyId is needed: there is more than one company, or none.")
    if company_id not in state.companies:
        raise not_found("Company")
    return state.companies[company_id]


Control: TypeAlias = "Callable[[State, Request, bytes], Response]"

CONTROL: Sequence[tuple[str, Mapping[str, Control]]] = (
    (PREFIX, {"GET": _overview}),
    (f"{PREFIX}/items", {"POST": _queue}),
    (f"{PREFIX}/items/{{entry_id}}", {"PATCH": _edit}),
    (f"{PREFIX}/jobs", {"POST": _export}),
    (f"{PREFIX}/jobs/{{job_id}}/close", {"POST": _end(lambda state, job: state.close(job))}),
    (f"{PREFIX}/jobs/{{job_id}}/expire", {"POST": _end(lambda state, job: state.expire(job))}),
    (f"{PREFIX}/clock", {"POST": _move_clock}),
    (f"{PREFIX}/keys", {"POST": _make_key}),
    (f"{PREFIX}/keys/{{key}}", {"DELETE": _revoke_key}),
    (f"{PREFIX}/oauth", {"GET": _oauth, "PATCH": _set_lifetimes}),
    (f"{PREFIX}/oauth/clients", {"POST": _add_client}),
    (f"{PREFIX}/oauth/{{id}}", {"DELETE": _revoke_authorisation}),
    (f"{PREFIX}/webhooks", {"GET": _hooks, "POST": _send_webhook, "PATCH": _set_retries}),
    (f"{PREFIX}/faults", {"GET": _faults, "POST": _add_fault, "DELETE": _clear_faults}),
    (f"{PREFIX}/log", {"GET": _log}),
)

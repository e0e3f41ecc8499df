"""What can go wrong on Pleo's side, on purpose: switched on per endpoint, by chance or by count.

A fault strikes around a call: before it (nothing happened), or after it (it happened, but the
caller does not learn so). ``state.faults`` holds those that are on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import simplejson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from counterfoil.sandbox import lifecycle
from counterfoil.sandbox.apierrors import ApiError
from counterfoil.sandbox.kinds import WEBHOOKS, Kind
from counterfoil.sandbox.model import Item, Job, encode
from counterfoil.sandbox.receipts import url_expired
from counterfoil.sandbox.replies import refuse, reply
from counterfoil.sandbox.state import State

__all__ = ["Call", "Fault", "Kind", "disturb"]


_LISTS = frozenset({"list_jobs", "list_job_items", "list_export_items"})
_ONLY_AT: Mapping[Kind, frozenset[str]] = {
    Kind.PARTIAL: frozenset({"update_items"}),
    Kind.REPEAT_PAGE: _LISTS,
    Kind.CLAIM_FIRST: frozenset({"post_event"}),
    Kind.URL_EXPIRED: frozenset({"get_receipt"}),
    Kind.TRUNCATED: frozenset({"get_receipt"}),
    Kind.WRONG_SIZE: frozenset({"get_receipt"}),
}


@dataclass
class Fault:
    """A fault that is on: what, where, how often.

    ``endpoint`` is a call's name (``list_jobs``, ``create_job``, ``get_job``, ``post_event``,
    ``list_job_items``, ``update_items``, ``list_export_items``, ``get_receipt``, ``token``, …) or
    ``*``. A reply of ``token`` is lost before rotation with DROP_BEFORE, after it with DROP_AFTER.
    It lets ``skip`` calls pass, then strikes with the ``probability`` (drawn by ``seed``), at most
    ``times`` times.
    """

    kind: Kind
    endpoint: str = "*"
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    value: float = 1
    _random: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the draws repeatable."""
        self.kind = Kind(self.kind)
        self._random = random.Random(self.seed)  # noqa: S311 -- chance to reproduce, no secret

    def strikes(self, call: Call) -> bool:
        """Tell whether it hits this call, and count it."""
        return self._concerns(call) and self._hits()

    def strikes_webhook(self) -> bool:
        """Tell whether it hits a webhook that is about to be sent, and count it."""
        return self.kind in WEBHOOKS and self._hits()

    def _hits(self) -> bool:
        if self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def _concerns(self, call: Call) -> bool:
        if self.endpoint not in {"*", call.name} or self.kind in WEBHOOKS:
            return False
        if call.name not in _ONLY_AT.get(self.kind, {call.name}):
            return False
        if self.kind is Kind.REPEAT_PAGE:
            return "after" in call.request.query_params
        return self.kind is not Kind.CLAIM_FIRST or call.document().get("event") == "started"

    def draw(self, rows: Sequence[object]) -> set[int]:
        """Choose ``value`` places of a list."""
        return set(self._random.sample(range(len(rows)), min(int(self.value), len(rows))))

    def as_json(self) -> Item:
        """Return its settings and what is left of them."""
        shown = ("endpoint", "times", "skip", "probability", "seed", "value")
        return {"kind": str(self.kind)} | {name: getattr(self, name) for name in shown}


@dataclass
class Call:
    """One request on its way to its handler."""

    state: State
    name: str
    request: Request
    body: bytes
    withheld: Sequence[Item] = ()
    """Rows of an update that a fault keeps from the handler."""

    def document(self) -> dict[str, Any]:
        """Return the body where it is a JSON object, else an empty one."""
        try:
            value = simplejson.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def jobs(self) -> list[Job]:
        """Return the job that the call names, else all open ones."""
        named = self.request.path_params.get("jobId") or self.request.query_params.get("job_id")
        named = named or self.document().get("jobId")
        jobs = self.state.jobs
        return [jobs[named]] if named in jobs else [job for job in jobs.values() if job.open]

    @property
    def list_key(self) -> str:
        """Name the list that pages belong to."""
        return f"{self.request.url.path}?{self.request.query_params.get('job_id', '')}"


async def disturb(call: Call, answer: Callable[[Call], Response]) -> Response:
    """Answer a call, with whatever faults strike it."""
    striking = [fault for fault in call.state.faults if fault.strikes(call)]
    for fault in striking:
        call.state.note("fault", value=str(fault.kind), path=call.request.url.path)
        early = await _before(fault, call)
        if early is not None:
            return early
    response = answer(call)
    for fault in striking:
        response = _AFTER.get(fault.kind, _unchanged)(fault, call, response)
    if call.name in _LISTS and response.status_code == HTTPStatus.OK:
        call.state.last_pages[call.list_key] = response
    return response


async def _before(fault: Fault, call: Call) -> Response | None:
    """Do what happens before the call; a response takes its place."""
    if fault.kind is Kind.SLOW:
        await asyncio.sleep(fault.value)
    elif fault.kind in _INSTEAD:
        return _INSTEAD[fault.kind](fault)
    elif fault.kind in _MEANWHILE:
        with call.state.lock:
            for job in call.jobs():
                _MEANWHILE[fault.kind](call.state, job)
    elif fault.kind is Kind.PARTIAL:
        _withhold_rows(fault, call)
    return None


def _rate_limit(fault: Fault) -> Response:
    response = refuse(ApiError(429, "TOO_MANY_REQUESTS", "Rate limit exceeded."))
    response.headers["Retry-After"] = str(int(fault.value))
    return response


def _unavailable(_: Fault) -> Response:
    return refuse(ApiError(503, "SERVICE_UNAVAILABLE", "Try again later."))


def _claim(state: State, job: Job) -> None:
    if job.status == "pending":
        lifecycle.start(state, job)


_INSTEAD: Mapping[Kind, Callable[[Fault], Response]] = {
    Kind.RATE_LIMIT: _rate_limit,
    Kind.UNAVAILABLE: _unavailable,
    Kind.DROP_BEFORE: lambda _: CutConnection(),
    Kind.URL_EXPIRED: lambda _: refuse(url_expired()),
}

_MEANWHILE: Mapping[Kind, Callable[[State, Job], None]] = {
    Kind.CLAIM_FIRST: _claim,
    Kind.CLOSE_JOB: lifecycle.cancel,
    Kind.EXPIRE_JOB: lambda state, job: lifecycle.expire(state, job, state.clock.now()),
}


def _withhold_rows(fault: Fault, call: Call) -> None:
    """Take some rows out of an update; ``_refuse_rows`` puts them into the answer's errors."""
    try:
        rows = simplejson.loads(call.body, use_decimal=True)
    except ValueError:
        return
    if isinstance(rows, list):
        chosen = fault.draw(rows)
        call.withheld = [rows[place] for place in chosen if isinstance(rows[place], dict)]
        call.body = encode([row for place, row in enumerate(rows) if place not in chosen])


def _refuse_rows(_: Fault, call: Call, response: Response) -> Response:
    if response.status_code != HTTPStatus.OK:
        return response
    answer = simplejson.loads(bytes(response.body))
    answer["errors"] += [
        {
            "accountingEntryId": row.get("accountingEntryId"),
            "message": "The status could not be updated.",
            "type": "EXPORT_ENTRY_STATUS_UPDATE_FAILED",
        }
        for row in call.withheld
    ]
    return reply(answer)


def _repeat_page(_: Fault, call: Call, response: Response) -> Response:
    return call.state.last_pages.get(call.list_key, response)


def _server_error(*_: object) -> Response:
    return refuse(ApiError(500, "INTERNAL_SERVER_ERROR", "Something went wrong."))


def _resized(response: Response, body: bytes) -> Response:
    return Response(body, response.status_code, media_type=response.headers["Content-Type"])


def _truncate(_: Fault, __: Call, response: Response) -> Response:
    return _resized(response, bytes(response.body)[: len(response.body) // 2])


def _lengthen(fault: Fault, _: Call, response: Response) -> Response:
    return _resized(response, bytes(response.body) + b"\0" * int(fault.value))


def _unchanged(_: Fault, __: Call, response: Response) -> Response:
    return response


_AFTER: Mapping[Kind, Callable[[Fault, Call, Response], Response]] = {
    Kind.DROP_AFTER: lambda *_: CutConnection(),
    Kind.ERROR_AFTER: _server_error,
    Kind.PARTIAL: _refuse_rows,
    Kind.REPEAT_PAGE: _repeat_page,
    Kind.TORN: lambda _, __, response: TornResponse.of(response),
    Kind.TRUNCATED: _truncate,
    Kind.WRONG_SIZE: _lengthen,
}


class CutConnection(Response):
    """No answer at all: the connection is gone."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Close the transport; the log has it as a request with status 0."""
        scope["state"]["unanswered"]()
        scope["state"]["transport"].abort()
        await _until_gone(receive)


class TornResponse(Response):
    """An answer whose second half never comes."""

    @classmethod
    def of(cls, whole: Response) -> TornResponse:
        """Tear an answer."""
        torn = cls(whole.body, whole.status_code)
        torn.raw_headers = whole.raw_headers
        return torn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce the whole length, send half of it, close the connection."""
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **head})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        scope["state"]["transport"].close()
        await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    """Wait until the server has seen that the connection is closed, or it would answer 500."""
    while (await receive())["type"] != "http.disconnect":
        pass

"""The old wire: ``/v1/expenses`` and what goes with it, as a Starlette application.

It takes paths with and without ``/v1``, slashes at their ends and twice; the bearer token with and
without the word. Which job is claimed, kept and closed is ``work``'s.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.bridge import mentioned
from counterfoil.bridge.answers import answer, paged, refusal
from counterfoil.bridge.expense import OldJson
from counterfoil.bridge.known import read_item
from counterfoil.bridge.listing import Listing, seen
from counterfoil.bridge.marking import Marked
from counterfoil.bridge.marks import BadMarks, marks
from counterfoil.bridge.old_api import old_api
from counterfoil.bridge.query import BadQuery, Filters, Paging
from counterfoil.bridge.work import Work
from counterfoil.errors import CounterfoilError
from counterfoil.pleo.errors import PleoError, PleoRefused
from counterfoil.pleo.models import ExportItem
from counterfoil.pleo.wire import Json, read_json

__all__ = ["create_app"]

log = structlog.get_logger(__name__)

ABSENT = "Counterfoil-Absent"
"""The header that names what Pleo no longer tells of the expenses in an answer."""
LARGEST_BODY = 16 * 1024 * 1024
RETRY_SECONDS = "30"

Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"


@dataclass(frozen=True)
class Desk:
    """What the endpoints share."""

    work: Work
    listing: Listing

    async def list_expenses(self, request: Request) -> Response:
        """Answer a page of expenses; asked for QUEUED, a waiting job is claimed first."""
        filters, paging = Filters.of(request.query_params), Paging.of(request.query_params)
        if filters.wants_queued and paging.offset == 0:
            await self.work.ask()
        rows, total = self.listing.page(filters, paging)
        absent = {name for row in rows for name in row.absent} or set(old_api().absent)
        shown: list[OldJson] = [dict(row.json) for row in rows]
        return paged("expenses", shown, total, paging, {ABSENT: _named(absent)})

    async def get_expense(self, request: Request) -> Response:
        """Answer one expense."""
        known = self.work.known(_id(request))
        shown = seen(known) if known else None
        if shown is None:
            return _unknown("expense", _id(request))
        await self.work.touch(_id(request))
        return answer(dict(shown.json), headers={ABSENT: _named(shown.absent)})

    async def list_receipts(self, request: Request) -> Response:
        """Answer an expense's receipts: a bare list, or a page where one is asked for."""
        item = await self._item(request)
        if item is None:
            return _unknown("expense", _id(request))
        return _list("receipts", mentioned.receipts(item), request)

    async def get_receipt(self, request: Request) -> Response:
        """Answer one receipt of an expense."""
        item = await self._item(request)
        found = mentioned.receipts(item) if item else []
        return _one("receipt", found, request.path_params["receipt_id"])

    async def _item(self, request: Request) -> ExportItem | None:
        known = self.work.known(_id(request))
        if known is not None:
            await self.work.touch(_id(request))
        return read_item(known.kept) if known else None

    async def mark(self, request: Request) -> Response:
        """Take the statuses that a body tells."""
        query = request.query_params
        given = [request.path_params["id"]] if "id" in request.path_params else []
        given += [*query.getlist("id"), *query.getlist("ids")]
        told = marks(await _body(request), word=query.get("status"), given=given)
        marked = await self.work.mark(told)
        return _told(marked)

    async def _items(self) -> list[ExportItem]:
        """Return what names are looked up in, the next job's expenses included.

        Many programs look names up before they ask for the expenses that mention them.
        """
        known = list(self.listing.items())
        try:
            return [*known, *await self.work.waiting()]
        except PleoError as error:
            log.warning("names of waiting expenses are not known", reason=str(error))
            return known

    async def accounts(self, request: Request) -> Response:
        """Answer the accounts that known expenses mention, or one of them."""
        return _all_or_one("accounts", mentioned.accounts(await self._items()), request)

    async def employees(self, request: Request) -> Response:
        """Answer the employees that known expenses mention, or one of them."""
        return _all_or_one("employees", mentioned.employees(await self._items()), request)

    async def tax_codes(self, request: Request) -> Response:
        """Answer the tax codes that known expenses mention, or one of them."""
        return _all_or_one("taxCodes", mentioned.tax_codes(await self._items()), request)

    async def tag_groups(self, request: Request) -> Response:
        """Answer the tag groups that known expenses mention, or one of them."""
        found = mentioned.tag_groups(await self._items())
        if "id" in request.path_params:
            return _one("tag group", found, _id(request))
        return _list("tagGroups", found, request)

    async def tags(self, request: Request) -> Response:
        """Answer the tags of a group that known expenses mention, or one of them."""
        found = mentioned.tags(await self._items(), _id(request))
        if "tag_id" in request.path_params:
            return _one("tag", found, request.path_params["tag_id"])
        return _list("tags", found, request)

    async def about(self, _: Request) -> Response:
        """Answer what this is, and what it cannot tell."""
        absent: dict[str, OldJson] = {**old_api().absent}
        return answer(
            {
                "service": "Pleo's old Expenses API over the Export API, by Counterfoil",
                "connection": self.work.connection,
                "absent": absent,
            }
        )


def create_app(work: Work, token: str) -> Starlette:
    """Return the application that serves one connection to whoever has the old token."""
    desk = Desk(work, Listing(work.connection, work.register))
    table: list[tuple[str, list[str], Endpoint]] = [
        ("/", ["GET"], desk.about),
        ("/expenses", ["GET"], desk.list_expenses),
        ("/expenses", ["PUT", "PATCH"], desk.mark),
        ("/expenses/{id}", ["GET"], desk.get_expense),
        ("/expenses/{id}", ["PUT", "PATCH"], desk.mark),
        ("/expenses/{id}/receipts", ["GET"], desk.list_receipts),
        ("/expenses/{id}/receipts/{receipt_id}", ["GET"], desk.get_receipt),
        ("/accounts", ["GET"], desk.accounts),
        ("/accounts/{id}", ["GET"], desk.accounts),
        ("/employees", ["GET"], desk.employees),
        ("/employees/{id}", ["GET"], desk.employees),
        ("/tax-codes", ["GET"], desk.tax_codes),
        ("/tax-codes/{id}", ["GET"], desk.tax_codes),
        ("/tag-groups", ["GET"], desk.tag_groups),
        ("/tag-groups/{id}", ["GET"], desk.tag_groups),
        ("/tag-groups/{id}/tags", ["GET"], desk.tags),
        ("/tag-groups/{id}/tags/{tag_id}", ["GET"], desk.tags),
    ]
    routes = [Route(path, _careful(do), methods=methods) for path, methods, do in table]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
    app.router.redirect_slashes = False
    app.add_middleware(Doorkeeper, token=token)
    app.add_middleware(PlainPaths)
    return app


class PlainPaths:
    """Takes ``/v1`` off a path, slashes at its end, and a slash too many."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request under its plain path."""
        if scope["type"] == "http":
            parts = [part for part in scope["path"].split("/") if part]
            plain = "/" + "/".join(parts[1:] if parts[:1] == ["v1"] else parts)
            scope = {**scope, "path": plain, "raw_path": plain.encode()}
        await self.app(scope, receive, send)


class Doorkeeper:
    """Lets in who has the token, and says to the others what is missing."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """Wrap the application."""
        self.app = app
        self.token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or answer 401."""
        if scope["type"] != "http" or self._knows(Request(scope).headers.get("Authorization", "")):
            await self.app(scope, receive, send)
            return
        refused = refusal(
            HTTPStatus.UNAUTHORIZED,
            "The token is not the one that [connection.bridge] token names: send it as "
            '"Authorization: Bearer TOKEN"',
            WWW_Authenticate="Bearer",
        )
        await refused(scope, receive, send)

    def _knows(self, header: str) -> bool:
        scheme, _, rest = header.strip().partition(" ")
        given = rest if scheme.lower() == "bearer" else header
        return hmac.compare_digest(given.strip().encode(), self.token)


def _careful(endpoint: Endpoint) -> Endpoint:
    """Answer what goes wrong with the status that tells the old program what to do next."""

    async def careful(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (BadQuery, BadMarks) as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))
        except PleoRefused as error:
            log.warning("Pleo refuses us", reason=str(error))
            return refusal(HTTPStatus.BAD_GATEWAY, str(error))
        except CounterfoilError as error:
            log.warning("the old program has to ask again", reason=str(error))
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error), Retry_After=RETRY_SECONDS)

    return careful


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return refusal(
        status,
        f"{request.method} {request.url.path} is not served here. The bridge serves expenses, "
        "their receipts, and the accounts, employees, tags and tax codes that they mention: "
        "counterfoil expenses check tells what became of the rest",
    )


async def _body(request: Request) -> Json:
    body = await request.body()
    if not body.strip() and "status" in request.query_params:
        return {}
    if len(body) > LARGEST_BODY:
        raise BadMarks(f"The body is longer than {LARGEST_BODY} bytes. Nothing was changed")
    try:
        return read_json(body)
    except ValueError as error:
        raise BadMarks(f"The body is not JSON ({error}). Nothing was changed") from error


def _told(marked: Marked) -> Response:
    """Answer what became of marks: whole, or with what was not taken, each by its id."""
    expenses: list[OldJson] = [
        {"id": entry_id, "status": str(status)} for entry_id, status in marked.taken.items()
    ]
    details: dict[str, OldJson] = {"expenses": expenses}
    if marked.late:
        details["late"] = list(marked.late)
    if not marked.unknown and not marked.conflicts:
        return answer(details)
    details["unknown"] = list(marked.unknown)
    details["conflicts"] = [
        {"id": entry_id, "message": why} for entry_id, why in marked.conflicts.items()
    ]
    taken = f"; the other {len(expenses)} were taken" if expenses else ""
    if marked.unknown:
        ids = ", ".join(marked.unknown[:5])
        return refusal(
            HTTPStatus.NOT_FOUND, f"No export job holds the expense {ids}{taken}", details
        )
    entry_id, why = next(iter(marked.conflicts.items()))
    return refusal(HTTPStatus.CONFLICT, f"{entry_id}: {why}{taken}", details)


def _all_or_one(name: str, found: list[OldJson], request: Request) -> Response:
    if "id" in request.path_params:
        return _one(name.removesuffix("s"), found, _id(request))
    return _page(name, found, request)


def _page(name: str, found: list[OldJson], request: Request) -> Response:
    paging = Paging.of(request.query_params)
    rows = found[paging.offset : paging.offset + paging.size]
    return paged(name, rows, len(found), paging, {})


def _list(name: str, found: list[OldJson], request: Request) -> Response:
    """Answer a list that the old API did not page as it was, and as a page to who asks for one."""
    if {"pageSize", "pageOffset"} & set(request.query_params):
        return _page(name, found, request)
    return answer(found)


def _one(what: str, found: Iterable[OldJson], wanted: str) -> Response:
    for row in found:
        if isinstance(row, dict) and row["id"] == wanted:
            return answer(row)
    return _unknown(what, wanted)


def _unknown(what: str, wanted: str) -> Response:
    return refusal(
        HTTPStatus.NOT_FOUND, f"No expense of an export job is or mentions the {what} {wanted}"
    )


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))

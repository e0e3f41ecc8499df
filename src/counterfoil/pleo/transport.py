"""One HTTP exchange with Pleo: sent through the gate, read whole within its limits.

A transport fault becomes PleoUnanswered; a status without success becomes its error. Nothing is
repeated here (``retry``), no redirect is followed, and credentials go to ``base_url`` alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from counterfoil import __version__
from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.httptimes import http_date, retry_after
from counterfoil.limits import HeldOff, hold_off, turn
from counterfoil.pleo.errors import PleoMalformed, PleoRateLimited, PleoUnanswered
from counterfoil.pleo.wire import Answer, error_of
from counterfoil.trust import trust

__all__ = ["BODY_LIMIT", "FORM", "Exchange", "Request"]

BODY_LIMIT = 64 * 1024 * 1024
"""The longest body we read, in bytes after decompression."""

JSON = "application/json;charset=UTF-8"
FORM = "application/x-www-form-urlencoded"

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"counterfoil/{__version__}",
}

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: the operation's name, method, path below the base URL, query and body."""

    operation: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    content_type: str = JSON
    accepted: int | None = None
    """The one status that means yes; any other success is no clear answer."""
    status_is_enough: bool = False
    """The status alone answers it, so a body that breaks off after a 2xx does no harm."""

    def __str__(self) -> str:
        """Name it for people: ``GET /v3/export-jobs``."""
        return f"{self.method} {self.path}"


class Exchange:
    """Sends requests to one Pleo; an async context manager that holds the connections."""

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth,
        *,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None,
        ca_file: Path | None = None,
    ) -> None:
        """Take where and as whom; ``timeout`` seconds bound a whole exchange."""
        self.base_url = _checked_url(base_url)
        self.server_date: datetime | None = None
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            auth=auth,
            headers=_HEADERS,
            timeout=timeout,
            transport=transport,
            verify=trust(ca_file),
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        await self._http.__aexit__(kind, error, trace)

    async def send(self, request: Request) -> Answer:
        """Send once and return a successful answer; raises PleoError otherwise."""
        url = self.base_url + request.path
        await _turn(request, url)
        try:
            with effect(f"pleo.{request.operation}", url):
                async with asyncio.timeout(self._timeout):
                    answer = await self._exchange(request, url)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            raise _unanswered(request, error) from error
        self.server_date = answer.date or self.server_date
        hold_off(url, answer.status, answer.retry_after)
        if not answer.ok:
            raise error_of(answer)
        if request.accepted not in {None, answer.status}:
            raise PleoUnanswered(
                f"{request}: Pleo answered {answer.status} where {request.accepted} means yes; "
                "it may or may not have taken effect.",
                status=answer.status,
            )
        return answer

    async def _exchange(self, request: Request, url: str) -> Answer:
        headers = {"Content-Type": request.content_type} if request.body else {}
        async with self._http.stream(
            request.method,
            url,
            params=list(request.query) or None,
            content=request.body,
            headers=headers,
        ) as response:
            return Answer(
                operation=str(request),
                status=response.status_code,
                body=await _body(response, request),
                retry_after=retry_after(response.headers.get("Retry-After")),
                date=http_date(response.headers.get("Date")),
            )


async def _turn(request: Request, url: str) -> None:
    """Wait for our turn; raises PleoRateLimited where Pleo asks for more patience than we have."""
    try:
        await turn(url, resumable=True)
    except HeldOff as held:
        raise PleoRateLimited(f"{request}: {held}; not sent.", retry_after=held.seconds) from held


async def _body(response: httpx.Response, request: Request) -> bytes:
    """Read a body; one that breaks off is empty where the status is clear without it."""
    try:
        return await _read(response, request)
    except (httpx.TransportError, httpx.DecodingError):
        if response.is_success and not request.status_is_enough:
            raise
        return b""


async def _read(response: httpx.Response, request: Request) -> bytes:
    """Read a body up to the limit."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > BODY_LIMIT:
            raise PleoMalformed(
                f"Pleo's answer to {request} is longer than {BODY_LIMIT} bytes.",
                status=response.status_code,
            )
    return bytes(body)


def _unanswered(request: Request, error: Exception) -> PleoUnanswered:
    """Say that no clear answer came, and whether the request can have arrived."""
    why = str(error) or type(error).__name__
    return PleoUnanswered(
        f"{request}: no answer from Pleo ({why}); check the network and Pleo's status.",
        sent=not isinstance(error, _NEVER_SENT),
    )


def _checked_url(base_url: str) -> str:
    """Take a bare http or https URL; refuse one with credentials, query or fragment."""
    if not _is_plain(base_url):
        raise ConfigurationError(
            "pleo.base_url: it must be a URL like https://external.pleo.io, "
            "without user, query or fragment"
        )
    return base_url.rstrip("/")


def _is_plain(base_url: str) -> bool:
    """Whether it is an http or https URL of a host and a path, and nothing more."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        return False
    more = url.userinfo or url.query or url.fragment
    return url.scheme in {"http", "https"} and bool(url.host) and not more

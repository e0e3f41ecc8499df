"""A sandbox Pleo without a socket: an httpx transport that calls the application directly.

The sandbox's faults work as over HTTP: a connection that is cut or torn reaches the client as such,
and a request goes on at Pleo when its sender has stopped waiting, or is dead::

    state = State()
    client = PleoClient(PLEO, auth, company_id=..., transport=InProcessPleo(state))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from counterfoil.sandbox.app import create_app

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Scope

    from counterfoil.sandbox.state import State

__all__ = ["PLEO", "InProcessPleo"]

PLEO = "http://pleo.invalid"
"""A base URL for clients of this transport; nobody else could answer it."""


class InProcessPleo(httpx.AsyncBaseTransport):
    """Serves one state to any number of clients; each request travels ``latency`` seconds a way."""

    def __init__(self, state: State, *, latency: float = 0.0) -> None:
        """Take what to serve."""
        self._app: ASGIApp = create_app(state)
        self._latency = latency
        self._under_way: set[asyncio.Task[_Exchange]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its effect does not depend on whether anybody waits for the answer."""
        exchange = _Exchange(request, await request.aread())
        task = asyncio.create_task(self._serve(exchange))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)
        if exchange.status is None:
            raise httpx.ReadError("the connection was cut", request=request)
        return exchange.response()

    async def _serve(self, exchange: _Exchange) -> _Exchange:
        await asyncio.sleep(self._latency)
        await self._app(exchange.scope(), exchange.receive, exchange.send)
        await asyncio.sleep(self._latency)
        return exchange


@dataclass
class _Exchange:
    """One request on its way through the application; also the connection that faults may cut."""

    request: httpx.Request
    body: bytes
    status: int | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    answer: bytes = b""
    broken: bool = False
    asked: bool = False

    def scope(self) -> Scope:
        url = self.request.url
        path, _, query = url.raw_path.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.request.method,
            "scheme": url.scheme,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "root_path": "",
            "query_string": query,
            "headers": [(name.lower(), value) for name, value in self.request.headers.raw],
            "server": (url.host, url.port or 80),
            "client": ("127.0.0.1", 1),
            "state": {"transport": self},
        }

    async def receive(self) -> Message:
        if self.asked:
            return {"type": "http.disconnect"}
        self.asked = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.answer += message.get("body", b"")

    def abort(self) -> None:
        """Cut the connection before anything was answered."""
        self.broken = True

    def close(self) -> None:
        """Cut it in the middle of the answer."""
        self.broken = True

    def response(self) -> httpx.Response:
        stream = _Stream(self.answer, torn=self.broken)
        return httpx.Response(self.status or 0, headers=self.headers, stream=stream)


class _Stream(httpx.AsyncByteStream):
    """A body that comes whole, or breaks off."""

    def __init__(self, body: bytes, *, torn: bool) -> None:
        self._body = body
        self._torn = torn

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
        if self._torn:
            raise httpx.RemoteProtocolError("the connection was closed in the middle of the body")

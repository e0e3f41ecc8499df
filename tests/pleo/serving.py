"""Serve an ASGI app on real HTTP, on a free port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.sandbox.server import AppServer, listen, url_of


class Switch:
    """An app whose place each test takes with its own, so that one server serves them all."""

    def __init__(self) -> None:
        """Start with nothing behind it."""
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on to the app of the test that runs."""
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def served(
    app: ASGIApp, tls: tuple[Path, Path] | None = None, *, dated: bool = True
) -> Iterator[str]:
    """Give the base URL of the app while it is served from a thread of its own.

    With ``tls``, the files of a certificate and its key, it is https://localhost. An app that
    gives its own Date is not ``dated``.
    """
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app,
        log_level="critical",
        lifespan="off",
        ws="none",
        date_header=dated,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server, listener = AppServer(config), listen()
    url = url_of(listener).replace(
        "http://127.0.0.1", "https://localhost" if tls else "http://127.0.0.1"
    )
    server.start(listener)
    try:
        yield url
    finally:
        server.stop()

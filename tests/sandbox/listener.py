"""Somebody who subscribed: keeps what is delivered, and answers as told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.pleo.serving import served

__all__ = ["Listener", "listening"]


@dataclass
class Delivery:
    """One delivery."""

    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def event(self) -> dict[str, Any]:
        """What it tells."""
        told: dict[str, Any] = json.loads(self.body)
        return told

    def signed_with(self, secret: str) -> bool:
        """Check the signature by hand."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        head = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        right = base64.b64encode(hmac.new(key, head + self.body, hashlib.sha256).digest())
        return self.headers["webhook-signature"] == f"v1,{right.decode()}"


@dataclass
class Listener:
    """An ASGI application that listens."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers; 204 then."""
    heard: list[Delivery] = field(default_factory=list)
    torn: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a delivery."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            self.torn += 1
            return
        self.heard.append(Delivery(dict(request.headers), body, request.url.path))
        status = self.answers.pop(0) if self.answers else 204
        await Response(status_code=status)(scope, receive, send)

    def wait(self, count: int) -> list[Delivery]:
        """Wait until so many deliveries came."""
        end = time.monotonic() + 60
        while len(self.heard) < count:
            assert time.monotonic() < end, self.heard
            time.sleep(0.01)
        return self.heard


@contextmanager
def listening() -> Iterator[Listener]:
    """Serve a listener on a free port."""
    listener = Listener()
    with served(listener) as url:
        listener.url = url
        yield listener

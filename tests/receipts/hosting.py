"""A host of receipts that answers each path as a test told it, politely or not."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from counterfoil.pleo.models import ExportItem
from counterfoil.receipts import Limits
from tests.pleo.small_pleo import an_item

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

PDF = b"%PDF-1.4\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
HTML = b"<!DOCTYPE html>\n<html><body>Sorry, something went wrong.</body></html>"

QUICK = Limits(wait_initial=0.001, wait_max=0.002, jitter=0.001, seconds=10)


class Host:
    """What lies behind the URLs, and how often each was asked for."""

    def __init__(self) -> None:
        """Start empty: every path is 404."""
        self.otherwise = Response(status_code=404)
        self.answers: dict[str, list[Response | Handler]] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []

    def put(self, path: str, *answers: bytes | Response | Handler) -> None:
        """Answer a path with these in turn; the last one stays."""
        made = [Response(each) if isinstance(each, bytes) else each for each in answers]
        self.answers[path] = list(made)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = request.url.path
        self.asked[path] += 1
        self.headers.append(dict(request.headers))
        answers = self.answers.get(path, [self.otherwise])
        answer = answers[min(self.asked[path], len(answers)) - 1]
        response = answer if isinstance(answer, Response) else await answer(request)
        await response(scope, receive, send)


class Names:
    """A name service of a test, which counts how often it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        """Answer with these in turn, whatever the name; the last one stays."""
        self.answers = answers
        self.asked = 0

    async def __call__(self, _: str) -> list[str]:
        """Look a name up."""
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def a_file(
    url: str, content: bytes = PDF, type: str | None = "application/pdf", **changes: object
) -> dict[str, object]:
    """Build a file of an export item as Pleo shows it."""
    return {"url": url, "type": type, "size": len(content)} | changes


def item_with(*files: dict[str, object] | None, number: int = 1, **changes: object) -> ExportItem:
    """Build an item with files, bought at Taxi SA."""
    supplier = {"name": "Taxi SA"}
    return ExportItem.model_validate(
        an_item(number, files=files, **{"supplier": supplier, **changes})
    )


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Serve one and the same bytes to every connection, then hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

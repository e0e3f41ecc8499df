"""A transport that answers what it was told, for the shapes of fault no polite server makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx


class Answers(httpx.AsyncBaseTransport):
    """Answers each request with the next of its answers; the last one stays."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        """Take the answers in order."""
        self.answers = answers
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Give the next answer, made anew so that its body can be read once more."""
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        body = answer.stream if isinstance(answer.stream, Pieces) else None
        content = None if body else answer.content
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            content=content,
            stream=body,
            request=request,
        )


class Pieces(httpx.AsyncByteStream):
    """A body that comes as the given function yields it; it may raise in between."""

    def __init__(self, pieces: Callable[[], AsyncIterator[bytes]]) -> None:
        """Take what makes the pieces."""
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield piece by piece."""
        async for piece in self._pieces():
            yield piece


async def _breaking_off() -> AsyncIterator[bytes]:
    yield b'{"data": '
    raise httpx.ReadError("connection dropped")


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 2**20


BREAKING_OFF = Pieces(_breaking_off)
ENDLESS = Pieces(_endless)

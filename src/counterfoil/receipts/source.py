"""Whom receipts are asked of: one request at a time over a connection that is kept.

Each URL is checked before anything is sent (``places``), and each address before it is connected to
(``network``). What an answer means is left to ``download``.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx

from counterfoil import __version__
from counterfoil.receipts.network import CheckedNetwork, connections
from counterfoil.receipts.places import Places, host_of

__all__ = ["Answer", "Source"]

_HEADERS: Final = (
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"counterfoil/{__version__}".encode()),
)

_SILENCE: Final = {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}
"""Seconds without a byte after which a try is given up."""

_REDIRECTS: Final = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body has not been read yet, and the host that gave it."""

    response: httpcore.Response
    headers: httpx.Headers
    host: str

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def encoding(self) -> str:
        """How the body is packed; empty: not at all."""
        return str(self.headers.get("Content-Encoding", "")).strip().lower()

    @property
    def leads_to(self) -> str | None:
        """Where the host sends us on, as it says it; None: nowhere."""
        return self.headers.get("Location") if self.status in _REDIRECTS else None

    def body(self) -> AsyncIterator[bytes]:
        """Give the body's pieces, unpacked; raises httpx.DecodingError."""
        pieces = self.response.aiter_stream()
        if self.encoding in {"", "identity"}:
            return pieces
        headers = {"Content-Encoding": self.encoding}
        return httpx.Response(self.status, headers=headers, content=pieces).aiter_bytes()


class Source:
    """Asks for one file after the other; several are used side by side."""

    def __init__(
        self, places: Places, network: CheckedNetwork, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        """Take the rules, the way to addresses, and whom TLS trusts (the machine's, if None)."""
        self._places = places
        self._pool = connections(network, ssl_context)

    @asynccontextmanager
    async def ask(self, url: httpx.URL) -> AsyncIterator[Answer]:
        """Send a GET and give its answer; raises ReceiptNotAllowed, and httpcore's errors."""
        self._places.check_url(url)
        host = host_of(url)
        request = httpcore.Request(
            b"GET",
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=[(b"Host", url.netloc), *_HEADERS],
            extensions={"timeout": _SILENCE, "sni_hostname": host},
        )
        response = await self._pool.handle_async_request(request)
        try:
            yield Answer(response, httpx.Headers(response.headers), host)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._pool.aclose()

"""A connection to one host over HTTP/1.1, for one thread at a time; another may cut it meanwhile.

It goes to an address that was checked (``network``); TLS still verifies the certificate against the
name. Proxies are not used: behind one, nobody could say which address is connected to.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Final

import httpx

from counterfoil import __version__
from counterfoil.receipts.errors import answering
from counterfoil.receipts.places import host_of

__all__ = ["Answer", "Line"]

_HEADERS: Final = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"counterfoil/{__version__}",
}
_PORTS: Final = {"http": 80, "https": 443}
_CONNECT: Final = 10.0
"""Seconds that an address has to answer in."""
_SILENCE: Final = 30.0
"""Seconds without a byte after which a try is given up."""
_KEPT: Final = 15.0
"""Seconds for which an idle connection is kept."""
_PIECE: Final = 64 * 1024
_REDIRECTS: Final = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and the host that gave it; its body is read while the line is asked."""

    response: HTTPResponse
    host: str

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    def header(self, name: str) -> str | None:
        """Return a header, its values joined where there are several; None where there is none."""
        return self.response.getheader(name)

    @property
    def encoding(self) -> str:
        """How the body is packed; empty: not at all."""
        return (self.header("Content-Encoding") or "").strip().lower()

    @property
    def leads_to(self) -> str | None:
        """Where the host sends us on, as it says it; None: nowhere."""
        if self.status not in _REDIRECTS or (place := self.header("Location")) is None:
            return None
        # Read as Latin-1, as every header is; where it is more than ASCII, UTF-8 is meant.
        return place.encode("latin-1").decode("utf-8", "replace")

    def body(self) -> Iterator[bytes]:
        """Give the body's pieces, unpacked; raises ReceiptUnavailable, httpx.DecodingError."""
        if self.encoding in {"", "identity"}:
            return self._pieces()
        headers = {"Content-Encoding": self.encoding}
        return httpx.Response(self.status, headers=headers, content=self._pieces()).iter_bytes()

    def _pieces(self) -> Iterator[bytes]:
        while True:
            with answering():
                piece = self.response.read(_PIECE)
                if not piece and self.response.length:
                    raise IncompleteRead(b"", self.response.length)
            if not piece:
                return
            yield piece


class _Response(HTTPResponse):
    """An answer whose chunks have a size: below zero, Python would read on without an end."""

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise IncompleteRead(b"")
        return size


class _Connection(HTTPConnection):
    """It is connected to a checked address by us, and never to its name by itself."""

    auto_open = 0
    response_class = _Response


class Line:
    """A connection to the host of a URL, made when it is first asked."""

    def __init__(self, url: httpx.URL, addresses: Sequence[str], tls: ssl.SSLContext) -> None:
        """Take where to connect to, the first address that answers, and whom TLS trusts."""
        self.addresses = addresses
        self._host = host_of(url)
        self._tls = tls if url.scheme == "https" else None
        self._origin = _origin(url)
        self._http = _Connection(self._host, url.port or _PORTS[url.scheme])
        self._waited_on: socket.socket | None = None
        self._cut = False
        self._used = time.monotonic()

    def serves(self, url: httpx.URL) -> bool:
        """Whether it is open still, and for this URL's host."""
        held = self._http.sock
        if held is None or _origin(url) != self._origin or time.monotonic() - self._used > _KEPT:
            return False
        # What comes unasked is the end, or nothing that we want.
        waiting = select.poll()
        waiting.register(held, select.POLLIN)
        return not waiting.poll(0)

    def ask(self, url: httpx.URL, read: Callable[[Answer], None]) -> Answer:
        """Send a GET, have its answer read, and return it.

        Raises ReceiptUnavailable, and what ``read`` does.
        """
        whole = False
        try:
            with answering():
                response = self._send(url)
            with response:
                answer = Answer(response, self._host)
                read(answer)
                whole = response.isclosed()
        finally:
            self._used = time.monotonic()
            if not whole:
                self.close()
        return answer

    def _send(self, url: httpx.URL) -> HTTPResponse:
        if self._http.sock is None:
            self._http.sock = self._connected()
        target = url.raw_path.decode("ascii")
        self._http.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        self._http.putheader("Host", url.netloc)
        for name, value in _HEADERS.items():
            self._http.putheader(name, value)
        self._http.endheaders()
        return self._http.getresponse()

    def _connected(self) -> socket.socket:
        failed = OSError(f"{self._host} has no address")
        for address in self.addresses:
            try:
                return self._connect(address)
            except OSError as error:
                failed = error
        raise failed

    def _connect(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._wait_on(made)
            made.settimeout(_CONNECT)
            made.connect((address, self._http.port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                made = self._tls.wrap_socket(
                    made, server_hostname=self._host, do_handshake_on_connect=False
                )
                self._wait_on(made)
                made.do_handshake()
            made.settimeout(_SILENCE)
        except BaseException:
            made.close()
            raise
        return made

    def _wait_on(self, held: socket.socket) -> None:
        self._waited_on = held
        if self._cut:
            raise ConnectionAbortedError("it was cut")

    def cut(self) -> None:
        """End what its thread waits for; it is of no use any more. For another thread."""
        self._cut = True
        if self._waited_on is not None:
            with suppress(OSError):
                # Not as TLS would do it, with a good-bye.
                socket.socket.shutdown(self._waited_on, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it, where no thread asks over it."""
        self._http.close()


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port

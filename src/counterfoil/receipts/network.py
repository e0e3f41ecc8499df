"""Connections to checked addresses only: what was looked up and checked is what is connected to.

A name is resolved once in a while, every address of it is checked (``places``), and a connection
goes to one of these addresses itself; TLS still verifies the certificate against the name.
So a name that changes its address between check and connection gains nothing. Proxies are not used:
behind one, nobody could say which address is connected to.

HTTP itself is httpcore's, and connections are the event loop's own: receipts come by the thousand,
and each pays for every layer between.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import httpcore

from counterfoil.receipts.places import Places, plain_host
from counterfoil.trust import trust

__all__ = ["CheckedNetwork", "Resolve", "connections", "resolve"]

_HOLDS: Final = 30.0
"""Seconds for which a host's addresses are not looked up again."""
_BUFFER: Final = 256 * 1024
"""Bytes that may wait to be read: most receipts come whole without being held up."""
_KEPT: Final = 15.0
"""Seconds for which an idle connection is kept."""

Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""Looks a host name up: all its addresses, best first; raises OSError."""


async def resolve(host: str) -> list[str]:
    """Look a host up as the machine does."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def connections(
    network: CheckedNetwork, ssl_context: ssl.SSLContext | None = None
) -> httpcore.AsyncConnectionPool:
    """Keep one connection at a time, for one file after the other.

    TLS trusts whom the machine trusts, if no context is given. A connection is kept for its name:
    two names may share an address, never a certificate.
    """
    return httpcore.AsyncConnectionPool(
        ssl_context=ssl_context or trust(),
        max_connections=1,
        keepalive_expiry=_KEPT,
        network_backend=network,
    )


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to allowed addresses only; raises ReceiptNotAllowed before anything is sent."""

    def __init__(self, places: Places, resolve: Resolve) -> None:
        """Take the rules, and how names are looked up."""
        self._places = places
        self._resolve = resolve
        self._looked_up: dict[str, tuple[float, list[str]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's own signature
        local_address: str | None = None,
        socket_options: object = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look the host up, check its addresses, connect to the first that answers."""
        del local_address, socket_options
        name = plain_host(host)
        failed: Exception = httpcore.ConnectError(f"{name} has no address")
        with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
            for address in await self._look_up(name):
                try:
                    async with asyncio.timeout(timeout):
                        reading = asyncio.open_connection(address, port, limit=_BUFFER)
                        return _Stream(*await reading)
                except OSError as error:
                    failed = error
            self._looked_up.pop(name, None)
            raise failed

    async def _look_up(self, host: str) -> list[str]:
        """Return a host's checked addresses, which hold for a while."""
        when, addresses = self._looked_up.get(host, (-math.inf, []))
        if time.monotonic() - when > _HOLDS:
            addresses = await self._addresses(host)
            self._looked_up[host] = time.monotonic(), addresses
        return addresses

    async def _addresses(self, host: str) -> list[str]:
        try:
            addresses = await self._resolve(host)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} is not known ({error})") from error
        for address in addresses:
            self._places.check_address(host, address)
        return addresses


class _Stream(httpcore.AsyncNetworkStream):
    """A connection of the event loop's, as httpcore wants it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's own signature
    ) -> bytes:
        """Return what comes next, or nothing at the end."""
        with _named(httpcore.ReadTimeout, httpcore.ReadError):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's own signature
    ) -> None:
        """Send bytes."""
        with _named(httpcore.WriteTimeout, httpcore.WriteError):
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()

    async def aclose(self) -> None:
        """Close at once: nothing of ours is under way, and nothing more is wanted."""
        self._writer.transport.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's own signature
    ) -> httpcore.AsyncNetworkStream:
        """Go on in TLS with whom the certificate is for."""
        try:
            with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> object:
        """Tell what httpcore asks: whether an idle connection was ended by the other side."""
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info(info)


@contextmanager
def _named(slow: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """Turn the event loop's faults into httpcore's."""
    try:
        yield
    except TimeoutError as error:
        raise slow(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error

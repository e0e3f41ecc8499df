"""Connections to checked addresses only: what was looked up and checked is what is connected to.

A name is resolved once in a while, every address of it is checked (``places``), and requests go to
one of these addresses itself; TLS still verifies the certificate against the name.
So a name that changes its address between check and connection gains nothing. Proxies are not used:
behind one, nobody could say which address is connected to.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import httpx

from counterfoil.receipts.places import Places, host_of
from counterfoil.trust import trust

__all__ = ["CheckedTransport", "Resolve", "resolve"]

_HOLDS: Final = 30.0
"""Seconds for which a host's addresses are not looked up again."""

Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""Looks a host name up: all its addresses, best first; raises OSError."""


async def resolve(host: str) -> list[str]:
    """Look a host up as the machine does."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends requests to allowed places only; raises ReceiptNotAllowed before anything is sent."""

    def __init__(
        self, places: Places, resolve: Resolve, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        """Take the rules, how names are looked up, and whom TLS trusts (the machine's, if None)."""
        self._places = places
        self._resolve = resolve
        self._ssl = ssl_context or trust()
        self._by_host: dict[str, httpx.AsyncHTTPTransport] = {}
        self._looked_up: dict[str, tuple[float, list[str]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the URL, look its host up, check the addresses, send to the first that connects."""
        self._places.check_url(request.url)
        host = host_of(request.url)
        addresses = await self._look_up(host, request)
        for address in addresses[:-1]:
            try:
                return await self._send(request, host, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        try:
            return await self._send(request, host, addresses[-1])
        except (httpx.ConnectError, httpx.ConnectTimeout):
            self._looked_up.pop(host, None)
            raise

    async def _look_up(self, host: str, request: httpx.Request) -> list[str]:
        """Return a host's checked addresses, which hold for a while."""
        when, addresses = self._looked_up.get(host, (-math.inf, []))
        if time.monotonic() - when > _HOLDS:
            addresses = await self._addresses(host, request)
            self._looked_up[host] = time.monotonic(), addresses
        return addresses

    async def _addresses(self, host: str, request: httpx.Request) -> list[str]:
        try:
            addresses = await self._resolve(host)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} is not known ({error})", request=request) from error
        if not addresses:
            raise httpx.ConnectError(f"{host} has no address", request=request)
        for address in addresses:
            self._places.check_address(host, address)
        return addresses

    async def _send(self, request: httpx.Request, host: str, address: str) -> httpx.Response:
        """Send to one address; the Host header and the certificate stay those of the name."""
        # A connection is kept for its name: two names may share an address, never a certificate.
        transport = self._by_host.get(host)
        if transport is None:
            transport = self._by_host[host] = httpx.AsyncHTTPTransport(verify=self._ssl)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await transport.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._by_host.values():
            await transport.aclose()

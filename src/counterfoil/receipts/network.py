"""The addresses of receipts' hosts: looked up once in a while, and each checked (``places``).

What was looked up and checked is what is connected to (``line``), so a name that changes its
address between check and connection gains nothing.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from counterfoil.receipts.errors import answering
from counterfoil.receipts.places import Places

__all__ = ["CheckedNames", "Resolve", "resolve"]

_HOLDS: Final = 30.0
"""Seconds for which a host's addresses are not looked up again."""

Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""Looks a host name up: all its addresses, best first; raises OSError."""


async def resolve(host: str) -> list[str]:
    """Look a host up as the machine does."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNames:
    """Gives the addresses of hosts, unless one of them is in a place that is not allowed."""

    def __init__(self, places: Places, resolve: Resolve) -> None:
        """Take the rules, and how names are looked up."""
        self._places = places
        self._resolve = resolve
        self._looked_up: dict[str, tuple[float, Sequence[str]]] = {}
        self._looking: dict[str, asyncio.Future[None]] = {}

    def known(self, host: str, since: float) -> Sequence[str] | None:
        """Return a host's addresses, best first, unless they were too old at that time."""
        when, addresses = self._looked_up.get(host, (-math.inf, ()))
        return addresses if when > since - _HOLDS else None

    async def look_up(self, host: str, since: float) -> None:
        """See that a host is known, looking it up once for all who ask.

        Raises ReceiptNotAllowed, ReceiptUnavailable.
        """
        if self.known(host, since) is not None:
            return
        looking = self._looking.get(host)
        if looking is None:
            looking = asyncio.ensure_future(self._look_up(host))
            looking.add_done_callback(lambda _: self._looking.pop(host))
            self._looking[host] = looking
        await asyncio.shield(looking)

    async def _look_up(self, host: str) -> None:
        with answering():
            addresses = await self._resolve(host)
            if not addresses:
                raise OSError(f"{host} has no address")
        for address in addresses:
            self._places.check_address(host, address)
        self._looked_up[host] = time.monotonic(), addresses

    def forget(self, host: str, addresses: Sequence[str]) -> None:
        """Look a host up anew next time, as a request to these addresses failed; for a thread."""
        _, known = self._looked_up.get(host, (0, ()))
        if known is addresses:
            self._looked_up.pop(host, None)

"""Where a receipt may come from: the rules that keep a hostile URL away from private networks.

- https to any public address;
- http, and private, loopback or link-local addresses, only on the host that Pleo's own ``base_url``
  names (any port); all names of this machine's loopback count as one host;
- where ``hosts`` are given, only these and Pleo's own; ``*.example.com`` means all below it.

Names are resolved in ``network``, and connections made in ``line``; each is asked about here first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import httpx

from counterfoil.receipts.errors import ReceiptNotAllowed

__all__ = ["Places", "host_of", "is_public", "plain_host"]

IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Places:
    """The allowed places, as told by Pleo's base URL and the configured hosts."""

    base_url: str
    hosts: tuple[str, ...] = ()
    _own: httpx.URL = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the base URL once."""
        object.__setattr__(self, "_own", httpx.URL(self.base_url))

    def check_url(self, url: httpx.URL) -> None:
        """Raise ReceiptNotAllowed for a URL that may not even be looked up."""
        host = host_of(url)
        if url.scheme not in {"http", "https"} or not host:
            raise ReceiptNotAllowed(f"Receipts come over https, not from a {url.scheme!r} URL.")
        if url.userinfo:
            raise ReceiptNotAllowed(f"The receipt's URL at {host} carries credentials.")
        if url.port is not None and not 0 < url.port <= _MAX_PORT:
            raise ReceiptNotAllowed(f"The receipt's URL at {host} has an impossible port.")
        if self.is_own(host):
            self._check_own_scheme(url, host)
        elif url.scheme == "http":
            raise ReceiptNotAllowed(f"The receipt's URL at {host} is not https.")
        elif self.hosts and not any(_matches(host, pattern) for pattern in self.hosts):
            raise ReceiptNotAllowed(f"The receipt's host {host} is not among receipts.hosts.")

    def _check_own_scheme(self, url: httpx.URL, host: str) -> None:
        if url.scheme == "http" and self._own.scheme != "http":
            raise ReceiptNotAllowed(f"The receipt's URL at {host} is not https.")

    def is_own(self, host: str) -> bool:
        """Whether this is the host of Pleo's base URL, by name or as this machine's loopback."""
        own = host_of(self._own)
        return host == own or (_is_loopback(host) and _is_loopback(own))

    def check_address(self, host: str, address: str) -> None:
        """Raise ReceiptNotAllowed for an address that this host's name may not stand for."""
        if not self.is_own(host) and not is_public(address):
            raise ReceiptNotAllowed(
                f"The receipt's host {host} stands for the address {address}, which is not public."
            )


def host_of(url: httpx.URL) -> str:
    """Return the host as it goes over the wire: lower case, without a final dot."""
    return plain_host(url.raw_host.decode("ascii"))


def plain_host(name: str) -> str:
    """Return a host's name as names are compared."""
    return name.lower().rstrip(".")


def is_public(address: str) -> bool:
    """Whether an address is reachable for everybody; those it embeds must be so too."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return all(_is_global(each) for each in _meant(ip))


def _is_global(ip: IP) -> bool:
    # Retired ranges that Python calls global: IPv4-compatible (::/96) and site-local addresses.
    retired = isinstance(ip, ipaddress.IPv6Address) and (int(ip) >> 32 == 0 or ip.is_site_local)
    return ip.is_global and not ip.is_multicast and not retired


def _meant(ip: IP) -> Iterator[IP]:
    """Yield the address a packet would go to: the embedded IPv4 address, where there is one."""
    if isinstance(ip, ipaddress.IPv4Address):
        yield ip
        return
    teredo = ip.teredo or ()
    embedded = [each for each in (ip.ipv4_mapped, ip.sixtofour, *teredo) if each is not None]
    if any(ip in network for network in _NAT64):
        embedded.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    yield from embedded or [ip]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _matches(host: str, pattern: str) -> bool:
    wanted = pattern.lower().rstrip(".")
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and host != wanted[2:]
    return host == wanted

"""Whom TLS trusts: whom httpx trusts, and a private authority that a configuration names.

Certificates are always verified; there is no way to leave that out. Without TLS only private hosts
are spoken to. Who connects where is left to the clients.
"""

from __future__ import annotations

import ssl
from errno import EINVAL
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["goes_open", "trust"]


@cache
def trust(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return the context to connect with; read once, since reading takes a tenth of a second.

    ``ca_file`` holds the certificates (PEM) of authorities that are trusted, too; raises OSError
    where it is not there, or holds none.
    """
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError as error:
            raise OSError(EINVAL, "no certificate is in it") from error
    return context


def goes_open(url: str) -> bool:
    """Tell whether what is sent to a URL would be readable on the way to a public host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return not ip_address(host).is_private
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal"))

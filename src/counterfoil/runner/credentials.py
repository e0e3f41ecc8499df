"""How a connection says who it is to Pleo: the one place where its credentials become a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient

if TYPE_CHECKING:
    import httpx

    from counterfoil.config import Connection
    from counterfoil.pleo.retry import Retries
    from counterfoil.register import Register

__all__ = ["auth_for", "pleo_for"]


def auth_for(connection: Connection, register: Register | None) -> httpx.Auth:
    """Return what authenticates a connection's requests; raises ConfigurationError without it.

    A key that was replaced while it is in use is read again where Pleo refuses the old one.
    """
    del register
    return ApiKeyAuth(connection.api_key.again(), again=connection.api_key.again)


def pleo_for(
    connection: Connection, register: Register | None, *, retries: Retries | None = None
) -> PleoClient:
    """Return a client of the connection's Pleo, for its company; nothing is sent yet."""
    return PleoClient(
        connection.base_url,
        auth_for(connection, register),
        company_id=connection.company_id,
        retries=retries,
        ca_file=connection.ca_file,
    )

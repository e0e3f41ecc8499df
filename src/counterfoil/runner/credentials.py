"""How a connection says who it is to Pleo: the one place where its credentials become a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterfoil.errors import ConfigurationError
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.runner.refreshing import OAuthAuth, TokenKeeper, consent_needed

if TYPE_CHECKING:
    import httpx

    from counterfoil.config import Connection
    from counterfoil.pleo.retry import Retries
    from counterfoil.register import Register

__all__ = ["auth_for", "pleo_for"]


def auth_for(connection: Connection, register: Register | None) -> httpx.Auth:
    """Return what authenticates a connection's requests; raises ConfigurationError without it.

    A key that was replaced while it is in use is read again where Pleo refuses the old one. With
    OAuth the tokens are the register's, and ConsentNeeded is raised where there is none yet; later
    requests raise it, too, once the consent is over.
    """
    if connection.api_key is not None:
        return ApiKeyAuth(connection.api_key.again(), again=connection.api_key.again)
    if connection.oauth is None:
        raise ConfigurationError(
            f"connection {connection.name}: it has neither an API key nor [pleo.oauth]"
        )
    if register is None:
        raise consent_needed(connection.name, "nobody has consented yet")
    return OAuthAuth(TokenKeeper(connection.name, connection.oauth, register))


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

"""How a connection says who it is to Pleo: the one place where its credentials become a header."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from counterfoil.config import KEPT
from counterfoil.errors import ConfigurationError, ConnectionBroken
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.runner.refreshing import OAuthAuth, TokenKeeper, consent_needed

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from counterfoil.config import Connection, Secret
    from counterfoil.pleo.retry import Retries
    from counterfoil.register import Register

__all__ = ["auth_for", "credential_of", "digest_of", "pleo_for", "pleo_with"]


def auth_for(connection: Connection, register: Register | None) -> httpx.Auth:
    """Return what authenticates a connection's requests; raises ConfigurationError without it.

    So it raises ConnectionBroken for a connection that must not be worked for.
    A key that was replaced while it is in use is read again where Pleo refuses the old one. With
    OAuth the tokens are the register's, and ConsentNeeded is raised where there is none yet; later
    requests raise it, too, once the consent is over.
    """
    if connection.broken:
        raise ConnectionBroken(connection.broken)
    if connection.api_key is not None:
        read = _key_reader(connection.name, connection.api_key, register)
        return ApiKeyAuth(read(), again=read)
    if connection.oauth is None:
        raise ConfigurationError(
            f"connection {connection.name}: it has neither an API key nor [pleo.oauth]"
        )
    if register is None:
        raise consent_needed(connection.name, "nobody has consented yet")
    return OAuthAuth(TokenKeeper(connection.name, connection.oauth, register))


def credential_of(connection: Connection, register: Register | None) -> str:
    """Return a digest by which another credential of the connection is noticed."""
    if connection.api_key is not None:
        what = _key_reader(connection.name, connection.api_key, register)()
    else:
        consent = register.authorisations.get(connection.name) if register else None
        what = f"consent of {consent.consented_at}" if consent else ""
    return digest_of(connection, what)


def digest_of(connection: Connection, credential: str) -> str:
    """Return the digest of a credential, as ``credential_of`` does; keys are random and long."""
    text = f"counterfoil {connection.base_url} {credential}"
    return sha256(text.encode()).hexdigest()[:16]


def _key_reader(name: str, key: Secret, register: Register | None) -> Callable[[], str]:
    """Return what reads a key from where it is kept, now and whenever it was replaced."""
    return partial(_kept_key, name, register) if key.reference == KEPT else key.again


def _kept_key(name: str, register: Register | None) -> str:
    key = register.api_keys.get(name) if register else None
    if key is None:
        raise ConfigurationError(
            f"connection {name}: no API key of it is kept in the register; "
            f"counterfoil connections set-key {name} takes one"
        )
    return key


def pleo_for(
    connection: Connection, register: Register | None, *, retries: Retries | None = None
) -> PleoClient:
    """Return a client of the connection's Pleo, for its company; nothing is sent yet."""
    return pleo_with(connection, auth_for(connection, register), retries=retries)


def pleo_with(
    connection: Connection, auth: httpx.Auth, *, retries: Retries | None = None
) -> PleoClient:
    """Return the same with other credentials than the connection's own, to try them."""
    return PleoClient(
        connection.base_url,
        auth,
        company_id=connection.company_id,
        retries=retries,
        ca_file=connection.ca_file,
    )

"""Which company a connection's credential is for: asked of Pleo once a credential, and kept.

Every request names that company. Where the configuration names one as well, both must agree. A
Pleo that does not tell (it has no installation endpoint) leaves it to the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import ConfigurationError, ConnectionBroken
from counterfoil.pleo.errors import PleoRateLimited, PleoUnanswered
from counterfoil.pleo.rights import company_told, missing_scopes
from counterfoil.register.installations import Told
from counterfoil.runner.credentials import credential_of, pleo_for

if TYPE_CHECKING:
    from counterfoil.config import Connection
    from counterfoil.pleo.client import PleoClient
    from counterfoil.register import Register

__all__ = ["confirm_company", "refuse_missing_scopes", "with_company"]

log = structlog.get_logger(__name__)


async def with_company(connection: Connection, register: Register | None) -> Connection:
    """Return the connection for the company that its credential is for, where it names none.

    Raises ConfigurationError where Pleo does not tell it, and PleoError.
    """
    if connection.company_id:
        return connection
    told = await _told(connection, register)
    if told.company_id is None:
        raise ConfigurationError(
            f"connection[{connection.name}].company_id: is missing, and Pleo does not tell whose "
            "the credential is (it is the whole organisation's, or this Pleo has no installation "
            "endpoint); add the company's id"
        )
    _refuse_taken(told, register)
    return replace(connection, company_id=told.company_id)


async def confirm_company(connection: Connection, register: Register | None) -> str:
    """Hold a connection's company against its credential's; return a note on it, in words.

    No clear answer stops nothing: the company is configured, and the next run asks again. Raises
    ConnectionBroken where they differ, and PleoError where the credential is refused.
    """
    try:
        told = await _told(connection, register)
    except (PleoUnanswered, PleoRateLimited) as trouble:
        log.warning(
            "Pleo could not be asked whose the credential is",
            connection=connection.name,
            reason=str(trouble),
        )
        return "Pleo could not be asked whose the key is"
    if told.company_id is None:
        return "the key does not say whose it is"
    if told.company_id != connection.company_id:
        raise ConnectionBroken(
            f"connection {connection.name}: company_id is {connection.company_id}, and its "
            f"credential is for company {told.company_id}. Correct company_id, or give the "
            "connection the credential of its own company; nothing was claimed"
        )
    return "the key's own"


async def refuse_missing_scopes(connection: Connection, pleo: PleoClient) -> None:
    """Raise ConnectionBroken, naming them, where the credential lacks a scope; or PleoError."""
    missing = await missing_scopes(pleo)
    if missing:
        raise ConnectionBroken(
            f"connection {connection.name}: its credential lacks {_joined(missing)} for company "
            f"{connection.company_id}. Give it that in Pleo, or make a key that has it"
        )


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


async def _told(connection: Connection, register: Register | None) -> Told:
    """Return what Pleo tells of the credential as it is now; it is asked once a credential."""
    credential = credential_of(connection, register)
    known = register.installations.all().get(connection.name) if register else None
    if known is not None and known.credential == credential:
        return known
    async with pleo_for(connection, register) as pleo:
        told = Told(
            connection=connection.name,
            credential=credential,
            company_id=await company_told(pleo),
        )
    if told.company_id is None:
        log.warning("Pleo does not tell whose the credential is", connection=connection.name)
    if register is not None:
        register.installations.keep(told, now=datetime.now(UTC))
    return told


def _refuse_taken(told: Told, register: Register | None) -> None:
    """Refuse a company that another connection exports, as the register was told."""
    known = register.installations.all() if register else {}
    for name, other in known.items():
        if name != told.connection and other.company_id == told.company_id:
            raise ConfigurationError(
                f"connection[{told.connection}]: its credential is for company {told.company_id}, "
                f"which connection {name} exports already; remove one of the two. If {name} is "
                f"gone, counterfoil connections remove {name} forgets it"
            )

"""Which company a connection's credential is for: asked of Pleo when it is set up, and kept.

Every request names that company. Where the configuration names it, an export asks nothing; where
Pleo told one as well, both must agree. A Pleo that does not tell (it has no installation endpoint)
leaves it to the configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import ConfigurationError, ConnectionBroken
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.rights import SCOPES, company_told, missing_scopes
from counterfoil.register.installations import Told
from counterfoil.runner.credentials import credential_of, digest_of, pleo_for, pleo_with

if TYPE_CHECKING:
    from counterfoil.config import Connection
    from counterfoil.pleo.client import PleoClient
    from counterfoil.register import Register
    from counterfoil.register.connections import Binding

__all__ = [
    "CompanyTaken",
    "CompanyUnknown",
    "confirm_company",
    "replace_key",
    "with_company",
    "with_known_company",
]

READING = ("export-jobs:read", "export-items:read")

log = structlog.get_logger(__name__)


class CompanyTaken(ConfigurationError):
    """A credential is for a company that another connection exports: its books are the other's."""


class CompanyUnknown(ConfigurationError):
    """Neither the configuration nor Pleo says whose a credential is."""


async def with_company(
    connection: Connection, register: Register | None, others: Sequence[Connection] = ()
) -> Connection:
    """Return the connection for the company that its credential is for, where it names none.

    Raises CompanyUnknown where Pleo does not tell it, CompanyTaken where another connection
    exports it, one of ``others`` or one that the register knows, and PleoError.
    """
    if connection.company_id:
        return connection
    told = await _told(connection, register, others)
    return _for_company(connection, told, register, others)


def with_known_company(connection: Connection, register: Register | None) -> Connection:
    """Do the same with what Pleo told already; where it told nothing, nothing is changed.

    Where the credential cannot be read here, what was told last is believed: nothing is sent then.
    """
    if connection.company_id or register is None:
        return connection
    try:
        told = _known(connection, register)
    except ConfigurationError:
        told = register.installations.all().get(connection.name)
    return replace(connection, company_id=(told.company_id if told else None) or "")


def confirm_company(connection: Connection, register: Register) -> None:
    """Hold a connection's company against what Pleo told of its credential; asks nothing.

    Raises ConnectionBroken where they differ.
    """
    known = _known(connection, register)
    if known is not None:
        _refuse_other(connection, known)


def _known(connection: Connection, register: Register | None) -> Told | None:
    """Return what Pleo told of the credential as it is now."""
    told = register.installations.all().get(connection.name) if register else None
    is_its = told is not None and told.credential == credential_of(connection, register)
    return told if is_its else None


def _for_company(
    connection: Connection,
    told: Told,
    register: Register | None,
    others: Sequence[Connection] = (),
) -> Connection:
    if told.company_id is None:
        raise CompanyUnknown(
            f"connection[{connection.name}].company_id: is missing, and Pleo does not tell whose "
            "the credential is (it is the whole organisation's, or this Pleo has no installation "
            "endpoint); add the company's id"
        )
    _refuse_taken(connection, told, register, others)
    return replace(connection, company_id=told.company_id)


def _refuse_other(connection: Connection, told: Told) -> None:
    if told.company_id not in {None, connection.company_id}:
        raise ConnectionBroken(
            f"connection {connection.name}: company_id is {connection.company_id}, and its "
            f"credential is for company {told.company_id}. Correct company_id, or give the "
            "connection the credential of its own company; nothing was claimed"
        )


async def _refuse_missing_scopes(
    connection: Connection, pleo: PleoClient, scopes: Collection[str] = SCOPES
) -> None:
    """Raise ConnectionBroken, naming them, where the credential lacks a scope; or PleoError."""
    missing = await missing_scopes(pleo, scopes)
    if missing:
        raise ConnectionBroken(
            f"connection {connection.name}: its credential lacks {_joined(missing)} for company "
            f"{connection.company_id}. Give it that in Pleo, or make a key that has it; nothing "
            "was claimed"
        )


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


async def _told(
    connection: Connection, register: Register | None, others: Sequence[Connection]
) -> Told:
    """Return what Pleo tells of the credential as it is now; it is asked once a credential.

    So is whether the credential may read what an export needs: that shows before a job is claimed.
    Whether it may write shows when it claims one, and is not tried here.
    """
    if (known := _known(connection, register)) is not None:
        return known
    async with pleo_for(connection, register) as pleo:
        told = Told(
            connection=connection.name,
            credential=credential_of(connection, register),
            company_id=await company_told(pleo),
        )
    if told.company_id is not None:
        _refuse_taken(connection, told, register, others)
        named = replace(connection, company_id=told.company_id)
        async with pleo_for(named, register) as pleo:
            await _refuse_missing_scopes(named, pleo, READING)
    if told.company_id is None:
        log.warning("Pleo does not tell whose the credential is", connection=connection.name)
    if register is not None:
        register.installations.keep(told, now=datetime.now(UTC))
    return told


def _refuse_taken(
    connection: Connection, told: Told, register: Register | None, others: Sequence[Connection]
) -> None:
    """Refuse a company that another connection exports: its expenses belong in other books."""
    bound = register.connections.all() if register else ()
    known = register.installations.all() if register else {}
    companies = {name: each.company_id or "" for name, each in known.items()}
    stand: list[Binding | Connection] = [*bound, *others]
    for each in stand:  # what is configured now counts before what was
        if each.company_id and each.environment == connection.environment:
            companies[each.name] = each.company_id
    for name, company_id in companies.items():
        if name != told.connection and company_id == told.company_id:
            gone = f" If {name} is gone, counterfoil connections remove {name} forgets it"
            raise CompanyTaken(
                f"connection[{told.connection}]: its credential is for company {told.company_id}, "
                f"which connection {name} exports already; give it the credential of its own "
                "company, or remove one of the two."
                + ("" if name in {each.name for each in others} else gone)
            )


async def replace_key(connection: Connection, register: Register, key: str) -> Connection:
    """Try a new API key at Pleo, then store it sealed; return the connection with its company.

    Raises ConfigurationError or ConnectionBroken for a key that is another company's or lacks a
    scope, KeyMissing without an encryption key, and PleoError; the old key stays then.
    """
    async with pleo_with(connection, ApiKeyAuth(key)) as pleo:
        company_id = await company_told(pleo)
    told = Told(
        connection=connection.name,
        credential=digest_of(connection, key),
        company_id=company_id,
    )
    if connection.company_id:
        _refuse_other(connection, told)
    else:
        connection = _for_company(connection, told, register)
    async with pleo_with(connection, ApiKeyAuth(key)) as pleo:
        await _refuse_missing_scopes(connection, pleo)
    now = datetime.now(UTC)
    register.api_keys.put(connection.name, key, now=now)
    register.installations.keep(told, now=now)
    return connection

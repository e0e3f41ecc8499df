"""Our webhook subscriptions at Pleo: made, replaced and removed so that no crash loses one.

A subscription is made inactive, kept in the register, and only then activated: what Pleo delivers
is always known here. One that replaces another stands beside it until it has delivered; whoever
drains the connection removes the old one then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import ConfigurationError
from counterfoil.pleo.errors import PleoError, PleoNotFound
from counterfoil.pleo.subscriptions import Wish
from counterfoil.pleo.webhooks import JOB_CREATED, sign
from counterfoil.register.webhooks import Credentials, Subscription, hash_of
from counterfoil.runner.credentials import pleo_for

if TYPE_CHECKING:
    from counterfoil.config import Connection
    from counterfoil.pleo.client import PleoClient
    from counterfoil.register import Register

__all__ = ["PATH", "Extras", "remove", "retire_replaced", "rotate", "subscribe"]

PATH = "/webhooks/"
"""Below this the token follows."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Extras:
    """What Pleo sends with each delivery beside the signature; secrets."""

    basic: str | None = field(default=None, repr=False)
    """``user:password``."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


async def subscribe(
    connection: Connection, register: Register, public_url: str, extras: Extras
) -> tuple[Subscription, bool]:
    """Subscribe, or finish what an interrupted call began; return it, and whether it is new.

    Each one that the connection has is made active, also one that is to replace another.
    Raises KeyMissing before anything is made where no secret can be kept, and PleoError.
    """
    _ = register.seal.prefix
    async with pleo_for(connection, register) as pleo:
        known = register.subscriptions.all(connection.name)
        there = [each for each in known if await _activated(pleo, register, each)]
        if there:
            return there[0], False
        return await _make(connection, register, pleo, public_url, extras), True


async def rotate(
    connection: Connection, register: Register, public_url: str, extras: Extras | None
) -> Subscription:
    """Make a second subscription, which replaces the present one when it has delivered.

    Without ``extras`` it is sent what the present one is. Raises ConfigurationError where there is
    none, or where one is replaced already.
    """
    _ = register.seal.prefix
    name = connection.name
    known = register.subscriptions.all(name)
    if not known:
        raise ConfigurationError(
            f"connection {name}: has no webhook subscription to rotate; "
            f"counterfoil webhooks subscribe --connection {name}"
        )
    present = known[-1]
    replaces = present.subscription_id
    async with pleo_for(connection, register) as pleo:
        if present.replaces is not None:
            # One whose making was interrupted is made active; one that is gone at Pleo goes here.
            if await _activated(pleo, register, present):
                raise ConfigurationError(
                    f"connection {name}: subscription {present.subscription_id} replaces "
                    f"{present.replaces} already, and has not delivered yet. It does with the next "
                    "export; if it never will, counterfoil webhooks remove --subscription takes "
                    "one of them away"
                )
            replaces = present.replaces
        kept = Extras(present.credentials.basic, present.credentials.headers)
        return await _make(
            connection, register, pleo, public_url, extras or kept, replaces=replaces
        )


async def remove(
    connection: Connection, register: Register, subscription_id: str | None
) -> list[str]:
    """Remove the connection's subscriptions, or the one that is named; return their ids.

    A named one may be known to Pleo alone. At Pleo first: killed in between, the next call goes on.
    """
    known = [each.subscription_id for each in register.subscriptions.all(connection.name)]
    chosen = known if subscription_id is None else [subscription_id]
    async with pleo_for(connection, register) as pleo:
        for each in chosen:
            await pleo.subscriptions.delete(each)
            register.subscriptions.remove(each)
    return chosen


async def retire_replaced(pleo: PleoClient, register: Register, name: str) -> None:
    """Remove each subscription of a connection whose successor has delivered.

    What does not work now is logged, and tried again after the next drain.
    """
    for each in register.subscriptions.all(name):
        if each.replaces is None or each.heard_at is None:
            continue
        try:
            await pleo.subscriptions.delete(each.replaces)
        except PleoError as error:
            log.warning("a replaced webhook stays", connection=name, reason=str(error))
        else:
            register.subscriptions.remove(each.replaces)
            log.info("a replaced webhook is removed", connection=name, subscription=each.replaces)


async def _activated(pleo: PleoClient, register: Register, known: Subscription) -> bool:
    """Make sure that Pleo delivers to a subscription we know; False where it is gone there."""
    try:
        shown = await pleo.subscriptions.get(known.subscription_id)
    except PleoNotFound:
        register.subscriptions.remove(known.subscription_id)
        return False
    if not shown.active:
        extras = Extras(known.credentials.basic, known.credentials.headers)
        wish = _wish(shown.endpoint_url, extras, active=True)
        await pleo.subscriptions.update(shown.id, wish)
    return True


async def _make(
    connection: Connection,
    register: Register,
    pleo: PleoClient,
    public_url: str,
    extras: Extras,
    *,
    replaces: str | None = None,
) -> Subscription:
    token = secrets.token_urlsafe(32)
    wish = _wish(f"{public_url}{PATH}{token}", extras, active=False)
    shown = await pleo.subscriptions.create(wish)
    try:
        secret = await pleo.subscriptions.secret(shown.id)
        sign(secret, "msg_first", b"")  # a secret that signs nothing is refused now
        made = Subscription(
            subscription_id=shown.id,
            connection=connection.name,
            company_id=connection.company_id,
            environment=connection.environment,
            token_hash=hash_of(token),
            credentials=Credentials(secret=secret, basic=extras.basic, headers=extras.headers),
            made_at=datetime.now(UTC),
            replaces=replaces,
        )
        register.subscriptions.add(made)
    except Exception:
        with suppress(PleoError):
            await pleo.subscriptions.delete(shown.id)
        raise
    await pleo.subscriptions.update(shown.id, wish.model_copy(update={"active": True}))
    return made


def _wish(url: str, extras: Extras, *, active: bool) -> Wish:
    basic = None
    if extras.basic is not None:
        user, _, password = extras.basic.partition(":")
        basic = (user, password)
    return Wish(
        endpoint_url=url,
        event_types=[JOB_CREATED],
        active=active,
        basic=basic,
        headers=extras.headers,
    )

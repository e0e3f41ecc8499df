"""How our webhook subscriptions stand: what Pleo has, what we have, and whether a URL is reached.

Nothing is changed here. A trial delivery is signed with a subscription's own secret and names an
event that sets no flag.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from counterfoil.effects import effect
from counterfoil.pleo.calling import json_body
from counterfoil.pleo.errors import PleoNotFound
from counterfoil.pleo.webhooks import JOB_CREATED, TRIAL, sign
from counterfoil.register.webhooks import hash_of
from counterfoil.runner.credentials import pleo_for
from counterfoil.runner.subscribing import PATH
from counterfoil.trust import trust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from counterfoil.config import Connection
    from counterfoil.pleo.client import PleoClient
    from counterfoil.pleo.subscriptions import SubscriptionShown
    from counterfoil.register import Register
    from counterfoil.register.webhooks import Subscription

__all__ = ["Checked", "Standing", "standing", "verify"]

TRIAL_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A subscription, as both sides know it; its URL without the token."""

    connection: str
    subscription_id: str
    status: str
    """Pleo's word, or ``gone``."""
    url: str
    heard_at: datetime | None
    remark: str
    """What is not as it should be, in words; empty where all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A subscription that was tried out, and what is wrong with it."""

    connection: str
    subscription_id: str
    problems: Sequence[str]


async def standing(
    connection: Connection, register: Register | None, public_url: str | None
) -> list[Standing]:
    """Return the subscriptions that we have, and those that only Pleo has; raises PleoError."""
    ours = register.subscriptions.all(connection.name) if register else ()
    async with pleo_for(connection, register) as pleo:
        shown = {each.id: each for each in await pleo.subscriptions.all()}
    rows = [_known(each, shown.pop(each.subscription_id, None), public_url) for each in ours]
    names = {each.subscription_id for each in register.subscriptions.all()} if register else set()
    strangers = (each for each in shown.values() if each.id not in names)
    return [*rows, *(_stranger(connection.name, each, public_url) for each in strangers)]


async def verify(
    connection: Connection, register: Register, public_url: str | None
) -> list[Checked]:
    """Try every subscription of a connection: at Pleo, and by a delivery to its URL."""
    ours = register.subscriptions.all(connection.name)
    async with pleo_for(connection, register) as pleo:
        return [
            Checked(
                connection=connection.name,
                subscription_id=each.subscription_id,
                problems=await _problems(connection, pleo, each, public_url),
            )
            for each in ours
        ]


async def _problems(
    connection: Connection, pleo: PleoClient, ours: Subscription, public_url: str | None
) -> list[str]:
    try:
        shown = await pleo.subscriptions.get(ours.subscription_id)
    except PleoNotFound:
        return [_GONE]
    found = list(_faults(ours, shown, public_url))
    if not shown.active:
        found += [f"at Pleo: {each}" for each in await _last_activity(pleo, shown.id)]
    if await pleo.subscriptions.secret(shown.id) != ours.credentials.secret:
        found.append("Pleo signs with another secret than ours: rotate it")
    trouble = await _trial(connection, ours, shown.endpoint_url)
    return [*found, trouble] if trouble else found


async def _last_activity(pleo: PleoClient, id: str) -> list[str]:
    done = sorted(await pleo.subscriptions.activities(id), key=lambda each: each.created_at)
    return [
        f"{each.description} ({each.created_at:%F %T}Z, {each.actor_urn})" for each in done[-1:]
    ]


_GONE = "Pleo has it no more: counterfoil webhooks subscribe makes a new one"


def _known(ours: Subscription, shown: SubscriptionShown | None, public_url: str | None) -> Standing:
    remarks = [_GONE] if shown is None else list(_faults(ours, shown, public_url))
    if ours.replaces is not None:
        remarks.append(f"replaces {ours.replaces} when it has delivered")
    return Standing(
        connection=ours.connection,
        subscription_id=ours.subscription_id,
        status="gone" if shown is None else shown.status,
        url="" if shown is None else _without_token(shown.endpoint_url),
        heard_at=ours.heard_at,
        remark="; ".join(remarks),
    )


def _faults(ours: Subscription, shown: SubscriptionShown, public_url: str | None) -> Iterator[str]:
    """Say what is wrong with a subscription as Pleo has it."""
    if not shown.active:
        yield "it is not active: counterfoil webhooks subscribe activates it"
    if JOB_CREATED not in shown.event_types:
        yield f"it is not for {JOB_CREATED}: remove it and subscribe"
    place, _, token = shown.endpoint_url.rpartition("/")
    if hash_of(token) != ours.token_hash:
        yield "its URL was changed at Pleo: rotate it"
    elif public_url is not None and f"{place}/" != f"{public_url}{PATH}":
        yield "its URL is not [serve] public_url's: rotate it"


def _stranger(name: str, shown: SubscriptionShown, public_url: str | None) -> Standing:
    """Tell of a subscription that only Pleo knows; it may be another program's."""
    remark = "not ours"
    if public_url is not None and shown.endpoint_url.startswith(f"{public_url}{PATH}"):
        remark = (
            "it points here, and is not in this register: counterfoil webhooks remove "
            f"--connection {name} --subscription {shown.id}"
        )
    return Standing(
        connection=name,
        subscription_id=shown.id,
        status=shown.status,
        url=_without_token(shown.endpoint_url),
        heard_at=None,
        remark=remark,
    )


def _without_token(url: str) -> str:
    """Show where a URL points, without what must not be known."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return "…"
    path = parts.path.rpartition("/")[0]
    return f"{parts.scheme}://{host}{path}/…"


async def _trial(connection: Connection, ours: Subscription, url: str) -> str | None:
    """Deliver a trial; return why it did not arrive as it should."""
    body = json_body({"eventType": TRIAL, "data": {}})
    headers = sign(ours.credentials.secret, f"msg_trial_{secrets.token_hex(8)}", body)
    headers |= ours.credentials.carried | {"Content-Type": "application/json"}
    try:
        async with httpx.AsyncClient(
            timeout=TRIAL_SECONDS, verify=trust(connection.ca_file)
        ) as client:
            with effect("webhooks.try", _without_token(url)):
                answer = await client.post(url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = str(error) or type(error).__name__
        return f"{_without_token(url)} is not reached from here: {why}"
    return _answered(answer.status_code, _without_token(url))


def _answered(status: int, place: str) -> str | None:
    """Say what an answer to a trial means; None for the right one."""
    if status == HTTPStatus.NO_CONTENT:
        return None
    meanings = {
        401: "something on the way changes a header or the body, or a clock is wrong",
        404: "no service with this register answers there",
        503: "the service cannot use its register now",
    }
    meaning = meanings.get(status, "what answers there is not counterfoil serve")
    return f"{place} answers {status} to a trial: {meaning}"

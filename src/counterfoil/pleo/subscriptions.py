"""The calls of Pleo's Webhook Subscriptions API v1.

A subscription belongs to whom the credentials belong to: made with a company's key, it is that
company's. What is subscribed to, and when one is replaced, is left to ``counterfoil.runner``.
Source: Pleo Webhook Subscriptions API v1, OpenAPI 11.6.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import BeforeValidator, Field

from counterfoil.pleo.calling import Calls, json_body
from counterfoil.pleo.errors import PleoMalformed, PleoNotFound
from counterfoil.pleo.models import Text, Time, Wire
from counterfoil.pleo.transport import Request
from counterfoil.pleo.wire import Json, parse_json, read_as

__all__ = ["Activity", "SubscriptionShown", "Subscriptions", "Wish"]

_PATH = "/v1/subscriptions"


def _several(value: object) -> object:
    """Read a single event as a list of one: Pleo's sample of an answer prints it so."""
    return [value] if isinstance(value, str) else value


class AuthCredential(Wire):
    """What Pleo sends in ``Authorization``."""

    username: Text | None = None
    password: Text | None = Field(default=None, repr=False)


class EndpointAuth(Wire):
    """How Pleo says who it is, beside the signature."""

    type: Text = "NONE"
    credentials: AuthCredential | None = None


class SubscriptionShown(Wire):
    """A subscription as Pleo shows it; its URL holds a token, and so is shown to nobody."""

    id: Text
    endpoint_url: Text = Field(repr=False)
    event_types: Annotated[Sequence[Text], BeforeValidator(_several)]
    status: Text
    """ACTIVE or INACTIVE: only the former delivers."""
    created_at: Time
    updated_at: Time
    custom_headers: Mapping[str, Text] | None = Field(default=None, repr=False)
    endpoint_auth: EndpointAuth | None = None

    @property
    def active(self) -> bool:
        """Whether it delivers."""
        return self.status == "ACTIVE"


class Activity(Wire):
    """Something that was done to a subscription, and by whom."""

    created_at: Time
    description: Text
    operation_type: Text
    actor_urn: Text


class Wish(Wire):
    """A subscription as we want it; PUT replaces all of it."""

    endpoint_url: Text = Field(repr=False)
    event_types: Sequence[Text]
    active: bool
    basic: tuple[str, str] | None = Field(default=None, repr=False)
    """User and password of basic authentication."""
    headers: Mapping[str, str] = Field(default={}, repr=False)

    def body(self) -> bytes:
        """Write it for the wire."""
        auth: dict[str, object] = {"type": "NONE"}
        if self.basic is not None:
            user, password = self.basic
            credentials = {"username": user, "password": password}
            auth = {"type": "BASIC", "credentials": credentials}
        return json_body(
            {
                "endpointUrl": self.endpoint_url,
                "eventTypes": list(self.event_types),
                "status": "ACTIVE" if self.active else "INACTIVE",
                "endpointAuth": auth,
                **({"customHeaders": dict(self.headers)} if self.headers else {}),
            }
        )


class Subscriptions:
    """The subscriptions that one client's credentials may see; its calls raise ``PleoError``."""

    def __init__(self, calls: Calls) -> None:
        """Take the client's ways to call Pleo."""
        self._calls = calls

    async def all(self) -> list[SubscriptionShown]:
        """Return all of them, in Pleo's order."""
        pages = self._calls.pages("list_subscriptions", _PATH, [], "id")
        return [
            read_as(SubscriptionShown, row, "list_subscriptions")
            async for page in pages
            for row in page
        ]

    async def get(self, id: str) -> SubscriptionShown:
        """Return one; raises PleoNotFound."""
        request = Request(operation="get_subscription", method="GET", path=_path(id))
        return _shown(await self._calls.repeat(request), request)

    async def create(self, wish: Wish) -> SubscriptionShown:
        """Make one; sent once: without an answer, it may or may not be there."""
        request = Request(
            operation="create_subscription", method="POST", path=_PATH, body=wish.body()
        )
        return _shown(parse_json(await self._calls.once(request)), request)

    async def update(self, id: str, wish: Wish) -> SubscriptionShown:
        """Replace one whole; raises PleoNotFound."""
        request = Request(
            operation="update_subscription", method="PUT", path=_path(id), body=wish.body()
        )
        return _shown(await self._calls.repeat(request), request)

    async def delete(self, id: str) -> None:
        """Remove one; that it is gone already is fine."""
        request = Request(operation="delete_subscription", method="DELETE", path=_path(id))
        try:
            await self._calls.repeat_bare(request)
        except PleoNotFound:
            return

    async def secret(self, id: str) -> str:
        """Return what signs its deliveries, ``whsec_`` and base64; raises PleoNotFound."""
        request = Request(
            operation="get_subscription_secret", method="GET", path=f"{_path(id)}/secret"
        )
        secret = _data(await self._calls.repeat(request)).get("secretKey")
        if not isinstance(secret, str) or not secret:
            raise PleoMalformed(f"Pleo's answer to {request} holds no secretKey.")
        return secret

    async def activities(self, id: str) -> list[Activity]:
        """Return what was done to it; raises PleoNotFound."""
        pages = self._calls.pages(
            "list_subscription_activities", f"{_path(id)}/activities", [], "id"
        )
        return [
            read_as(Activity, row, "list_subscription_activities")
            async for page in pages
            for row in page
        ]


def _path(id: str) -> str:
    """Return a subscription's path, whatever its id holds."""
    return f"{_PATH}/{quote(id, safe='')}"


def _data(value: Json) -> dict[str, Json]:
    """Take what is asked for out of its ``data`` wrapper."""
    data = value.get("data") if isinstance(value, dict) else None
    return data if isinstance(data, dict) else {}


def _shown(value: Json, request: Request) -> SubscriptionShown:
    return read_as(SubscriptionShown, _data(value), str(request))

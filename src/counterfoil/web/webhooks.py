"""``POST /webhooks/{token}``: Pleo says that a company has an export job.

The token chooses the subscription, and with it the connection and what proves a delivery. A genuine
one is noted durably together with its company's flag "look again", and answered 204; then whoever
drains the company is woken. It proves nothing but that it is worth looking: the job is read again.

    404  the token is nobody's; the body is not read
    401  basic authentication, a custom header or the signature is wrong
    413  over 64 KB        408  not there within 5 seconds
    400  genuine, and nobody can tell what it says
    503  the register cannot be written now: the sender sends it again
"""

from __future__ import annotations

import time
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

import structlog
from starlette.responses import Response
from starlette.routing import Route

from counterfoil.errors import CounterfoilError
from counterfoil.pleo.webhooks import (
    TRIAL,
    WebhookForged,
    WebhookUnreadable,
    check_signature,
    read,
)
from counterfoil.register import Delivery
from counterfoil.telemetry import note
from counterfoil.web.answers import refused
from counterfoil.web.bodies import Refused, read_body
from counterfoil.web.known import Known
from counterfoil.web.notes import Notes
from counterfoil.web.seldom import Seldom

if TYPE_CHECKING:
    from starlette.requests import Request

    from counterfoil.pleo.webhooks import Event
    from counterfoil.register import Register
    from counterfoil.register.webhooks import Subscription
    from counterfoil.web.asking import Wake

__all__ = ["BODY_LIMIT", "BODY_SECONDS", "webhook_route"]

BODY_LIMIT: Final = 64 * 1024
"""The longest body, in bytes."""
BODY_SECONDS: Final = 5.0
"""How long a body may take to arrive."""
ID_LIMIT: Final = 200
"""The longest ``webhook-id``; Pleo's have some thirty letters."""

NOTHING: Final = "-"
"""Stands for the connection where there is none."""

log = structlog.get_logger(__name__)


def webhook_route(register: Register, wake: Wake) -> Route:
    """Return the route; ``wake`` is called when a company's flag was set, after it is durable."""
    return Route("/webhooks/{token}", _Endpoint(register, wake).receive, methods=["POST"])


class _Endpoint:
    """Takes deliveries."""

    def __init__(self, register: Register, wake: Wake) -> None:
        self._known = Known(register.subscriptions)
        self._notes = Notes(register.wakeups)
        self._wake = wake
        self._seldom = Seldom()

    async def receive(self, request: Request) -> Response:
        """Answer a delivery."""
        name = NOTHING
        try:
            subscription = await self._known.find(request.path_params["token"])
            if subscription is None:
                return self._refuse(Refused(404, "its URL is none of ours"), name)
            name = subscription.connection
            outcome = await self._take(request, subscription)
        except Refused as error:
            return self._refuse(error, name)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the sender sends it again
            return self._put_off(error, name)
        note("webhook", outcome=outcome)
        return Response(status_code=204)

    async def _take(self, request: Request, subscription: Subscription) -> str:
        """Take a delivery of a subscription; say what it was."""
        _check_credentials(request, subscription)
        body = await read_body(request, limit=BODY_LIMIT, seconds=BODY_SECONDS)
        event = _event(request, subscription, body)
        if event.type == TRIAL:
            return "trial"
        await self._known.delivered(subscription)
        if not event.is_job:
            log.info("a webhook about something else", connection=subscription.connection)
            return "unknown_event"
        if event.company_id not in {None, subscription.company_id.lower()}:
            self._seldom.warn(
                "a webhook for a company that is not this connection's: ignored",
                subscription.connection,
                company=str(event.company_id),
            )
            return "other_company"
        return await self._heard(request, subscription, event)

    async def _heard(self, request: Request, subscription: Subscription, event: Event) -> str:
        delivery = Delivery(
            webhook_id=request.headers["webhook-id"],
            connection=subscription.connection,
            company_id=subscription.company_id,
            job_id=event.job_id,
        )
        if not await self._notes.note(delivery):
            return "repeated"
        note("webhook lag", time.time() - float(request.headers["webhook-timestamp"]))
        log.info("a webhook", connection=subscription.connection, job=event.job_id)
        await self._woken(subscription.connection)
        return "new"

    async def _woken(self, name: str) -> None:
        """Wake whoever drains a connection; where that fails, its flag is found a little later."""
        try:
            if not await self._wake(name):
                self._seldom.warn(
                    "a webhook for a connection that this service does not have: it waits until "
                    "one has it; if none is to, remove it with counterfoil webhooks remove",
                    name,
                )
        except Exception as error:  # noqa: BLE001 -- it is noted, and so not lost
            self._seldom.warn(
                "nobody could be woken; it is looked at later", name, reason=repr(error)
            )

    def _refuse(self, error: Refused, name: str) -> Response:
        note("webhook", outcome="refused")
        self._seldom.warn("a webhook was refused", name, reason=error.why)
        return refused(error.status, error.why, **error.headers)

    def _put_off(self, error: Exception, name: str) -> Response:
        note("webhook", outcome="put_off")
        reason = str(error) if isinstance(error, CounterfoilError) else repr(error)
        self._seldom.warn("a webhook cannot be noted now", name, reason=reason)
        return refused(503, "It cannot be noted now: send it again", **{"Retry-After": "5"})


def _check_credentials(request: Request, subscription: Subscription) -> None:
    """Raise Refused unless it carries what Pleo was told to send with each delivery."""
    for header, value in subscription.credentials.carried.items():
        given = request.headers.get(header, "")
        if not compare_digest(given.encode(), value.encode()):
            raise Refused(401, f"its header {header} is missing or wrong")


def _event(request: Request, subscription: Subscription, body: bytes) -> Event:
    """Check the signature and read what is told; raises Refused."""
    try:
        check_signature(subscription.credentials.secret, request.headers, body)
        if len(request.headers["webhook-id"]) > ID_LIMIT:
            raise Refused(400, f"its webhook-id is longer than {ID_LIMIT} letters")
        return read(body)
    except WebhookForged as error:
        raise Refused(401, str(error)) from error
    except WebhookUnreadable as error:
        raise Refused(400, str(error)) from error

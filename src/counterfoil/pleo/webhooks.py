"""Pleo's webhooks: is a delivery genuine, and what does it tell.

A delivery is signed as Standard Webhooks has it, over its raw bytes. What it tells is read from
both shapes that Pleo's pages show, with every spelling of the event. What a job is now is never
taken from it: a job is always read again.
Source: Pleo's developer pages on webhooks; standardwebhooks.com; Webhook Subscriptions API v1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from counterfoil.errors import CounterfoilError
from counterfoil.pleo.wire import Json, read_json

__all__ = [
    "JOB_CREATED",
    "TRIAL",
    "Event",
    "WebhookForged",
    "WebhookUnreadable",
    "check_signature",
    "read",
    "sign",
]

JOB_CREATED: Final = "v1.export-job.created"
"""The event we subscribe to."""

TRIAL: Final = "counterfoil.trial"
"""An event of our own, by which ``webhooks verify`` finds out whether a URL is reached."""

_SPELLINGS = re.compile(r"(v\d+\.)?export[-.]job[-.]created")


class WebhookForged(CounterfoilError):
    """A delivery was not signed with its subscription's secret, or not in these five minutes."""


class WebhookUnreadable(CounterfoilError):
    """A delivery is genuine, and nobody can tell what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a delivery tells."""

    type: str
    """As Pleo spells it."""
    company_id: str | None
    """Lower case; None where it names no company."""
    job_id: str | None

    @property
    def is_job(self) -> bool:
        """Whether an export job was created."""
        return _SPELLINGS.fullmatch(self.type) is not None


def check_signature(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise WebhookForged unless the headers sign these very bytes, within five minutes of now."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError as error:
        raise WebhookForged(_why(str(error))) from error
    except ValueError as error:  # not base64, not UTF-8
        raise WebhookForged("its signature or its body is none that anybody can check") from error
    except EmptyWebhookSecretError as error:
        raise WebhookForged("the subscription's secret is empty: rotate it") from error


def sign(secret: str, id: str, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery of our own, signed now; raises WebhookForged."""
    now = datetime.now(UTC)
    try:
        signature = Webhook(secret).sign(id, now, body.decode())
    except (ValueError, EmptyWebhookSecretError) as error:
        raise WebhookForged("Pleo gives a secret that nobody can sign with") from error
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def _why(said: str) -> str:
    """Say what a person can do about it."""
    if "timestamp" in said:
        return f"{said}: is this machine's clock right?"
    return said


def read(body: bytes) -> Event:
    """Read what a delivery tells, from either of its shapes; raises WebhookUnreadable."""
    try:
        value = read_json(body)
    except ValueError as error:
        raise WebhookUnreadable(f"it is not JSON ({error})") from error
    payload = _within(value, "payload") or value
    event = _text(payload, "eventType")
    if event is None:
        raise WebhookUnreadable("it names no eventType")
    data = _within(payload, "data")
    company = _text(data, "companyId")
    return Event(
        type=event,
        company_id=company.lower() if company else None,
        job_id=_text(data, "id"),
    )


def _within(value: Json, key: str) -> dict[str, Json] | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else None


def _text(value: Json, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None

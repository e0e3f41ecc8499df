"""Webhook subscriptions as Pleo keeps them: plain data, and how it looks on the wire."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.model import Item

__all__ = ["EVENTS", "Hook", "HookActivity", "new_secret"]

EVENTS = ("v1.export-job.created", "v1.vendor.created")


def new_secret() -> str:
    """Draw what signs a subscription's deliveries."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


@dataclass(frozen=True, slots=True)
class HookActivity:
    """Something that was done to a subscription."""

    id: str
    hook_id: str
    operation: str
    at: datetime
    actor: str

    def as_json(self) -> Item:
        """Return it as ``SubscriptionActivityModel``."""
        return {
            "id": self.id,
            "subscriptionId": self.hook_id,
            "operationType": self.operation,
            "description": f"{self.operation.capitalize()}d the subscription",
            "createdAt": stamp(self.at),
            "actorUrn": self.actor,
        }


@dataclass(slots=True)
class Hook:
    """A subscription: where to deliver which events of whom (``company_id`` None: of everybody)."""

    id: str
    company_id: str | None
    endpoint_url: str
    event_types: list[str]
    created_at: datetime
    updated_at: datetime
    status: str = "ACTIVE"
    custom_headers: dict[str, str] | None = None
    endpoint_auth: Item | None = None
    secret: str = field(default_factory=new_secret, repr=False)
    activities: list[HookActivity] = field(default_factory=list)

    def wants(self, event_type: str, company_id: str) -> bool:
        """Tell whether an event of a company is delivered."""
        concerned = self.company_id in {None, company_id}
        return self.status == "ACTIVE" and concerned and event_type in self.event_types

    def as_json(self) -> Item:
        """Return it as ``SubscriptionModel``; what was not given is absent."""
        shown: Item = {
            "id": self.id,
            "endpointUrl": self.endpoint_url,
            "eventTypes": list(self.event_types),
            "status": self.status,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        }
        more = {"customHeaders": self.custom_headers, "endpointAuth": self.endpoint_auth}
        return shown | {name: value for name, value in more.items() if value is not None}

"""A webhook endpoint on real HTTP, with a register of its own; what is woken is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from counterfoil.register import Register, open_register
from counterfoil.register.sealing import Seal, new_key
from counterfoil.register.webhooks import Credentials, Subscription, hash_of
from counterfoil.web.app import create_app
from counterfoil.web.webhooks import webhook_route
from tests.pleo.serving import served
from tests.web.signing import SECRET, about_job, headers_for

COMPANY = "b5fdaec1-1b43-4b62-996a-b0471c3bb336"
TOKEN = "token-of-the-first"


@dataclass
class Endpoint:
    """A served endpoint."""

    register: Register
    client: httpx.Client
    woken: list[str] = field(default_factory=list)

    def send(
        self, body: bytes, headers: dict[str, str] | None = None, *, token: str = TOKEN
    ) -> httpx.Response:
        """Deliver a body, signed unless headers are given."""
        signed = headers_for(body) if headers is None else headers
        return self.client.post(f"/webhooks/{token}", content=body, headers=signed)

    def tell(self, company_id: str = COMPANY) -> int:
        """Deliver that a job was created; returns the status."""
        return self.send(about_job(company_id)).status_code

    def flagged(self) -> bool:
        """Take the company's flag; says whether it was set."""
        return self.register.wakeups.taken(COMPANY) is not None


def subscribe(
    register: Register,
    token: str = TOKEN,
    *,
    connection: str = "acme",
    company_id: str = COMPANY,
    basic: str | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    """Keep a subscription of a connection."""
    credentials = Credentials(secret=SECRET, basic=basic, headers=headers or {})
    register.subscriptions.add(
        Subscription(
            subscription_id=f"id of {token}",
            connection=connection,
            company_id=company_id,
            environment="staging",
            token_hash=hash_of(token),
            credentials=credentials,
            made_at=datetime.now(UTC),
        )
    )


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """Serve an endpoint that knows one subscription."""
    woken: list[str] = []

    async def wake(name: str) -> bool:
        woken.append(name)
        return name == "acme"

    url = f"sqlite:///{tmp_path}/counterfoil.db"
    with open_register(url, seal=Seal([new_key()])) as register:
        subscribe(register)
        app = create_app(webhook_route(register, wake))
        with served(app) as base_url, httpx.Client(base_url=base_url, timeout=30) as client:
            yield Endpoint(register, client, woken)

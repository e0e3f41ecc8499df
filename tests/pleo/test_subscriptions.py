"""The calls of the Webhook Subscriptions API, both sides held against Pleo's contract."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from counterfoil.pleo import ApiKeyAuth, PleoClient, PleoNotFound, PleoUnanswered, Retries
from counterfoil.pleo.subscriptions import SubscriptionShown, Wish
from counterfoil.pleo.wire import read_as
from counterfoil.sandbox import Company, Fault, Kind, SandboxServer, State
from tests.pleo.contract import ContractTransport, sample

QUICK = Retries(wait_initial=0.001, wait_max=0.002, jitter=0.001)
URL = "https://books.example.com/webhooks/token"
EVENT = "v1.export-job.created"


def a_wish(*, active: bool = True, **more: object) -> Wish:
    return Wish.model_validate(
        {"endpoint_url": URL, "event_types": [EVENT], "active": active} | more
    )


@pytest.fixture
def company() -> Company:
    return State().add_company()


@pytest_asyncio.fixture
async def pleo(company: Company, wire: ContractTransport) -> AsyncIterator[PleoClient]:
    """Give a client of a sandbox; every request and answer is checked."""
    async with (
        SandboxServer(company.state) as server,
        PleoClient(
            server.url,
            ApiKeyAuth(company.api_key),
            company_id=company.id,
            transport=wire,
            retries=QUICK,
        ) as client,
    ):
        yield client


async def test_a_subscription_is_made_read_changed_and_removed(pleo: PleoClient) -> None:
    made = await pleo.subscriptions.create(a_wish(active=False))
    assert (made.endpoint_url, list(made.event_types), made.active) == (URL, [EVENT], False)
    assert (await pleo.subscriptions.secret(made.id)).startswith("whsec_")
    changed = await pleo.subscriptions.update(made.id, a_wish())
    assert changed.active
    assert await pleo.subscriptions.get(made.id) == changed
    done = await pleo.subscriptions.activities(made.id)
    assert [each.operation_type for each in done] == ["CREATE", "UPDATE"]
    await pleo.subscriptions.delete(made.id)
    await pleo.subscriptions.delete(made.id)
    with pytest.raises(PleoNotFound):
        await pleo.subscriptions.get(made.id)


async def test_all_pages_are_read(pleo: PleoClient, company: Company) -> None:
    company.state.max_page_size = 2
    made = [(await pleo.subscriptions.create(a_wish())).id for _ in range(5)]
    assert [each.id for each in await pleo.subscriptions.all()] == made


async def test_what_pleo_shall_send_is_said_and_shown_to_nobody(
    pleo: PleoClient, wire: ContractTransport
) -> None:
    wish = a_wish(basic=("pleo", "hunter2"), headers={"X-Gate": "sesame"})
    made = await pleo.subscriptions.create(wish)
    sent = json.loads(wire.seen[0].content)
    assert sent["endpointAuth"]["credentials"] == {"username": "pleo", "password": "hunter2"}
    assert sent["customHeaders"] == {"X-Gate": "sesame"}
    for shown in (repr(made), repr(wish)):
        assert "hunter2" not in shown
        assert "sesame" not in shown
        assert "token" not in shown


async def test_making_one_is_never_repeated(pleo: PleoClient, company: Company) -> None:
    company.state.faults = [Fault(Kind.ERROR_AFTER, "create_subscription", times=1)]
    with pytest.raises(PleoUnanswered):
        await pleo.subscriptions.create(a_wish())
    assert len(company.state.hooks) == 1


async def test_the_rest_is_repeated_until_it_is_answered(
    pleo: PleoClient, company: Company
) -> None:
    made = await pleo.subscriptions.create(a_wish())
    company.state.faults = [Fault(Kind.DROP_AFTER, "delete_subscription", times=2)]
    await pleo.subscriptions.delete(made.id)
    assert company.state.hooks == {}


def test_pleos_sample_is_read() -> None:
    """It prints the events as one text."""
    data = sample("webhook_subscription")["response"]["data"]
    shown = read_as(SubscriptionShown, data, "sample")
    assert (list(shown.event_types), shown.active) == ([EVENT], True)

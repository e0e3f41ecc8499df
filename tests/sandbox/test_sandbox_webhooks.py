"""Webhooks of the sandbox: signed, sent again until they are taken, and faults on purpose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.sandbox import Company, Fault, Kind, State
from counterfoil.sandbox.store import keep, load
from tests.sandbox.listener import Listener, listening

JOB_CREATED = "v1.export-job.created"


@pytest.fixture
def listener(state: State) -> Iterator[Listener]:
    """Listen; what is not taken is sent again at once."""
    state.outbox.retry_after = [0.01] * 5
    with listening() as somebody:
        yield somebody


def subscribe(api: httpx.Client, listener: Listener, **more: object) -> dict[str, Any]:
    """Subscribe to jobs; returns the subscription, with its secret."""
    wish = {"endpointUrl": f"{listener.url}/hook", "eventTypes": [JOB_CREATED]} | more
    shown: dict[str, Any] = api.post("/v1/subscriptions", json=wish).json()["data"]
    secret = api.get(f"/v1/subscriptions/{shown['id']}/secret").json()["data"]["secretKey"]
    return shown | {"secret": secret}


def sendings(state: State, count: int) -> list[int | None]:
    """Wait until the log has so many; returns the answers."""
    end = time.monotonic() + 60
    while state.count("webhook") < count:
        assert time.monotonic() < end
        time.sleep(0.01)
    return [entry.status for entry in state.events if entry.kind == "webhook"]


def test_a_new_job_is_told_to_who_subscribed(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    hook = subscribe(api, listener)
    company.add_items(2)
    job = state.queue_job(company.id)
    (delivery,) = listener.wait(1)
    assert delivery.signed_with(hook["secret"])
    assert abs(int(delivery.headers["webhook-timestamp"]) - time.time()) < 60
    event = delivery.event
    assert event["eventType"] == JOB_CREATED
    assert event["data"]["id"] == job
    assert event["data"]["companyId"] == company.id
    assert event["data"]["numberOfItems"] == 2
    assert sendings(state, 1) == [204]


def test_what_was_agreed_is_sent_along(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    login = {"username": "pleo", "password": "hunter2"}
    subscribe(
        api,
        listener,
        customHeaders={"X-Gate": "key"},
        endpointAuth={"type": "BASIC", "credentials": login},
    )
    state.queue_job(company.id, company.add_items(1))
    (delivery,) = listener.wait(1)
    assert delivery.headers["x-gate"] == "key"
    assert delivery.headers["authorization"] == "Basic cGxlbzpodW50ZXIy"


def test_what_is_not_taken_is_sent_again_with_the_same_id(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    subscribe(api, listener)
    listener.answers = [500, 302, 401]
    state.queue_job(company.id, company.add_items(1))
    deliveries = listener.wait(4)
    assert sendings(state, 4) == [500, 302, 401, 204]
    assert len({each.headers["webhook-id"] for each in deliveries}) == 1
    assert len(listener.heard) == 4


def test_nobody_else_is_told(api: httpx.Client, state: State, listener: Listener) -> None:
    """Neither of another company's job, nor who is inactive, gone, or wants other events."""
    subscribe(api, listener, status="INACTIVE")
    subscribe(api, listener, eventTypes=["v1.vendor.created"])
    hook = subscribe(api, listener)
    assert api.delete(f"/v1/subscriptions/{hook['id']}").status_code == 204
    other = state.add_company("Other")
    job = state.job(state.queue_job(other.id, other.add_items(1)))
    assert state.outbox.tell_of_job(job) == 0
    assert state.outbox.tell(JOB_CREATED, next(iter(state.companies)), {}, job_id=None) == 0


def test_a_subscription_is_changed_and_its_history_kept(
    api: httpx.Client, listener: Listener
) -> None:
    hook = subscribe(api, listener)
    path = f"/v1/subscriptions/{hook['id']}"
    wish = {"endpointUrl": listener.url, "eventTypes": [JOB_CREATED], "status": "INACTIVE"}
    assert api.put(path, json=wish).json()["data"]["status"] == "INACTIVE"
    assert api.get(path).json()["data"]["endpointUrl"] == listener.url
    assert [each["id"] for each in api.get("/v1/subscriptions").json()["data"]] == [hook["id"]]
    assert api.get("/v1/subscriptions", params={"status": "ACTIVE"}).json()["data"] == []
    done = api.get(f"{path}/activities").json()["data"]
    assert [each["operationType"] for each in done] == ["CREATE", "UPDATE"]


def test_another_companys_subscription_is_not_there(
    api: httpx.Client, state: State, connect: Callable[[str], httpx.Client], listener: Listener
) -> None:
    hook = subscribe(api, listener)
    stranger = connect(state.add_company("Other").api_key)
    assert stranger.get(f"/v1/subscriptions/{hook['id']}").status_code == 404
    assert stranger.get("/v1/subscriptions").json()["data"] == []
    organisation = connect(state.add_key(None))
    assert organisation.get(f"/v1/subscriptions/{hook['id']}").status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"eventTypes": [JOB_CREATED, JOB_CREATED]},
        {"endpointUrl": "ftp://example.com"},
        {"endpointAuth": {"type": "BASIC"}},
        {"status": "SLEEPING"},
        {"customHeaders": None},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(api: httpx.Client, wish: dict[str, Any]) -> None:
    whole = {"endpointUrl": "https://example.com", "eventTypes": [JOB_CREATED]} | wish
    assert api.post("/v1/subscriptions", json=whole).status_code == 400


def test_a_forged_webhook_is_followed_by_a_genuine_one(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    hook = subscribe(api, listener)
    state.faults = [Fault(Kind.WEBHOOK_FORGED, times=1)]
    listener.answers = [401]
    state.queue_job(company.id, company.add_items(1))
    forged, genuine = listener.wait(2)
    assert not forged.signed_with(hook["secret"])
    assert genuine.signed_with(hook["secret"])


def test_a_webhook_may_come_torn_late_and_twice(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    subscribe(api, listener)
    state.faults = [
        Fault(Kind.WEBHOOK_TORN, times=1),
        Fault(Kind.WEBHOOK_LATE, times=2, value=0.05),
        Fault(Kind.WEBHOOK_TWICE, skip=1, times=1),
    ]
    state.queue_job(company.id, company.add_items(1))
    first, second = listener.wait(2)
    assert listener.torn == 1
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert sendings(state, 3) == [0, 204, 204]


def test_a_webhook_may_never_come(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    subscribe(api, listener)
    state.faults = [Fault(Kind.WEBHOOK_NEVER, times=1)]
    state.queue_job(company.id, company.add_items(1))
    state.queue_job(company.id, company.add_items(1))
    (delivery,) = listener.wait(1)
    assert delivery.event["data"]["numberOfItems"] == 1
    assert sendings(state, 1) == [204]
    assert state.count("fault", "webhook_never") == 1


def test_a_person_sends_webhooks_by_hand(
    api: httpx.Client, state: State, company: Company, listener: Listener
) -> None:
    subscribe(api, listener, eventTypes=[JOB_CREATED, "v1.vendor.created"])
    job = state.queue_job(company.id, company.add_items(1))
    assert api.post("/_sandbox/webhooks", json={"jobId": job}).json() == {"sent": 1}
    assert api.post("/_sandbox/webhooks", json={"data": {"name": "Acme"}}).json() == {"sent": 1}
    told = {each.event["eventType"] for each in listener.wait(3)}
    assert told == {JOB_CREATED, "v1.vendor.created"}
    assert api.post("/_sandbox/webhooks", json={"jobId": "none"}).status_code == 404
    assert len(api.get("/_sandbox/webhooks").json()) == 1
    assert api.patch("/_sandbox/webhooks", json={"retryAfterSeconds": [1]}).status_code == 200
    assert list(state.outbox.retry_after) == [1]


def test_subscriptions_are_kept_in_the_file(
    api: httpx.Client, state: State, listener: Listener, tmp_path: Path
) -> None:
    keep(state, tmp_path / "state.json")
    hook = subscribe(api, listener, customHeaders={"X-Gate": "key"})
    again = load(tmp_path / "state.json")
    assert again.hooks == state.hooks
    assert again.hooks[hook["id"]].secret == hook["secret"]

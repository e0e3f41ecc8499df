"""Faults: what strikes, where, how often, and whether the call happened all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import httpx
import pytest

from counterfoil.sandbox import Fault, Kind, Receipt

if TYPE_CHECKING:
    from counterfoil.sandbox import Company, State

Tell: TypeAlias = Callable[..., httpx.Response]


@pytest.fixture
def job_id(state: State, company: Company) -> str:
    return state.queue_job(company.id, company.add_items(5))


@pytest.fixture
def raw(company: Company, api: httpx.Client) -> Iterator[httpx.Client]:
    """Return a client whose answers may leave the contract."""
    with httpx.Client(base_url=api.base_url, auth=(company.api_key, "")) as client:
        yield client


def test_a_rate_limit_says_how_long_to_wait(raw: httpx.Client, state: State, job_id: str) -> None:
    state.faults = [Fault(Kind.RATE_LIMIT, "get_job", times=2, value=7)]
    answers = [raw.get(f"/v3/export-jobs/{job_id}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"


def test_a_fault_lets_calls_pass_first_and_keeps_to_its_endpoint(
    raw: httpx.Client, state: State, job_id: str
) -> None:
    state.faults = [Fault(Kind.UNAVAILABLE, "list_job_items", times=1, skip=1)]
    path = f"/v3/export-jobs/{job_id}/items"
    assert [raw.get(path).status_code for _ in range(3)] == [200, 503, 200]
    assert raw.get(f"/v3/export-jobs/{job_id}").status_code == 200


def test_chance_is_drawn_by_the_seed(raw: httpx.Client, state: State) -> None:
    def draw(seed: int) -> list[int]:
        state.faults = [Fault(Kind.UNAVAILABLE, probability=0.5, seed=seed)]
        return [raw.get("/v3/export-jobs").status_code for _ in range(20)]

    assert draw(1) == draw(1) != draw(2)
    assert set(draw(1)) == {200, 503}


def test_a_dropped_call_did_not_happen(raw: httpx.Client, state: State, job_id: str) -> None:
    state.faults = [Fault(Kind.DROP_BEFORE, "post_event", times=1)]
    with pytest.raises(httpx.TransportError):
        raw.post("/v3/export-job-events", json={"event": "started", "jobId": job_id})
    assert state.job(job_id).status == "pending"
    assert state.events[-1].status == 0


@pytest.mark.parametrize("kind", [Kind.DROP_AFTER, Kind.ERROR_AFTER])
def test_a_call_happened_though_its_answer_is_lost(
    raw: httpx.Client, state: State, job_id: str, kind: Kind
) -> None:
    state.faults = [Fault(kind, "post_event", times=1)]
    try:
        answer = raw.post("/v3/export-job-events", json={"event": "started", "jobId": job_id})
        assert answer.status_code == 500
    except httpx.TransportError:
        assert kind is Kind.DROP_AFTER
    assert state.job(job_id).status == "in_progress"


def test_a_torn_answer_ends_in_the_middle(raw: httpx.Client, state: State, job_id: str) -> None:
    state.faults = [Fault(Kind.TORN, "list_export_items", times=1)]
    with pytest.raises(httpx.RemoteProtocolError):
        raw.get("/v3/export-items", params={"job_id": job_id})
    assert raw.get("/v3/export-items", params={"job_id": job_id}).status_code == 200


def test_a_slow_answer_is_right(api: httpx.Client, state: State) -> None:
    state.faults = [Fault(Kind.SLOW, value=0.05)]
    assert api.get("/v3/export-jobs").elapsed.total_seconds() >= 0.05


def test_some_rows_of_an_update_are_not_taken(
    api: httpx.Client, state: State, job_id: str, tell: Tell
) -> None:
    tell(job_id, "started")
    state.faults = [Fault(Kind.PARTIAL, times=1, value=2)]
    ids = list(state.job(job_id).items)
    rows = [{"accountingEntryId": each, "status": "successful"} for each in ids]
    answer = api.put(f"/v3/export-jobs/{job_id}/items", json=rows).json()
    refused = {error["accountingEntryId"] for error in answer["errors"]}
    assert len(refused) == 2
    taken = {item.id for item in state.job(job_id).items.values() if item.status == "successful"}
    assert taken == set(ids) - refused


def test_a_page_comes_twice(api: httpx.Client, state: State, job_id: str) -> None:
    state.faults = [Fault(Kind.REPEAT_PAGE, times=1)]
    path = f"/v3/export-jobs/{job_id}/items"
    first = api.get(path, params={"limit": 2}).json()
    following = {"limit": 2, "after": first["pagination"]["endCursor"]}
    assert api.get(path, params=following).json() == first
    assert api.get(path, params=following).json() != first


def test_another_integration_claims_the_job_first(state: State, job_id: str, tell: Tell) -> None:
    state.faults = [Fault(Kind.CLAIM_FIRST, times=1)]
    assert tell(job_id, "started").status_code == 422
    assert state.job(job_id).status == "in_progress"
    assert state.count("event", "started", job_id) == 0


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Kind.CLOSE_JOB, "canceled_by_user"), (Kind.EXPIRE_JOB, "job_expired")],
)
def test_a_job_ends_in_the_middle_of_its_reports(
    api: httpx.Client, state: State, job_id: str, kind: Kind, reason: str
) -> None:
    state.faults = [Fault(kind, "update_items", times=1)]
    assert api.put(f"/v3/export-jobs/{job_id}/items", json=[]).status_code == 422
    assert state.job(job_id).failure_reason_type == reason


@pytest.mark.parametrize(
    ("kind", "status", "length"),
    [(Kind.URL_EXPIRED, 403, None), (Kind.TRUNCATED, 200, 4), (Kind.WRONG_SIZE, 200, 9)],
)
def test_a_receipt_is_not_what_was_announced(
    raw: httpx.Client,
    state: State,
    company: Company,
    kind: Kind,
    status: int,
    length: int | None,
) -> None:
    company.add_item(receipts=[Receipt(b"%PDF-1.4")])
    job_id = state.queue_job(company.id)
    item = raw.get("/v3/export-items", params={"job_id": job_id}).json()["data"][0]
    state.faults = [Fault(kind)]
    answer = raw.get(item["files"][0]["url"])
    assert answer.status_code == status
    assert length is None or len(answer.content) == length

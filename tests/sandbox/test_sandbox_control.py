"""The control API: a bookkeeper's hands, and a test's."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from counterfoil.sandbox import Company, State


def test_expenses_are_queued_and_exported(api: httpx.Client, company: Company) -> None:
    queued = api.post("/_sandbox/items", json={"count": 3, "seed": 4}).json()["ids"]
    assert company.queued() == queued
    job = api.post("/_sandbox/jobs", json={"vendorBased": True}).json()
    assert (job["numberOfItems"], job["vendorBasedBookkeeping"]) == (3, True)
    listed = api.get("/v3/export-jobs").json()["data"]
    assert [each["id"] for each in listed] == [job["id"]]


def test_chosen_expenses_are_exported_in_jobs_of_their_own(
    api: httpx.Client, company: Company
) -> None:
    for entry_id in company.add_items(2):
        answer = api.post("/_sandbox/jobs", json={"accountingEntryIds": [entry_id]})
        assert answer.status_code == 201
    overview = api.get("/_sandbox").json()["companies"][0]
    assert (overview["queued"], len(overview["jobs"])) == (0, 2)


def test_an_item_of_ones_own_is_served_as_it_was_given(api: httpx.Client, company: Company) -> None:
    item = company.build(value=0)
    text = json.dumps({"item": item}).replace('"value": 0', '"value": 1234567890123456.75')
    (entry_id,) = api.post("/_sandbox/items", content=text).json()["ids"]
    job = api.post("/_sandbox/jobs").json()
    answer = api.get("/v3/export-items", params={"job_id": job["id"]})
    (served,) = json.loads(answer.content, parse_float=Decimal)["data"]
    assert served["accountingEntryId"] == entry_id
    assert served["amount"]["inWalletCurrency"]["value"] == Decimal("1234567890123456.75")
    assert api.post("/_sandbox/items", content=text).status_code == 409


def test_an_expense_is_edited_unless_a_job_holds_it(api: httpx.Client, company: Company) -> None:
    entry_id = company.add_item()
    path = f"/_sandbox/items/{entry_id}"
    assert api.patch(path, json={"note": "new"}).json()["note"] == "new"
    assert api.patch(path, json={"accountingEntryId": "x"}).status_code == 400
    api.post("/_sandbox/jobs")
    assert api.patch(path, json={"note": "newer"}).status_code == 409
    again = api.post("/_sandbox/jobs", json={"accountingEntryIds": [entry_id]})
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("act", "reason"), [("close", "canceled_by_user"), ("expire", "job_expired")]
)
def test_a_job_is_ended_by_hand(
    api: httpx.Client, state: State, company: Company, act: str, reason: str
) -> None:
    job_id = state.queue_job(company.id, company.add_items(1))
    answer = api.post(f"/_sandbox/jobs/{job_id}/{act}").json()
    assert (answer["status"], answer["failureReasonType"]) == ("failed", reason)


def test_the_clock_is_moved(api: httpx.Client, state: State, company: Company) -> None:
    job_id = state.queue_job(company.id, company.add_items(1))
    api.post("/_sandbox/clock", json={"advanceSeconds": 3600})
    assert api.get(f"/v3/export-jobs/{job_id}").json()["data"]["status"] == "failed"
    assert api.post("/_sandbox/clock", json={"advanceSeconds": 10**17}).status_code == 400


def test_faults_are_switched_on_seen_and_switched_off(api: httpx.Client) -> None:
    wanted = {"kind": "unavailable", "endpoint": "list_jobs", "times": 1, "probability": 1.0}
    assert api.post("/_sandbox/faults", json=wanted).status_code == 201
    assert wanted.items() <= api.get("/_sandbox/faults").json()[0].items()
    assert api.delete("/_sandbox/faults").json() == []
    assert api.get("/v3/export-jobs").status_code == 200


def test_the_log_is_read_in_pieces_and_leaves_out_the_control_api(
    api: httpx.Client, tell: Callable[..., httpx.Response], state: State, company: Company
) -> None:
    job_id = state.queue_job(company.id, company.add_items(1))
    tell(job_id, "started")
    lines = api.get("/_sandbox/log").json()
    assert [line["kind"] for line in lines] == ["created", "event", "request"]
    assert api.get("/_sandbox/log", params={"after": 2}).json() == lines[2:]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "items", {"count": -1}, 400),
        ("POST", "items", {"item": {"accountingEntryId": "no uuid"}}, 400),
        ("POST", "items", {"companyId": "unknown"}, 404),
        ("POST", "jobs", {"accountingEntryIds": ["unknown"]}, 404),
        ("POST", "jobs", {"vendor": True}, 400),
        ("POST", "jobs/unknown/close", {}, 404),
        ("PATCH", "items/unknown", {}, 404),
        ("POST", "clock", {}, 400),
        ("POST", "faults", {"kind": "flood"}, 400),
        ("GET", "log?after=x", None, 400),
    ],
)
def test_what_cannot_be_done_is_refused(
    api: httpx.Client, company: Company, method: str, path: str, body: object, status: int
) -> None:
    assert company.queued() == []
    answer: dict[str, Any] = {}
    response = api.request(method, f"/_sandbox/{path}", json=body)
    answer = response.json()
    assert (response.status_code, set(answer)) == (status, {"type", "message"})


def test_with_two_companies_one_must_be_named(
    api: httpx.Client, state: State, company: Company
) -> None:
    other = state.add_company("Other")
    assert api.post("/_sandbox/items").status_code == 400
    api.post("/_sandbox/items", json={"companyId": other.id})
    assert (len(company.queued()), len(other.queued())) == (0, 1)
    assert api.post("/_sandbox/jobs", json={"companyId": str(uuid4())}).status_code == 404

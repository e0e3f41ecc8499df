"""Export jobs: listed, read, created."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import httpx

    from counterfoil.sandbox import Company, State


def statuses(response: httpx.Response) -> list[str]:
    return [job["status"] for job in response.json()["data"]]


def test_no_jobs_is_an_empty_list(api: httpx.Client) -> None:
    answer = api.get("/v3/export-jobs").json()
    assert answer["data"] == []
    assert answer["pagination"]["total"] == 0
    assert not answer["pagination"]["hasNextPage"]


def test_jobs_come_newest_first(api: httpx.Client, state: State, company: Company) -> None:
    older = state.queue_job(company.id, company.add_items(2), age=timedelta(minutes=5))
    newer = state.queue_job(company.id, company.add_items(1))
    listed = api.get("/v3/export-jobs").json()["data"]
    assert [(job["id"], job["numberOfItems"]) for job in listed] == [(newer, 1), (older, 2)]


def test_jobs_are_filtered_by_several_statuses(
    api: httpx.Client, state: State, company: Company, tell: Callable[..., httpx.Response]
) -> None:
    started, closed, _ = (state.queue_job(company.id, company.add_items(1)) for _ in range(3))
    tell(started, "started")
    state.close(closed)
    wanted = {"statuses": ["pending", "in_progress"], "company_id": company.id}
    answer = api.get("/v3/export-jobs", params=wanted)
    assert sorted(statuses(answer)) == ["in_progress", "pending"]
    shown = answer.json()["pagination"]["currentRequestPagination"]["parameters"]
    assert shown == {"company_id": [company.id], "statuses": ["pending", "in_progress"]}


def test_a_status_that_does_not_exist_is_refused(api: httpx.Client) -> None:
    assert api.get("/v3/export-jobs", params={"statuses": "expired"}).status_code == 400


def test_a_job_is_read_as_pleo_shows_it(api: httpx.Client, state: State, company: Company) -> None:
    job_id = state.queue_job(company.id, company.add_items(4), vendor_based=True)
    job = api.get(f"/v3/export-jobs/{job_id}").json()["data"]
    assert job["createdAt"] == job["lastUpdatedAt"]
    assert job["createdAt"].endswith("Z")
    fixed = {"status": "pending", "numberOfItems": 4, "expiresIn": 3600, "startedAt": None}
    assert fixed.items() <= job.items()
    assert job["vendorBasedBookkeeping"] is True
    assert job["failureReasonType"] is None


def test_an_unknown_job_is_not_found(api: httpx.Client) -> None:
    answer = api.get(f"/v3/export-jobs/{uuid4()}")
    assert (answer.status_code, answer.json()["type"]) == (404, "EXPORT_NOT_FOUND")


def test_an_integration_creates_a_job_of_chosen_expenses(
    api: httpx.Client, company: Company
) -> None:
    chosen, left = company.add_items(2)
    body = {"companyId": company.id, "accountingEntryIds": [chosen], "isInteractive": False}
    answer = api.post("/v3/export-jobs", json=body)
    assert answer.status_code == 201
    assert answer.json()["data"]["isInteractive"] is False
    assert company.queued() == [left]


def test_a_company_has_one_running_job_at_most(
    api: httpx.Client, state: State, company: Company
) -> None:
    state.queue_job(company.id, company.add_items(1))
    body = {"companyId": company.id, "accountingEntryIds": company.add_items(1)}
    answer = api.post("/v3/export-jobs", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, "EXPORT_ALREADY_IN_PROGRESS")


def test_a_wallet_without_contra_account_stops_the_export(
    api: httpx.Client, company: Company
) -> None:
    company.missing_contra_accounts.add("EUR")
    body = {"companyId": company.id, "accountingEntryIds": [company.add_item(currency="EUR")]}
    answer = api.post("/v3/export-jobs", json=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "MISSING_CONTRA_ACCOUNTS")
    assert "EUR" in answer.json()["message"]


def test_a_wallet_that_no_expense_needs_stops_nothing(api: httpx.Client, company: Company) -> None:
    company.missing_contra_accounts.add("EUR")
    ids = [company.add_item(), company.add_item(type="out_of_pocket", currency="EUR")]
    body = {"companyId": company.id, "accountingEntryIds": ids}
    assert api.post("/v3/export-jobs", json=body).status_code == 201


def test_an_unknown_expense_cannot_be_exported(api: httpx.Client, company: Company) -> None:
    body = {"companyId": company.id, "accountingEntryIds": [str(uuid4())]}
    assert api.post("/v3/export-jobs", json=body).status_code == 400


def test_a_body_that_is_no_json_is_refused(api: httpx.Client) -> None:
    assert api.post("/v3/export-jobs", content=b"{").status_code == 400

"""Job items (the control layer), export items (the data layer), receipts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from counterfoil.sandbox import Receipt, build_line
from counterfoil.sandbox.lifecycle import LockedByJob

if TYPE_CHECKING:
    from counterfoil.sandbox import Company, State

ANY_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.fixture
def job_id(state: State, company: Company) -> str:
    return state.queue_job(company.id, company.add_items(3))


@pytest.fixture
def running(job_id: str, tell: Callable[..., httpx.Response]) -> str:
    tell(job_id, "started")
    return job_id


def items_of(api: httpx.Client, job_id: str) -> list[dict[str, Any]]:
    answer = api.get("/v3/export-items", params={"job_id": job_id})
    items: list[dict[str, Any]] = json.loads(answer.content, parse_float=Decimal)["data"]
    return items


def row(entry_id: str, status: str = "successful", **fields: str | None) -> dict[str, str | None]:
    return {"accountingEntryId": entry_id, "status": status} | fields


def test_the_control_layer_lists_every_item_as_pending(
    api: httpx.Client, state: State, job_id: str
) -> None:
    answer = api.get(f"/v3/export-jobs/{job_id}/items").json()
    ids = [item["accountingEntryId"] for item in answer["data"]]
    assert ids == list(state.job(job_id).items)
    assert {item["status"] for item in answer["data"]} == {"pending"}
    assert answer["pagination"]["currentRequestPagination"]["parameters"] == {"jobId": [job_id]}


def test_the_control_layer_is_filtered_by_one_status(
    api: httpx.Client, state: State, running: str, report: Callable[..., httpx.Response]
) -> None:
    first, *others = state.job(running).items
    report(running, first, "successful")
    answer = api.get(f"/v3/export-jobs/{running}/items", params={"status": "pending"}).json()
    assert [item["accountingEntryId"] for item in answer["data"]] == others


def test_what_was_reported_is_read_back(
    api: httpx.Client, state: State, running: str, report: Callable[..., httpx.Response]
) -> None:
    entry_id = next(iter(state.job(running).items))
    sent = {"externalId": "JE-1", "externalUrl": "https://erp.example.com/JE-1"}
    report(running, entry_id, "successful", exportedAt="2026-04-22T12:08:56.75+02:00", **sent)
    listed = api.get(f"/v3/export-jobs/{running}/items").json()["data"][0]
    assert (sent | {"status": "successful", "exportedAt": "2026-04-22T10:08:56Z"}).items() <= (
        listed.items()
    )


def test_an_update_takes_some_rows_and_refuses_others(
    api: httpx.Client, state: State, running: str
) -> None:
    first, second, _ = state.job(running).items
    stranger = str(uuid4())
    rows = [row(first), row(stranger), row(second, "failed", failureReasonType="tag_unknown")]
    answer = api.put(f"/v3/export-jobs/{running}/items", json=rows)
    assert answer.status_code == 200
    assert [item["accountingEntryId"] for item in answer.json()["data"]] == [first, second]
    refused = [(error["accountingEntryId"], error["type"]) for error in answer.json()["errors"]]
    assert refused == [(stranger, "ACCOUNTING_ENTRY_DOES_NOT_EXIST")]


def test_a_final_item_keeps_its_status(
    state: State, running: str, report: Callable[..., httpx.Response]
) -> None:
    entry_id = next(iter(state.job(running).items))
    assert report(running, entry_id, "successful").json()["errors"] == []
    assert report(running, entry_id, "successful").json()["errors"] == []
    error = report(running, entry_id, "failed").json()["errors"][0]
    assert error["type"] == "EXPORT_ENTRY_STATUS_UPDATE_FAILED"
    assert state.job(running).items[entry_id].status == "successful"


def test_more_than_a_hundred_rows_are_too_many(api: httpx.Client, running: str) -> None:
    answer = api.put(f"/v3/export-jobs/{running}/items", json=[row(str(uuid4()))] * 101)
    assert (answer.status_code, answer.json()["type"]) == (413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT")


def test_items_of_a_job_that_is_not_running_take_no_update(
    api: httpx.Client, state: State, job_id: str
) -> None:
    for _ in ("pending", "closed"):
        answer = api.put(f"/v3/export-jobs/{job_id}/items", json=[])
        assert answer.status_code == 422
        assert answer.json()["type"] == "EXPORT_JOB_STATUS_UNPROCESSABLE"
        state.close(job_id)


@pytest.mark.parametrize(
    "body",
    [
        {"items": []},
        [{"accountingEntryId": ANY_ID}],
        [row(ANY_ID, "done")],
        [row(ANY_ID, externalId=None)],
        [row(ANY_ID, exportedAt="2026-04-22")],
        [row(ANY_ID, exportedAt="0001-01-01T00:00:00+05:00")],
        [row(ANY_ID, "failed", failureReasonType="job_expired")],
    ],
)
def test_an_update_outside_of_the_contract_is_refused(
    api: httpx.Client, running: str, body: object
) -> None:
    assert api.put(f"/v3/export-jobs/{running}/items", json=body).status_code == 400


def test_items_of_an_unknown_job_are_not_found(api: httpx.Client) -> None:
    path = f"/v3/export-jobs/{uuid4()}/items"
    for answer in (api.get(path), api.put(path, json=[])):
        assert (answer.status_code, answer.json()["type"]) == (404, "EXPORT_NOT_FOUND")


def test_the_data_layer_serves_payloads_before_and_after_the_start(
    api: httpx.Client, state: State, job_id: str, tell: Callable[..., httpx.Response]
) -> None:
    before = items_of(api, job_id)
    tell(job_id, "started")
    assert items_of(api, job_id) == before
    assert [item["accountingEntryId"] for item in before] == list(state.job(job_id).items)


def test_a_finished_job_shows_no_payloads(api: httpx.Client, state: State, job_id: str) -> None:
    state.close(job_id)
    answer = api.get("/v3/export-items", params={"job_id": job_id})
    assert (answer.status_code, answer.json()["type"]) == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")


def test_a_wallet_without_contra_account_hides_the_payloads(
    api: httpx.Client, company: Company, job_id: str
) -> None:
    company.missing_contra_accounts.add("GBP")
    answer = api.get("/v3/export-items", params={"job_id": job_id})
    assert (answer.status_code, answer.json()["type"]) == (400, "MISSING_CONTRA_ACCOUNTS")


def test_payloads_need_a_job(api: httpx.Client) -> None:
    assert api.get("/v3/export-items").status_code == 400
    assert api.get("/v3/export-items", params={"job_id": "x"}).status_code == 400
    assert api.get("/v3/export-items", params={"job_id": str(uuid4())}).status_code == 404


def test_figures_and_texts_come_over_the_wire_exactly(
    api: httpx.Client, state: State, company: Company
) -> None:
    value = Decimal("123456789012345678.25")
    note = 'Ærø "日本語" \n\u202e \x00 😀'
    company.add_item(lines=[build_line(value), build_line(-1)], note=note)
    (item,) = items_of(api, state.queue_job(company.id))
    assert item["amount"]["inWalletCurrency"]["value"] == value - 1
    assert item["note"] == note


def test_half_a_surrogate_pair_stays_json(
    api: httpx.Client, state: State, company: Company
) -> None:
    company.add_item(note="half \ud83d")
    (item,) = items_of(api, state.queue_job(company.id))
    assert item["note"] == "half \ud83d"


def test_vendor_fields_are_shown_to_vendor_based_jobs_only(
    api: httpx.Client, state: State, company: Company
) -> None:
    fields = {"bookkeeping": {"method": "accounts_payable"}}
    entry_id = company.add_item(vendor_fields=fields)
    plain = state.queue_job(company.id)
    assert items_of(api, plain)[0]["bookkeeping"] is None
    state.close(plain)
    (item,) = items_of(api, state.queue_job(company.id, [entry_id], vendor_based=True))
    assert item["bookkeeping"] == {"method": "accounts_payable"}


def test_control_and_data_layer_can_be_made_to_disagree(
    api: httpx.Client, state: State, company: Company, job_id: str
) -> None:
    withheld = next(iter(state.job(job_id).items))
    company.entries[withheld].withheld = True
    stray = company.build()
    state.job(job_id).strays.append(stray)
    served = [item["accountingEntryId"] for item in items_of(api, job_id)]
    assert withheld not in served
    assert served[-1] == stray["accountingEntryId"]


def test_a_receipt_is_fetched_without_credentials(
    api: httpx.Client, state: State, company: Company
) -> None:
    company.add_item(receipts=[Receipt(b"%PDF-1.4"), Receipt(b"GIF", "image/gif", announced=9)])
    (item,) = items_of(api, state.queue_job(company.id))
    first, second = item["files"]
    answer = httpx.get(first["url"])
    assert (answer.content, answer.headers["Content-Type"]) == (b"%PDF-1.4", "application/pdf")
    assert (first["size"], second["size"], second["type"]) == (8, 9, "image/gif")


def test_a_receipts_url_dies_a_day_after_the_item_was_fetched(
    api: httpx.Client, state: State, company: Company
) -> None:
    company.add_item(receipts=[Receipt(b"%PDF-1.4")])
    job_id = state.queue_job(company.id)
    stale = items_of(api, job_id)[0]["files"][0]["url"]
    state.job(job_id).expires_in = 10**6
    state.clock.advance(timedelta(hours=24))
    fresh = items_of(api, job_id)[0]["files"][0]["url"]
    assert httpx.get(stale).status_code == 403
    assert httpx.get(fresh).status_code == 200


@pytest.mark.parametrize("token", ["x", "ä", "A" * 60, "."])
def test_a_forged_receipt_url_leads_nowhere(api: httpx.Client, token: str) -> None:
    assert api.get(f"/files/{token}").status_code == 404


def test_an_expense_is_locked_while_a_job_holds_it(
    state: State, company: Company, job_id: str
) -> None:
    entry_id = next(iter(state.job(job_id).items))
    with pytest.raises(LockedByJob):
        state.edit_item(entry_id, {"note": "changed"})
    with pytest.raises(LockedByJob):
        state.queue_job(company.id, [entry_id])


def test_an_edited_expense_is_queued_again(
    api: httpx.Client,
    state: State,
    company: Company,
    tell: Callable[..., httpx.Response],
    report: Callable[..., httpx.Response],
) -> None:
    entry_id = company.add_item()
    job_id = state.queue_job(company.id)
    tell(job_id, "started")
    report(job_id, entry_id, "successful")
    tell(job_id, "completed")
    assert company.queued() == []
    state.edit_item(entry_id, {"note": "changed"})
    (item,) = items_of(api, state.queue_job(company.id))
    assert item["note"] == "changed"

"""Cursor pagination: every row once, forwards and backwards, whatever happens in between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from counterfoil.sandbox import Company, State


@pytest.fixture
def job_id(state: State, company: Company) -> str:
    return state.queue_job(company.id, company.add_items(7))


def page(api: httpx.Client, job_id: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 -- query values
    answer = api.get(f"/v3/export-jobs/{job_id}/items", params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [row["accountingEntryId"] for row in body["data"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_every_row_comes_once_forwards(
    api: httpx.Client, state: State, job_id: str, size: int
) -> None:
    state.page_size = size
    body = page(api, job_id)
    seen = ids(body)
    while body["pagination"]["hasNextPage"]:
        cursor = body["pagination"]["endCursor"]
        assert re.fullmatch("[A-Z2-7=~]+", cursor)
        body = page(api, job_id, after=cursor)
        assert body["pagination"]["hasPreviousPage"]
        seen += ids(body)
    assert seen == list(state.job(job_id).items)
    assert body["pagination"]["total"] == 7


def test_every_row_comes_once_backwards(api: httpx.Client, state: State, job_id: str) -> None:
    body = page(api, job_id, offset=5)
    seen = ids(body)
    while body["pagination"]["hasPreviousPage"]:
        body = page(api, job_id, before=body["pagination"]["startCursor"], limit=2)
        assert body["pagination"]["hasNextPage"]
        seen = ids(body) + seen
    assert seen == list(state.job(job_id).items)


def test_a_cursor_holds_while_rows_leave_the_filter(
    api: httpx.Client,
    state: State,
    job_id: str,
    tell: Callable[..., httpx.Response],
    report: Callable[..., httpx.Response],
) -> None:
    tell(job_id, "started")
    first = page(api, job_id, status="pending", limit=3)
    for entry_id in ids(first):
        report(job_id, entry_id, "successful")
    cursor = first["pagination"]["endCursor"]
    rest = page(api, job_id, status="pending", after=cursor)
    assert ids(first) + ids(rest) == list(state.job(job_id).items)


def test_a_cursor_holds_while_new_jobs_appear(
    api: httpx.Client, state: State, company: Company
) -> None:
    expected = [state.queue_job(company.id, company.add_items(1)) for _ in range(3)][::-1]
    first = api.get("/v3/export-jobs", params={"limit": 2}).json()
    state.queue_job(company.id, company.add_items(1))
    cursor = first["pagination"]["endCursor"]
    rest = api.get("/v3/export-jobs", params={"after": cursor}).json()
    assert [job["id"] for job in first["data"] + rest["data"]] == expected


def test_rows_are_sorted_by_keys_of_the_client(
    api: httpx.Client, state: State, job_id: str
) -> None:
    order = {"sorting_keys": "accounting_entry_id", "sorting_order": "DESC"}
    body = page(api, job_id, **order)
    assert ids(body) == sorted(state.job(job_id).items, reverse=True)
    shown = body["pagination"]["currentRequestPagination"]
    assert (shown["sortingKeys"], shown["sortingOrder"]) == (["accounting_entry_id"], ["DESC"])


def test_nulls_stand_where_they_are_asked_for(
    api: httpx.Client,
    state: State,
    job_id: str,
    tell: Callable[..., httpx.Response],
    report: Callable[..., httpx.Response],
) -> None:
    tell(job_id, "started")
    named = list(state.job(job_id).items)[3]
    report(job_id, named, "successful", externalId="JE-1")
    first = page(api, job_id, sorting_keys="externalId", sorting_order="ASC_NULLS_FIRST")
    last = page(api, job_id, sorting_keys="externalId", sorting_order="ASC_NULLS_LAST")
    assert (ids(first)[-1], ids(last)[0]) == (named, named)


def test_a_limit_of_nothing_is_an_empty_page(api: httpx.Client, job_id: str) -> None:
    body = page(api, job_id, limit=0)
    assert body["data"] == []
    assert "endCursor" not in body["pagination"]


def test_a_limit_is_capped(api: httpx.Client, state: State, job_id: str) -> None:
    state.max_page_size = 5
    assert len(ids(page(api, job_id, limit=1000))) == 5


@pytest.mark.parametrize(
    "params",
    [
        {"after": "AAAA", "offset": "1"},
        {"after": "not-a-cursor"},
        {"after": "AAAAAAAA"},
        {"before": "A"},
        {"limit": "-1"},
        {"limit": "x"},
        {"offset": "9" * 30},
        {"sorting_keys": "status"},
        {"sorting_keys": "status", "sorting_order": "UP"},
    ],
)
def test_a_page_outside_of_the_contract_is_refused(
    api: httpx.Client, job_id: str, params: dict[str, str]
) -> None:
    assert api.get(f"/v3/export-jobs/{job_id}/items", params=params).status_code == 400


def test_a_key_that_nothing_is_sorted_by_is_refused(api: httpx.Client, job_id: str) -> None:
    params = {"job_id": job_id, "sorting_keys": "amount", "sorting_order": "ASC"}
    assert api.get("/v3/export-items", params=params).status_code == 400


def test_ids_that_are_no_uuids_are_paged_too(
    api: httpx.Client, state: State, company: Company
) -> None:
    entry_ids = ["../../etc/passwd", 'quote"d', "日本"]
    for entry_id in entry_ids:
        company.add_item(id=entry_id)
    job_id, seen, cursor = state.queue_job(company.id), [], None
    with httpx.Client(base_url=api.base_url, auth=api.auth) as raw:
        for _ in entry_ids:
            params = {"limit": 1} | ({"after": cursor} if cursor else {})
            body = raw.get(f"/v3/export-jobs/{job_id}/items", params=params).json()
            seen += ids(body)
            cursor = body["pagination"]["endCursor"]
    assert seen == entry_ids

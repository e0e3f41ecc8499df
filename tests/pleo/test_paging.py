"""A list is read whole, once, whatever its pages do; and never for ever."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.pleo import ApiKeyAuth, PleoClient, PleoMalformed, Retries
from tests.pleo.answers import Answers
from tests.pleo.small_pleo import COMPANY, a_job, a_row, cursor, entry_id

JOB = a_job()["id"]
QUICK = Retries(wait_initial=0.0, wait_max=0.0, jitter=0.0)
TORN = httpx.Response(200, content=b'{"data": [')


def page(
    *numbers: int, after: str | None = None, total: int | None = None, **more: object
) -> httpx.Response:
    """Build a page of job items; ``after`` is the cursor of the next page."""
    info: Mapping[str, object] = {
        "hasNextPage": after is not None,
        "hasPreviousPage": False,
        "currentRequestPagination": {"parameters": {}},
        **({"endCursor": after} if after else {}),
        **({} if total is None else {"total": total}),
        **more,
    }
    return httpx.Response(200, json={"data": [a_row(n) for n in numbers], "pagination": info})


def client_of(answers: Answers) -> PleoClient:
    return PleoClient(
        "http://pleo.test", ApiKeyAuth("key"), company_id=COMPANY, transport=answers, retries=QUICK
    )


async def read(*answers: httpx.Response) -> tuple[list[str], int]:
    """Return the ids of the items read, and how many requests it took."""
    transport = Answers(*answers)
    rows = await client_of(transport).list_job_items(JOB)
    return [row.accounting_entry_id for row in rows], transport.asked


def ids(*numbers: int) -> list[str]:
    return [entry_id(number) for number in numbers]


async def test_an_empty_list_is_empty() -> None:
    assert await read(page(total=0)) == ([], 1)


async def test_a_list_without_total_ends_with_its_last_page() -> None:
    assert await read(page(1, after="A"), page(2)) == (ids(1, 2), 2)


async def test_an_empty_page_with_a_next_one_is_not_the_end() -> None:
    assert await read(page(1, after="A"), page(after="B"), page(2)) == (ids(1, 2), 3)


async def test_an_item_on_two_pages_is_one_item() -> None:
    assert await read(page(1, 2, after="A"), page(2, 3, total=3)) == (ids(1, 2, 3), 2)


async def test_a_torn_page_is_asked_for_again() -> None:
    assert await read(page(1, after="A"), TORN, page(2, total=2)) == (ids(1, 2), 3)


async def test_a_list_shorter_than_its_total_is_read_again() -> None:
    short, whole = page(1, total=2), page(1, 2, total=2)
    assert await read(short, whole) == (ids(1, 2), 2)


async def test_what_stays_short_is_taken_with_a_warning() -> None:
    with structlog.testing.capture_logs() as logs:
        assert await read(page(1, total=2)) == (ids(1), 4)
    assert [log["read_again"] for log in logs if log["event"] == "pleo.list_incomplete"] == [
        True,
        True,
        True,
        False,
    ]


async def test_a_circle_is_read_again_from_the_start() -> None:
    circle = page(1, after="A")
    assert await read(circle, circle, page(1, after="A"), page(2)) == (ids(1, 2), 4)


async def test_a_circle_that_stays_is_refused() -> None:
    with pytest.raises(PleoMalformed, match="do not end"):
        await read(page(1, after="A"))


async def test_pages_that_go_on_for_ever_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.pleo.paging.PAGE_LIMIT", 5)
    endless = [page(number, after=cursor(number)) for number in range(40)]
    with pytest.raises(PleoMalformed, match="do not end"):
        await read(*endless)


@pytest.mark.parametrize("cursor", [None, "", 5])
async def test_a_next_page_without_a_cursor_is_refused(cursor: object) -> None:
    with pytest.raises(PleoMalformed, match="no cursor"):
        await read(page(1, hasNextPage=True, endCursor=cursor))


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": []},
        {"data": {}, "pagination": {"hasNextPage": False}},
        {"data": [], "pagination": {}},
        {"data": [], "pagination": {"hasNextPage": "no"}},
    ],
)
async def test_what_is_no_page_is_refused(body: object) -> None:
    with pytest.raises(PleoMalformed, match="not a page"):
        await read(httpx.Response(200, json=body))


async def test_a_cursor_goes_back_as_it_came() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return page(1) if "after" in request.url.params else page(2, after="AAA=BBB~C")

    client = PleoClient(
        "http://pleo.test",
        ApiKeyAuth("key"),
        company_id=COMPANY,
        transport=httpx.MockTransport(answer),
    )
    await client.list_job_items(JOB)
    assert asked[1].params["after"] == "AAA=BBB~C"
    assert asked[1].params["limit"] == "100"


@pytest.mark.parametrize("row", [None, 5, "row", [], {}, {"accountingEntryId": None}])
async def test_a_payload_without_id_is_left_out_with_a_log(row: object) -> None:
    info = {"hasNextPage": False, "total": 2}
    body = {"data": [row, {"accountingEntryId": "a"}], "pagination": info}
    transport = Answers(httpx.Response(200, json=body))
    with structlog.testing.capture_logs() as logs:
        pages = [page async for page in client_of(transport).export_item_pages(JOB)]
    assert pages == [[{"accountingEntryId": "a"}]]
    assert [log["event"] for log in logs] == ["pleo.row_skipped"]
    assert transport.asked == 1


@given(st.lists(st.lists(st.integers(0, 20), max_size=5), min_size=1, max_size=6))
async def test_whatever_the_pages_hold_each_item_comes_once(pages: list[list[int]]) -> None:
    cursors: list[str | None] = [cursor(n) for n in range(1, len(pages))]
    answers = [
        page(*rows, after=after) for rows, after in zip(pages, [*cursors, None], strict=True)
    ]
    found, asked = await read(*answers)
    assert found == list(dict.fromkeys(entry_id(n) for rows in pages for n in rows))
    assert asked == len(pages)

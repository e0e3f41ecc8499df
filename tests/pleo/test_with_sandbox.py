"""The client and the store against the sandbox: a whole export by the contract, and with faults."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from counterfoil.pleo import ApiKeyAuth, PleoClient, PleoUnanswered, Retries
from counterfoil.pleo.models import ExportItem, ItemUpdate
from counterfoil.receipts import Limits, ReceiptExpired, ReceiptStore
from counterfoil.sandbox import (
    DEFAULT_COMPANY,
    DEFAULT_KEY,
    Fault,
    Kind,
    SandboxServer,
    State,
    seed_company,
)
from tests.pleo.contract import ContractTransport

QUICK = Retries(wait_initial=0.001, wait_max=0.002, jitter=0.001, retry_after_max=0.01)


@pytest.fixture
def state() -> State:
    """Give a sandbox's state with a company of 60 expenses."""
    state = State()
    seed_company(state, items=60)
    return state


@pytest.fixture
def job_id(state: State) -> str:
    """Click Export for all of them."""
    return state.queue_job(DEFAULT_COMPANY)


@pytest.fixture
def url(state: State) -> Iterator[str]:
    """Serve it."""
    with SandboxServer(state) as server:
        yield server.url


def client_of(url: str, transport: httpx.AsyncBaseTransport | None = None) -> PleoClient:
    return PleoClient(
        url,
        ApiKeyAuth(DEFAULT_KEY),
        company_id=DEFAULT_COMPANY,
        transport=transport,
        retries=QUICK,
    )


async def items_of(client: PleoClient, job_id: str) -> list[ExportItem]:
    pages = client.export_item_pages(job_id)
    return [ExportItem.model_validate(row) async for page in pages for row in page]


async def test_a_whole_export_stays_within_the_contract(
    state: State, job_id: str, url: str
) -> None:
    async with client_of(url, ContractTransport()) as client, ReceiptStore(url) as receipts:
        assert [job.id for job in await client.list_jobs(["pending"])] == [job_id]
        await client.send_event(job_id, "started")
        rows = await client.list_job_items(job_id)
        items = await items_of(client, job_id)
        assert {row.accounting_entry_id for row in rows} == {i.accounting_entry_id for i in items}
        for item in items:
            assert len(await receipts.fetch(item)) == len(item.files or ())
        now = datetime.now(UTC)
        updates = [
            ItemUpdate(accounting_entry_id=row.accounting_entry_id, status=status, exported_at=now)
            for row, status in zip(rows, ["successful", "failed"] * 30, strict=True)
        ]
        assert (await client.update_items(job_id, updates)).errors == []
        await client.send_event(job_id, "completed_with_errors")
        assert (await client.get_job(job_id)).status == "completed_with_errors"
    assert len(items) == 60
    assert state.job(job_id).status == "completed_with_errors"


@pytest.mark.parametrize(
    "kind",
    [
        Kind.RATE_LIMIT,
        Kind.UNAVAILABLE,
        Kind.DROP_BEFORE,
        Kind.DROP_AFTER,
        Kind.ERROR_AFTER,
        Kind.TORN,
        Kind.REPEAT_PAGE,
    ],
)
async def test_lists_are_read_whole_through(
    kind: Kind, state: State, job_id: str, url: str
) -> None:
    state.max_page_size = 10
    async with client_of(url) as client:
        await client.send_event(job_id, "started")
        for endpoint in ("list_jobs", "list_job_items", "list_export_items"):
            state.faults.append(Fault(kind, endpoint, times=2, skip=1 if kind == "torn" else 0))
        await client.list_jobs(["in_progress"])
        assert len(await client.list_job_items(job_id)) == 60
        assert len(await items_of(client, job_id)) == 60


async def test_a_lost_reply_to_an_event_is_told_as_such(
    state: State, job_id: str, url: str
) -> None:
    state.faults = [Fault(Kind.DROP_AFTER, "post_event", times=1)]
    async with client_of(url) as client:
        with pytest.raises(PleoUnanswered) as caught:
            await client.send_event(job_id, "started")
        assert caught.value.sent
        assert (await client.get_job(job_id)).status == "in_progress"


async def test_an_expired_url_is_fresh_after_the_item_is_fetched_again(
    state: State, job_id: str, url: str
) -> None:
    async with client_of(url) as client, ReceiptStore(url, limits=Limits(attempts=1)) as receipts:
        await client.send_event(job_id, "started")
        item = next(item for item in await items_of(client, job_id) if item.files)
        state.faults = [Fault(Kind.URL_EXPIRED, "get_receipt", times=1)]
        with pytest.raises(ReceiptExpired):
            await receipts.fetch(item)
        assert await receipts.fetch(item)

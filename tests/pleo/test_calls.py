"""Each call of the client, over real HTTP, both sides held against Pleo's contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from counterfoil.pleo import (
    PleoClient,
    PleoConflict,
    PleoNotFound,
    PleoUnprocessable,
)
from counterfoil.pleo.models import ExportItem, ItemUpdate
from tests.pleo.contract import ContractTransport
from tests.pleo.small_pleo import SmallPleo, a_job, a_row, an_item, entry_id

JOB = a_job()["id"]
OTHER_COMPANY = entry_id(99)


async def test_lists_the_jobs_of_all_asked_statuses(client: PleoClient, pleo: SmallPleo) -> None:
    pleo.jobs = [a_job(1), a_job(2, status="in_progress"), a_job(3, status="completed")]
    jobs = await client.list_jobs(["pending", "in_progress"])
    assert [job.status for job in jobs] == ["pending", "in_progress"]


async def test_lists_no_job_of_another_company(client: PleoClient, pleo: SmallPleo) -> None:
    pleo.jobs = [a_job(1), a_job(2, companyId=OTHER_COMPANY)]
    assert [job.id for job in await client.list_jobs(["pending"])] == [JOB]


async def test_always_names_the_company(client: PleoClient, wire: ContractTransport) -> None:
    await client.list_jobs(["pending"])
    assert wire.seen[0].url.params["company_id"] == client.company_id


async def test_reads_one_job(client: PleoClient) -> None:
    job = await client.get_job(JOB)
    assert (job.status, job.expires_in, job.started_at) == ("pending", 3600, None)
    assert job.created_at == datetime(2026, 4, 13, 14, 36, 50, tzinfo=UTC)


async def test_an_unknown_job_is_not_found(client: PleoClient) -> None:
    with pytest.raises(PleoNotFound, match="EXPORT_NOT_FOUND") as caught:
        await client.get_job(entry_id(404))
    assert (caught.value.status, caught.value.type) == (404, "EXPORT_NOT_FOUND")


async def test_a_job_of_another_company_is_not_found(client: PleoClient, pleo: SmallPleo) -> None:
    pleo.jobs = [a_job(companyId=OTHER_COMPANY)]
    with pytest.raises(PleoNotFound, match="not of company"):
        await client.get_job(JOB)


async def test_creates_a_job(client: PleoClient, pleo: SmallPleo) -> None:
    pleo.jobs = []
    job = await client.create_job([entry_id(1), entry_id(2)], vendor_based=True)
    assert (job.number_of_items, job.vendor_based_bookkeeping) == (2, True)


async def test_creates_no_job_while_another_runs(client: PleoClient) -> None:
    with pytest.raises(PleoConflict) as caught:
        await client.create_job([entry_id(1)])
    assert caught.value.type == "EXPORT_ALREADY_IN_PROGRESS"


async def test_starts_and_closes_a_job(client: PleoClient, pleo: SmallPleo) -> None:
    await client.send_event(JOB, "started")
    await client.send_event(JOB, "failed", "No ledger.", "missing_configuration")
    assert pleo.jobs[0]["status"] == "failed"
    assert pleo.jobs[0]["failureReasonType"] == "missing_configuration"


async def test_a_job_of_another_state_is_unprocessable(
    client: PleoClient, wire: ContractTransport
) -> None:
    with pytest.raises(PleoUnprocessable) as caught:
        await client.send_event(JOB, "completed")
    assert caught.value.type == "INVALID_EXPORT_JOB_STATUS_CHANGE"
    assert len(wire.seen) == 1


async def test_an_event_says_nothing_it_was_not_told(
    client: PleoClient, wire: ContractTransport
) -> None:
    await client.send_event(JOB, "started")
    assert json.loads(wire.seen[0].content) == {"jobId": JOB, "event": "started"}


async def test_reads_all_pages_of_job_items(
    client: PleoClient, pleo: SmallPleo, wire: ContractTransport
) -> None:
    pleo.rows = [a_row(number) for number in range(95)]
    rows = await client.list_job_items(JOB)
    assert [row.accounting_entry_id for row in rows] == [entry_id(n) for n in range(95)]
    assert len(wire.seen) == 3


async def test_reads_all_pages_of_payloads(client: PleoClient, pleo: SmallPleo) -> None:
    pleo.items = [an_item(number) for number in range(45)]
    pages = [page async for page in client.export_item_pages(JOB)]
    assert [len(page) for page in pages] == [40, 5]
    assert pages[1][-1]["accountingEntryId"] == entry_id(44)


async def test_a_payload_keeps_its_numbers_exactly(client: PleoClient, pleo: SmallPleo) -> None:
    pleo.items = [an_item(1)]
    pleo.items[0]["accountingEntryLines"][0]["tax"] = {
        "amount": pleo.items[0]["amount"],
        "id": entry_id(5),
        "rate": 0.1,
        "type": "inclusive",
    }
    ((payload,),) = [page async for page in client.export_item_pages(JOB)]
    tax = ExportItem.model_validate(payload).accounting_entry_lines[0].tax
    assert tax is not None
    assert tax.rate == Decimal("0.1")


async def test_payloads_of_a_finished_job_are_unprocessable(
    client: PleoClient, pleo: SmallPleo
) -> None:
    pleo.jobs = [a_job(status="completed")]
    with pytest.raises(PleoUnprocessable, match="EXPORT_JOB_STATUS_UNPROCESSABLE"):
        [page async for page in client.export_item_pages(JOB)]


async def test_reports_outcomes_without_null_keys(
    client: PleoClient, pleo: SmallPleo, wire: ContractTransport
) -> None:
    pleo.rows = [a_row(1)]
    when = datetime(2026, 4, 22, 12, 8, 56, 999999, tzinfo=timezone(timedelta(hours=2)))
    result = await client.update_items(
        JOB, [ItemUpdate(accounting_entry_id=entry_id(1), status="successful", exported_at=when)]
    )
    assert json.loads(wire.seen[0].content) == [
        {
            "accountingEntryId": entry_id(1),
            "status": "successful",
            "exportedAt": "2026-04-22T10:08:56Z",
        }
    ]
    assert [row.status for row in result.data] == ["successful"]
    assert result.errors == []


async def test_says_which_rows_a_200_refused(client: PleoClient) -> None:
    update = ItemUpdate(accounting_entry_id=entry_id(7), status="failed", failure_reason="no")
    result = await client.update_items(JOB, [update])
    assert [error.type for error in result.errors] == ["ACCOUNTING_ENTRY_DOES_NOT_EXIST"]


async def test_refuses_more_than_100_rows_before_sending(
    client: PleoClient, wire: ContractTransport
) -> None:
    row = ItemUpdate(accounting_entry_id=entry_id(1), status="failed")
    with pytest.raises(ValueError, match="101 rows"):
        await client.update_items(JOB, [row] * 101)
    assert wire.seen == []


async def test_refuses_a_time_without_zone(client: PleoClient) -> None:
    naive = datetime(2026, 4, 22, 12, 8, 56, tzinfo=UTC).replace(tzinfo=None)
    row = ItemUpdate(accounting_entry_id=entry_id(1), status="successful", exported_at=naive)
    with pytest.raises(ValueError, match="time zone"):
        await client.update_items(JOB, [row])


async def test_knows_pleos_clock(client: PleoClient) -> None:
    before = client.server_date
    await client.get_job(JOB)
    after = client.server_date
    assert before is None
    assert after is not None
    assert abs(after - datetime.now(UTC)) < timedelta(seconds=30)


async def test_says_who_asks(client: PleoClient, wire: ContractTransport) -> None:
    await client.get_job(JOB)
    headers = wire.seen[0].headers
    assert headers["User-Agent"].startswith("counterfoil/")
    assert headers["Authorization"] == "Basic a2V5Og=="

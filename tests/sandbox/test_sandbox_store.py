"""A state kept in a file: the same Pleo again after a restart."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from counterfoil.sandbox import Fault, Kind, Receipt, SandboxServer, State, seed_company, store


def snapshot(state: State) -> list[object]:
    """Show all that a client can see, without a server."""
    return [
        [job.as_json() for job in state.jobs_of(state.companies)],
        [[item.as_json(job.id) for item in job.items.values()] for job in state.jobs.values()],
        [
            entry.payload(lambda name, at: f"{name}/{at}", vendor_based=True)
            for company in state.companies.values()
            for entry in company.entries.values()
        ],
    ]


def test_a_state_is_read_back_as_it_was(tmp_path: Path) -> None:
    state = State()
    company = seed_company(state, items=30)
    company.missing_contra_accounts.add("EUR")
    state.queue_job(company.id, company.queued()[:10], vendor_based=True)
    state.close(state.queue_job(company.id))
    state.faults.append(Fault(Kind.SLOW, times=2, value=0.5))
    state.clock.advance(timedelta(days=2))
    store.save(state, tmp_path / "state.json")
    again = store.load(tmp_path / "state.json")
    assert snapshot(again) == snapshot(state)
    assert again.keys == state.keys
    assert again.faults == state.faults
    assert again.clock.offset == timedelta(days=2)
    assert again.companies[company.id].missing_contra_accounts == {"EUR"}
    assert again.companies[company.id].queued() == company.queued()


def test_every_change_over_http_is_kept_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = State()
    company = state.add_company()
    entry_id = company.add_item(receipts=[Receipt(b"%PDF")])
    job_id = state.queue_job(company.id)
    store.keep(state, path)
    with (
        SandboxServer(state) as server,
        httpx.Client(base_url=server.url, auth=(company.api_key, "")) as api,
    ):
        api.post("/v3/export-job-events", json={"event": "started", "jobId": job_id})
        assert store.load(path).job(job_id).status == "in_progress"
        rows = [{"accountingEntryId": entry_id, "status": "successful", "externalId": "JE-1"}]
        api.put(f"/v3/export-jobs/{job_id}/items", json=rows)
        assert store.load(path).job(job_id).items[entry_id].external_id == "JE-1"
        item = api.get("/v3/export-items", params={"job_id": job_id}).json()["data"][0]
    with SandboxServer(store.load(path)) as server:
        address = item["files"][0]["url"].partition("/files/")[2]
        assert httpx.get(f"{server.url}/files/{address}").content == b"%PDF"


def test_an_edited_expense_is_kept_as_edited(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = State()
    entry_id = state.add_company().add_item()
    store.save(state, path)
    state.edit_item(entry_id, {"note": "new"})
    store.save(state, path)
    assert store.load(path).entry(entry_id).item["note"] == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clockOffset": "x"}'])
def test_another_file_is_not_taken_for_a_state(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 -- JSON's own error, or ours
        store.load(path)

"""A job's life: started once, finished once, expired, closed by a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from counterfoil.sandbox import Company, State

import httpx

Tell: TypeAlias = Callable[..., httpx.Response]
Report: TypeAlias = Callable[..., httpx.Response]

ANY_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.fixture
def job_id(state: State, company: Company) -> str:
    return state.queue_job(company.id, company.add_items(2))


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 422 and answer.json()["type"] == "INVALID_EXPORT_JOB_STATUS_CHANGE"


def test_a_pending_job_is_started_once(state: State, job_id: str, tell: Tell) -> None:
    assert tell(job_id, "started").status_code == 202
    assert state.job(job_id).status == "in_progress"
    assert refused(tell(job_id, "started"))
    assert state.count("event", "started", job_id) == 1


@pytest.mark.parametrize("event", ["completed", "completed_with_errors", "failed"])
def test_a_job_cannot_end_before_it_began(job_id: str, tell: Tell, event: str) -> None:
    assert refused(tell(job_id, event))


def test_a_job_with_every_item_successful_is_completed(
    state: State, company: Company, job_id: str, tell: Tell, report: Report
) -> None:
    tell(job_id, "started")
    for entry_id in state.job(job_id).items:
        report(job_id, entry_id, "successful")
    assert tell(job_id, "completed").status_code == 202
    assert state.job(job_id).status == "completed"
    assert state.job(job_id).completed_at is not None
    assert company.queued() == []


def test_a_job_with_an_item_left_is_not_completed(job_id: str, tell: Tell) -> None:
    tell(job_id, "started")
    assert refused(tell(job_id, "completed"))


def test_a_job_is_finished_once(job_id: str, tell: Tell) -> None:
    tell(job_id, "started")
    assert tell(job_id, "failed").status_code == 202
    assert refused(tell(job_id, "failed"))


def test_failed_and_unfinished_items_can_be_exported_again(
    state: State, company: Company, job_id: str, tell: Tell, report: Report
) -> None:
    tell(job_id, "started")
    first, second = state.job(job_id).items
    report(job_id, first, "failed")
    answer = tell(
        job_id,
        "completed_with_errors",
        failureReason="One item failed.",
        failureReasonType="validation_failure",
    )
    assert answer.status_code == 202
    job = state.job(job_id)
    assert (job.failure_reason, job.failure_reason_type) == (
        "One item failed.",
        "validation_failure",
    )
    assert job.items[second].status == "abandoned"
    assert company.queued() == [first, second]


def test_reasons_may_be_refused_with_completed_with_errors(
    state: State, job_id: str, tell: Tell
) -> None:
    state.refuse_reasons_with_errors = True
    tell(job_id, "started")
    assert tell(job_id, "completed_with_errors", failureReason="why").status_code == 400
    assert tell(job_id, "completed_with_errors").status_code == 202


def test_a_job_that_nobody_updates_for_an_hour_expires(
    api: httpx.Client, state: State, company: Company, job_id: str, tell: Tell
) -> None:
    tell(job_id, "started")
    state.clock.advance(timedelta(seconds=3600))
    job = api.get(f"/v3/export-jobs/{job_id}").json()["data"]
    assert (job["status"], job["failureReasonType"]) == ("failed", "job_expired")
    assert job["expiredAt"] is not None
    assert refused(tell(job_id, "failed"))
    assert len(company.queued()) == 2


def test_every_report_gives_a_job_another_hour(
    state: State, job_id: str, tell: Tell, report: Report
) -> None:
    tell(job_id, "started")
    state.clock.advance(timedelta(seconds=3000))
    report(job_id, next(iter(state.job(job_id).items)), "successful")
    state.clock.advance(timedelta(seconds=3000))
    assert state.job(job_id).status == "in_progress"


def test_a_successful_item_of_an_expired_job_is_done(
    state: State, company: Company, job_id: str, tell: Tell, report: Report
) -> None:
    first, second = state.job(job_id).items
    tell(job_id, "started")
    report(job_id, first, "successful")
    state.expire(job_id)
    assert company.queued() == [second]


def test_a_person_closes_a_running_job(state: State, job_id: str, tell: Tell) -> None:
    tell(job_id, "started")
    state.close(job_id)
    assert state.job(job_id).failure_reason_type == "canceled_by_user"
    assert refused(tell(job_id, "completed_with_errors"))


@pytest.mark.parametrize(
    "body",
    [
        {"event": "canceled", "jobId": ANY_ID},
        {"event": "started"},
        {"event": "started", "exportJobId": ANY_ID},
        {"event": "failed", "jobId": ANY_ID, "failureReasonType": "tag_unknown"},
        {"event": "failed", "jobId": ANY_ID, "failureReason": None},
    ],
)
def test_an_event_outside_of_the_contract_is_refused(
    api: httpx.Client, body: dict[str, object]
) -> None:
    assert api.post("/v3/export-job-events", json=body).status_code == 400


def test_an_event_for_an_unknown_job_is_not_found(tell: Tell) -> None:
    answer = tell(str(uuid4()), "started")
    assert (answer.status_code, answer.json()["type"]) == (404, "EXPORT_NOT_FOUND")

"""The whole contract, driven by schemathesis: valid and broken requests to a living company."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)

from counterfoil.sandbox import SandboxServer, State
from counterfoil.sandbox.hooks import Hook
from tests.sandbox.conftest import UNDOCUMENTED, contract

pytestmark = pytest.mark.slow

JOB = "8eb648ab-464b-42a0-ba17-eda703657e33"
SUBSCRIPTION = "123e4567-e89b-42d3-a456-426614174000"
COMPANY = "12abc3d4-e567-890e-1234-abc56e78fabc"
KEY = "sandbox-key"


def with_undocumented_errors() -> dict[str, Any]:
    """Add to each call the refusals that Pleo leaves out, in the shape of all the others."""
    document = deepcopy(contract())
    schema = {"$ref": "#/components/schemas/ExceptionInfo"}
    refusal = {"description": "Refused", "content": {"application/json": {"schema": schema}}}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"] |= {
                str(status): refusal
                for status in UNDOCUMENTED
                if "content" not in operation["responses"].get(str(status), {})
            }
    return document


schema = schemathesis.openapi.from_dict(with_undocumented_errors())


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    """Serve a company with one running job and one subscription that every call finds."""
    state = State()
    company = state.add_company(company_id=COMPANY, api_key=KEY)
    company.add_items(5, receipts=[])
    job = state.job(state.queue_job(company.id))
    job.id, job.status = JOB, "in_progress"
    state.jobs[JOB] = job
    now = state.clock.now()
    hook = Hook(SUBSCRIPTION, COMPANY, "http://127.0.0.1:1/", [], now, now, status="INACTIVE")
    state.hooks[SUBSCRIPTION] = hook
    with SandboxServer(state) as running:
        yield running


@schema.parametrize()
@settings(max_examples=15, suppress_health_check=[*HealthCheck], database=None, derandomize=True)
def test_every_answer_is_one_of_the_contract(case: Case[Any], server: SandboxServer) -> None:
    case.call_and_validate(
        base_url=server.url, auth=(KEY, ""), excluded_checks=[positive_data_acceptance]
    )


@schema.include(path_regex="jobId").parametrize()
@settings(max_examples=15, suppress_health_check=[*HealthCheck], database=None, derandomize=True)
def test_every_answer_about_a_running_job_too(case: Case[Any], server: SandboxServer) -> None:
    case.path_parameters["jobId"] = JOB
    about_what_is_there(case, server)


@schema.include(path_regex="subscriptions/").exclude(method="DELETE").parametrize()
@settings(max_examples=6, suppress_health_check=[*HealthCheck], database=None, derandomize=True)
def test_every_answer_about_a_subscription_too(case: Case[Any], server: SandboxServer) -> None:
    case.path_parameters["id"] = SUBSCRIPTION
    about_what_is_there(case, server)


def about_what_is_there(case: Case[Any], server: SandboxServer) -> None:
    case.call_and_validate(
        base_url=server.url,
        auth=(KEY, ""),
        excluded_checks=[positive_data_acceptance, negative_data_rejection],
    )

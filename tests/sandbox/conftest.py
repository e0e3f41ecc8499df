"""A sandbox over real HTTP, whose every answer is held against Pleo's contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from counterfoil.sandbox import Company, SandboxServer, State
from tests.pleo.contract import documents

NULL_IN_SAMPLES = {("ExportJobV3", "failureReasonType")}
"""Null in Pleo's sample of a job, though the contract does not mark it."""
UNDOCUMENTED = {400, 401, 403, 404, 405}
"""Statuses that Pleo leaves out for some calls; their body is an ExceptionInfo all the same."""

Client: TypeAlias = httpx.Client


@cache
def contract() -> dict[str, Any]:
    """Read the contract, with null allowed wherever Pleo's samples show it."""
    document = documents()
    for name, schema in document["components"]["schemas"].items():
        for key, field in schema.get("properties", {}).items():
            if field.get("x-null-in-vendor-examples") or (name, key) in NULL_IN_SAMPLES:
                field["type"] = [field["type"], "null"]
    return document


@cache
def validator(pointer: str) -> Draft202012Validator:
    """Return what checks a body against the schema at a JSON pointer of the contract."""
    return Draft202012Validator(
        {"$ref": f"#{pointer}", "components": contract()["components"]},
        format_checker=FormatChecker(),
    )


def check_response(response: httpx.Response) -> None:
    """Fail unless the answer is one that the contract knows for this call."""
    response.read()
    operation = _operation(response.request)
    if operation is None:
        return
    known = operation["responses"].get(str(response.status_code))
    if known is None or (response.is_error and "content" not in known):
        assert response.status_code in UNDOCUMENTED, response.text
        schema: dict[str, str] | None = {"$ref": "#/components/schemas/ExceptionInfo"}
    else:
        content = known.get("content")
        schema = content and content["application/json;charset=UTF-8"]["schema"]
    if schema is None:
        assert not response.content
        return
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    body = json.loads(response.content, parse_float=Decimal)
    if response.request.method != "HEAD":
        validator(schema["$ref"].removeprefix("#")).validate(body)


def _operation(request: httpx.Request) -> dict[str, Any] | None:
    for path, operations in contract()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path):
            found: dict[str, Any] | None = operations.get(request.method.lower())
            return found
    return None


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def company(state: State) -> Company:
    return state.add_company()


@pytest.fixture
def server(state: State) -> Iterator[SandboxServer]:
    with SandboxServer(state) as running:
        yield running


@pytest.fixture
def connect(server: SandboxServer) -> Iterator[Callable[[str], Client]]:
    """Return what opens a client with an API key, every answer checked."""
    opened: list[Client] = []

    def open_client(api_key: str) -> Client:
        hooks = {"response": [check_response]}
        client = httpx.Client(base_url=server.url, auth=(api_key, ""), event_hooks=hooks)
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def api(connect: Callable[[str], Client], company: Company) -> Client:
    """Return a client with the company's own API key."""
    return connect(company.api_key)


@pytest.fixture
def tell(api: Client) -> Callable[..., httpx.Response]:
    """Return what sends a job event."""

    def send(job_id: str, event: str, **reason: str) -> httpx.Response:
        return api.post("/v3/export-job-events", json={"event": event, "jobId": job_id} | reason)

    return send


@pytest.fixture
def report(api: Client) -> Callable[..., httpx.Response]:
    """Return what reports one item of a job."""

    def send(job_id: str, entry_id: str, status: str, **fields: str) -> httpx.Response:
        row = {"accountingEntryId": entry_id, "status": status} | fields
        return api.put(f"/v3/export-jobs/{job_id}/items", json=[row])

    return send

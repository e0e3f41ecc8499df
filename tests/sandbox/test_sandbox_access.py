"""Keys, tokens, scopes, companies, the installation endpoint, and the log of it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import httpx
import pytest

if TYPE_CHECKING:
    from counterfoil.sandbox import Company, SandboxServer, State

ANY_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"

Connect: TypeAlias = Callable[[str], httpx.Client]


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic %%%", "Basic a2V5", "Bearer", "Digest x", "Basic /w=="]
)
def test_nobody_gets_in_without_a_key(server: SandboxServer, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = httpx.get(f"{server.url}/v3/export-jobs", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_key_is_a_user_name_with_an_empty_password(
    server: SandboxServer, company: Company
) -> None:
    url = f"{server.url}/v3/export-jobs"
    assert httpx.get(url, auth=(company.api_key, "")).status_code == 200
    assert httpx.get(url, auth=(company.api_key, "password")).status_code == 401


def test_an_access_token_is_a_bearer(server: SandboxServer, company: Company) -> None:
    headers = {"Authorization": f"Bearer {company.api_key}"}
    assert httpx.get(f"{server.url}/v3/export-jobs", headers=headers).status_code == 200


def test_a_revoked_key_is_unknown(api: httpx.Client, state: State, company: Company) -> None:
    state.revoke_key(company.api_key)
    assert api.get("/v3/export-jobs").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v3/export-jobs", "export-jobs:read"),
        ("POST", "/v3/export-jobs", "export-jobs:write"),
        ("GET", f"/v3/export-jobs/{ANY_ID}", "export-jobs:read"),
        ("GET", f"/v3/export-jobs/{ANY_ID}/items", "export-jobs:read"),
        ("PUT", f"/v3/export-jobs/{ANY_ID}/items", "export-jobs:write"),
        ("POST", "/v3/export-job-events", "export-jobs:write"),
        ("GET", f"/v3/export-items?job_id={ANY_ID}", "export-items:read"),
    ],
)
def test_each_call_needs_its_scope(
    connect: Connect, state: State, company: Company, method: str, path: str, scope: str
) -> None:
    scopes = {"export-jobs:read", "export-jobs:write", "export-items:read"}
    without = connect(state.add_key(company.id, scopes=scopes - {scope}))
    answer = without.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (403, "FORBIDDEN")
    allowed = connect(state.add_key(company.id, scopes=[scope]))
    assert allowed.request(method, path).status_code != 403


def test_a_key_sees_its_own_company_only(connect: Connect, state: State, company: Company) -> None:
    job_id = state.queue_job(company.id, company.add_items(1))
    stranger = connect(state.add_company("Other").api_key)
    assert stranger.get("/v3/export-jobs").json()["data"] == []
    for path in (f"/v3/export-jobs?company_id={company.id}", f"/v3/export-jobs/{job_id}"):
        assert stranger.get(path).status_code == 403


def test_a_key_of_the_organisation_names_the_company(
    connect: Connect, state: State, company: Company
) -> None:
    state.queue_job(company.id, company.add_items(1))
    client = connect(state.add_key(None))
    assert client.get("/v3/export-jobs").status_code == 400
    answer = client.get("/v3/export-jobs", params={"company_id": company.id})
    assert len(answer.json()["data"]) == 1


def test_ids_must_be_uuids(api: httpx.Client) -> None:
    assert api.get("/v3/export-jobs", params={"company_id": "acme"}).status_code == 400
    assert api.get("/v3/export-jobs/1").status_code == 400


def test_an_installation_tells_its_company(api: httpx.Client, company: Company) -> None:
    assert api.get("/v1/installations/me").status_code == 404
    body = {"metadata": {"externalConfigurationId": "1"}, "status": "ACTIVATED"}
    made = api.post("/v1/installations/me", json=body)
    assert made.status_code == 201
    assert made.json()["resource"] == f"urn:pleo:company:{company.id}"
    assert api.get("/v1/installations/me").json() == made.json()
    again = api.post("/v1/installations/me", json={"status": "INACTIVE"}).json()
    assert (again["id"], again["status"]) == (made.json()["id"], "INACTIVE")


def test_unknown_paths_and_methods_answer_in_pleos_shape(api: httpx.Client) -> None:
    missing = api.get("/v2/export-jobs")
    assert (missing.status_code, missing.json()["type"]) == (404, "HTTP_ERROR")
    wrong = api.delete("/v3/export-jobs")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_the_log_tells_each_request_and_what_it_changed(
    api: httpx.Client, state: State, company: Company, tell: Callable[..., httpx.Response]
) -> None:
    job_id = state.queue_job(company.id, company.add_items(1))
    tell(job_id, "started")
    tell(job_id, "started")
    api.get("/v3/export-jobs", params={"limit": 1})
    requests = [entry for entry in state.events if entry.kind == "request"]
    assert [(entry.method, entry.path, entry.status) for entry in requests] == [
        ("POST", "/v3/export-job-events", 202),
        ("POST", "/v3/export-job-events", 422),
        ("GET", "/v3/export-jobs?limit=1", 200),
    ]
    assert state.count("event", "started", job_id) == 1
    assert state.events[0].as_json()["kind"] == "created"

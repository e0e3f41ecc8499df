"""``counterfoil sandbox``: a program of its own, and the commands that talk to it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from counterfoil.sandbox import DEFAULT_COMPANY, Company, SandboxServer, State, seed_company
from counterfoil.sandbox.commands import app
from counterfoil.sandbox.grants import Asked

pytestmark = pytest.mark.slow

START = "from counterfoil.sandbox.commands import app; app()"

CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).decode()[:43]


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return what runs a sub command in this process."""
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def desk(server: SandboxServer, run: Callable[..., Result]) -> Callable[..., list[str]]:
    """Return what runs a sub command against the running sandbox and gives its lines."""

    def call(*arguments: object) -> list[str]:
        result = run(*arguments, "--url", server.url)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    return call


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[str, str]]]:
    """Return what starts the program and gives its address and what it said."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> tuple[str, str]:
        command = [sys.executable, "-c", START, "--port", "0", *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        running.append(process)
        assert process.stdout is not None
        said = ""
        while "run --once" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        found = re.search(r"http://[\d.:]+", said)
        assert found
        return found[0], said

    yield begin
    for process in running:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        if process.stdout:
            process.stdout.close()


def test_it_serves_a_company_with_one_pending_job_and_says_how_to_reach_it(
    start: Callable[..., tuple[str, str]],
) -> None:
    url, said = start("--company", "Ærø & Søn", "--items", 12, "--seed", 3)
    jobs = httpx.get(f"{url}/v3/export-jobs", auth=("sandbox-key", "")).json()["data"]
    assert [(job["status"], job["numberOfItems"]) for job in jobs] == [("pending", 12)]
    for word in ("Ærø & Søn", DEFAULT_COMPANY, "sandbox-key", "sandbox-secret", jobs[0]["id"]):
        assert word in said
    config = tomllib.loads(said[said.index("[pleo]") : said.index("Then, in another")])
    assert config["pleo"] == {"base_url": url, "api_key": "env:PLEO_API_KEY"}


def test_it_goes_on_from_its_file(start: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    file = tmp_path / "pleo.json"
    url, _ = start("--items", 3, "--state", file)
    first = httpx.get(f"{url}/_sandbox").json()["companies"]
    again, _ = start("--items", 50, "--state", file)
    assert httpx.get(f"{again}/_sandbox").json()["companies"] == first


def test_a_taken_port_is_told(run: Callable[..., Result], server: SandboxServer) -> None:
    result = run("--port", server.url.rpartition(":")[2])
    assert result.exit_code == 1
    assert "another --port" in result.output


def test_a_damaged_file_is_told_and_left_alone(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "pleo.json"
    file.write_text("{}")
    result = run("--state", file, "--port", 0)
    assert (result.exit_code, file.read_text()) == (1, "{}")
    assert str(file) in result.output


def test_a_bookkeeper_queues_edits_and_exports(
    desk: Callable[..., list[str]], state: State
) -> None:
    company = seed_company(state, items=0)
    first, second = desk("queue", 2, "--seed", 8)
    (edited,) = desk("edit", first, '{"note": "new", "amount": 12.50}')
    assert json.loads(edited)["note"] == "new"
    assert str(state.entry(first).item["amount"]) == "12.50"
    (job_id,) = desk("export", second)
    (rest,) = desk("export", "--vendor-based")
    assert list(state.job(job_id).items) == [second]
    assert state.job(rest).vendor_based
    assert company.queued() == []
    assert desk("close", job_id) == desk("expire", rest) == ["failed"]


def test_an_item_is_queued_from_a_file(
    desk: Callable[..., list[str]], state: State, tmp_path: Path
) -> None:
    company = seed_company(state, items=0)
    file = tmp_path / "item.json"
    file.write_text(json.dumps(company.build(note="by hand")))
    (entry_id,) = desk("queue", "--file", file)
    assert state.entry(entry_id).item["note"] == "by hand"


def test_clock_faults_and_log(desk: Callable[..., list[str]], state: State) -> None:
    before = state.clock.now()
    desk("clock", 60)
    assert (state.clock.now() - before).total_seconds() >= 60
    (line,) = desk("faults", "slow", "--endpoint", "get_job", "--times", 2, "--value", 0.5)
    shown = json.loads(line)
    assert (shown["kind"], shown["endpoint"], shown["times"]) == ("slow", "get_job", 2)
    assert desk("faults", "--clear") == []
    company = seed_company(state, items=1)
    state.queue_job(company.id)
    assert [json.loads(entry)["kind"] for entry in desk("log")] == ["created"]


def test_the_ledger_that_fits_is_written_once(run: Callable[..., Result], tmp_path: Path) -> None:
    ledger = tmp_path / "books" / "main.beancount"
    assert run("books", tmp_path / "books").exit_code == 0
    assert 'code: "1800"' in ledger.read_text()
    ledger.write_text("mine")
    assert run("books", tmp_path / "books").exit_code == 1
    assert ledger.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("export",), "No sandbox answers"),
        (("edit", "id", "{"), "not JSON"),
        (("queue", "--file", "missing.json"), "missing.json"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Callable[..., Result], arguments: tuple[str, ...], word: str
) -> None:
    result = run(*arguments, "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert word in result.output


def test_a_refusal_is_told_in_the_sandboxs_words(
    run: Callable[..., Result], server: SandboxServer
) -> None:
    result = run("close", "unknown", "--url", server.url)
    assert (result.exit_code, "not found" in result.output) == (1, True)
    assert os.linesep in result.output


def test_a_person_makes_and_revokes_keys(
    desk: Callable[..., list[str]], server: SandboxServer, company: Company
) -> None:
    (narrow,) = desk("key", "export-jobs:read")
    (wide,) = desk("key", "--organisation")

    def status(key: str, path: str = "/v3/export-jobs") -> int:
        params = {"company_id": company.id}
        return httpx.get(f"{server.url}{path}", params=params, auth=(key, "")).status_code

    assert [status(narrow), status(wide)] == [200, 200]
    assert status(wide, "/v1/installations/me") == 404
    desk("key", "--revoke", narrow)
    assert status(narrow) == 401


def test_a_person_sets_lifetimes_registers_clients_and_revokes(
    desk: Callable[..., list[str]], state: State, company: Company
) -> None:
    uri = "http://127.0.0.1:9/oauth/callback"
    (line,) = desk("oauth", "--access-seconds", 5, "--redirect-uri", uri)
    shown = json.loads(line)
    assert (shown["accessSeconds"], shown["codeSeconds"]) == (5, 60)
    client = state.oauth.clients[shown["clients"][0]["id"]]
    assert client.redirect_uris == (uri,)
    asked = Asked(client.id, uri, frozenset({"export-jobs:read"}), CHALLENGE)
    given = state.oauth.exchange(client, state.oauth.consent(asked, company.id), uri, "v" * 43)
    (line,) = desk("oauth", "--revoke", given.id)
    assert json.loads(line)["authorisations"][0]["ended"] == "it was revoked"

"""``counterfoil serve``: exports are booked as they come, until it is told to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from counterfoil.sandbox.faults import Fault, Kind
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow

TOKEN = {"Authorization": "Bearer open-sesame"}
SECOND = """
[[connection]]
name = "other"
company_id = "12abc3d4-e567-890e-1234-abc56e78fabc"
api_key = "env:OTHER_KEY"
system = "beancount"
options.ledger = "other.beancount"
accounts = { wallet = "1800" }
"""


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def configured(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> Acme:
    """Let nothing be looked at by itself within a test."""
    monkeypatch.setenv("SERVE_TOKEN", "open-sesame")
    serve = '[serve]\nport = 0\npoll = "1 hour"\ntoken = "env:SERVE_TOKEN"\n\n'
    acme.replace("[[connection]]", serve + "[[connection]]")
    return acme


@contextmanager
def serving(acme: Acme) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Serve in a process of its own; give it, and a client with its token."""
    command = [sys.executable, "-m", "counterfoil", "serve"]
    with subprocess.Popen(
        command,
        cwd=acme.folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"(http://\S+)/connections", process.stdout.readline())
            assert found is not None
            with httpx.Client(base_url=found[1], headers=TOKEN) as client:
                yield process, client
        finally:
            process.kill()


def states(client: httpx.Client) -> dict[str, str]:
    """Give each connection's state."""
    return {each["name"]: each["state"] for each in client.get("/connections").json()["data"]}


def test_what_waits_at_the_start_is_booked_and_so_is_what_comes(configured: Acme) -> None:
    acme = configured
    acme.company.add_item(account="6100")
    first = acme.export()
    with serving(acme) as (process, client):
        wait_for(lambda: acme.state.job(first).status == "completed")
        wait_for(lambda: states(client) == {"acme": "idle"})
        acme.company.add_item(account="6100")
        second = acme.export()
        assert client.post("/connections/acme/poll-now").status_code == 202
        wait_for(lambda: acme.state.job(second).status == "completed")
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_poll_finds_what_nobody_told(configured: Acme) -> None:
    acme = configured
    acme.replace('poll = "1 hour"', 'poll = "1 second"')
    with serving(acme) as (_, client):
        wait_for(lambda: states(client) == {"acme": "idle"})
        acme.company.add_item(account="6100")
        job = acme.export()
        wait_for(lambda: acme.state.job(job).status == "completed")


def test_told_to_stop_it_finishes_what_is_at_hand(
    configured: Acme, counterfoil: CommandLine
) -> None:
    acme = configured
    acme.company.add_items(150, account="6100")
    job = acme.export()
    acme.state.faults.append(Fault(Kind.SLOW, "update_items", value=1.0))
    with serving(acme) as (process, _):
        wait_for(lambda: acme.state.count("event", "started", job) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    acme.state.faults.clear()
    assert counterfoil("run", "--once").code == 0
    assert acme.state.job(job).status == "completed"
    assert acme.state.count("event", "started", job) == 1
    ledger = "".join(path.read_text() for path in acme.folder.glob("counterfoil/*.beancount"))
    assert ledger.count('pleo_part: "entry"') == 150


def test_killed_it_goes_on_where_it_was_when_it_starts_again(configured: Acme) -> None:
    acme = configured
    acme.company.add_items(150, account="6100")
    job = acme.export()
    acme.state.faults.append(Fault(Kind.SLOW, "update_items", value=1.0))
    with serving(acme) as (process, _):
        wait_for(lambda: acme.state.count("event", "started", job) == 1)
        time.sleep(1)
        process.kill()
    acme.state.faults.clear()
    with serving(acme):
        wait_for(lambda: acme.state.job(job).status == "completed")
    assert acme.state.count("event", "started", job) == 1
    ledger = "".join(path.read_text() for path in acme.folder.glob("counterfoil/*.beancount"))
    assert ledger.count('pleo_part: "entry"') == 150


def test_a_broken_connection_is_paused_and_the_others_go_on(
    configured: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = configured
    monkeypatch.setenv("OTHER_KEY", "revoked")
    (acme.folder / "other.beancount").write_text('2020-01-01 open Assets:Pleo\n  code: "1800"\n')
    with (acme.folder / "counterfoil.toml").open("a") as file:
        file.write(SECOND)
    acme.company.add_item(account="6100")
    job = acme.export()
    with serving(acme) as (_, client):
        wait_for(lambda: acme.state.job(job).status == "completed")
        wait_for(lambda: states(client) == {"acme": "idle", "other": "broken"})
        broken = client.get("/connections").json()["data"][1]
        assert "check the API key" in broken["error"]
        assert client.get("/readyz").status_code == 200


def test_what_is_not_public_needs_the_token(configured: Acme) -> None:
    with serving(configured) as (_, client):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic b3Blbg=="}):
            plain = httpx.get(client.base_url.join("/connections"), headers=headers)
            assert plain.status_code == 401
        assert client.post("/connections/nobody/poll-now").status_code == 404


def test_a_port_that_is_taken_is_told(configured: Acme, counterfoil: CommandLine) -> None:
    with serving(configured) as (_, client):
        said = counterfoil("serve", "--port", str(client.base_url.port))
    assert said.code == 1
    assert "Cannot listen on 127.0.0.1" in said.err

"""``counterfoil webhooks`` beside a running ``serve``: a click on Export is booked at once."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from counterfoil.register.sealing import new_key
from counterfoil.sandbox import DEFAULT_COMPANY, DEFAULT_KEY, Fault, Kind, State
from counterfoil.sandbox.model import encode
from tests.acme import CONFIGURATION, LEDGER, Acme, CommandLine
from tests.cli.test_serve import wait_for

pytestmark = pytest.mark.slow

EVENT = "v1.export-job.created"


def free_port() -> int:
    """Give a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def configure(folder: Path) -> str:
    """Serve at a port of its own, and look at nothing by itself; returns the public URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    path = folder / "counterfoil.toml"
    serve = f'[serve]\nport = {port}\npoll = "24 hours"\npublic_url = "{url}/"\n\n'
    path.write_text(path.read_text().replace("[[connection]]", serve + "[[connection]]", 1))
    return url


@pytest.fixture
def public(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give acme a public URL and a key; webhooks that are not taken come again at once."""
    monkeypatch.setenv("COUNTERFOIL_KEY", new_key())
    acme.state.outbox.retry_after = [0.2] * 20
    return configure(acme.folder)


@contextmanager
def serving(folder: Path) -> Iterator[list[str]]:
    """Serve in a process of its own; give what it said at its start."""
    command = [sys.executable, "-m", "counterfoil", "serve"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            assert "Serving" in said[0]
            if "no webhook" in said[0] or not _subscribed(folder):
                said.append(process.stdout.readline())
            yield said
        finally:
            process.kill()


def _subscribed(folder: Path) -> bool:
    with sqlite3.connect(folder / "counterfoil.db") as register:
        return bool(register.execute("SELECT 1 FROM webhook_subscriptions").fetchall())


def only_hook(acme: Acme) -> str:
    """Return the id of the one subscription that Pleo has."""
    (hook,) = acme.state.hooks
    return hook


def test_subscribing_makes_one_that_pleo_delivers_to(
    acme: Acme, public: str, counterfoil: CommandLine
) -> None:
    said = counterfoil("webhooks", "subscribe")
    assert (said.code, said.err) == (0, "")
    hook = acme.state.hooks[only_hook(acme)]
    assert hook.endpoint_url.startswith(f"{public}/webhooks/")
    assert (hook.status, hook.event_types) == ("ACTIVE", [EVENT])
    token = hook.endpoint_url.rpartition("/")[2]
    assert len(token) >= 43
    register = (acme.folder / "counterfoil.db").read_bytes()
    assert token.encode() not in register
    assert hook.secret.encode() not in register
    assert token not in said.out
    again = counterfoil("webhooks", "subscribe")
    assert (again.code, len(acme.state.hooks)) == (0, 1)
    assert "already" in again.out


def test_what_a_gateway_asks_for_is_sent_along(
    acme: Acme, public: str, counterfoil: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    del public
    monkeypatch.setenv("LOGIN", "pleo:hunter2")
    (acme.folder / "gate-key").write_text("sesame\n")
    options = ("--basic-auth", "env:LOGIN", "--header", "X-Gate=file:gate-key")
    assert counterfoil("webhooks", "subscribe", *options).code == 0
    hook = acme.state.hooks[only_hook(acme)]
    assert hook.custom_headers == {"X-Gate": "sesame"}
    login = {"username": "pleo", "password": "hunter2"}
    assert hook.endpoint_auth == {"type": "BASIC", "credentials": login}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--basic-auth", "pleo:hunter2"], "is not a reference"),
        (["--basic-auth", "env:NOWHERE"], "the environment variable NOWHERE is not set"),
        (["--basic-auth", "env:PLEO_API_KEY"], "is not USER:PASSWORD"),
        (["--header", "X-Gate=sesame"], "is not a reference"),
        (["--header", "Webhook-Id=env:HOME"], "no header of yours to set"),
        (["--header", "X Gate=env:HOME"], "no header of yours to set"),
    ],
)
def test_what_cannot_be_sent_along_is_refused(
    acme: Acme, public: str, counterfoil: CommandLine, options: list[str], told: str
) -> None:
    del public
    said = counterfoil("webhooks", "subscribe", *options)
    assert said.code == 2
    assert told in said.err
    assert "hunter2" not in said.err
    assert acme.state.hooks == {}


def test_without_a_key_or_a_public_url_nothing_is_made(
    acme: Acme, counterfoil: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERFOIL_KEY", raising=False)
    said = counterfoil("webhooks", "subscribe")
    assert said.code == 2
    assert '[serve] public_url = "https://' in said.err
    configure(acme.folder)
    said = counterfoil("webhooks", "subscribe")
    assert said.code == 2
    assert "counterfoil secrets new-key" in said.err
    assert acme.state.hooks == {}


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault(Kind.DROP_AFTER, "create_subscription", times=1), 1),
        pytest.param(
            Fault(Kind.RATE_LIMIT, "get_subscription_secret", value=0), 0, marks=pytest.mark.slow
        ),
    ],
)
def test_what_breaks_off_leaves_nothing_that_delivers(
    acme: Acme, public: str, counterfoil: CommandLine, fault: Fault, left: int
) -> None:
    """An answer that was lost leaves an inactive one, which ``list`` shows and names."""
    del public
    acme.state.faults = [fault]
    assert counterfoil("webhooks", "subscribe").code == 1
    acme.state.faults.clear()
    assert [hook.status for hook in acme.state.hooks.values()] == ["INACTIVE"] * left
    assert counterfoil("webhooks", "subscribe").code == 0
    listed = json.loads(counterfoil("webhooks", "list", "--json").out)
    assert sorted(row["status"] for row in listed) == ["ACTIVE"] + ["INACTIVE"] * left
    for row in listed:
        if row["status"] == "INACTIVE":
            assert "not in this register: counterfoil webhooks remove" in row["remark"]
            said = counterfoil("webhooks", "remove", "--subscription", row["subscription_id"])
            assert said.code == 0
    assert [hook.status for hook in acme.state.hooks.values()] == ["ACTIVE"]


def test_a_subscription_left_inactive_is_activated(
    acme: Acme, public: str, counterfoil: CommandLine
) -> None:
    del public
    acme.state.faults = [Fault(Kind.RATE_LIMIT, "update_subscription", times=5, value=0)]
    assert counterfoil("webhooks", "subscribe").code == 1
    hook = acme.state.hooks[only_hook(acme)]
    assert hook.status == "INACTIVE"
    acme.state.faults.clear()
    url = hook.endpoint_url
    assert counterfoil("webhooks", "subscribe").code == 0
    assert (hook.status, hook.endpoint_url) == ("ACTIVE", url)
    acme.state.faults = [Fault(Kind.RATE_LIMIT, "update_subscription", times=5, value=0)]
    assert counterfoil("webhooks", "rotate").code == 1
    acme.state.faults.clear()
    assert counterfoil("webhooks", "subscribe").code == 0
    assert [each.status for each in acme.state.hooks.values()] == ["ACTIVE", "ACTIVE"]


def test_a_click_on_export_is_booked_without_a_poll(
    acme: Acme, public: str, counterfoil: CommandLine
) -> None:
    """Forged, torn and doubled deliveries do no harm; a service that was away is called again."""
    assert counterfoil("webhooks", "subscribe").code == 0
    acme.company.add_item(account="6100")
    with serving(acme.folder) as said:
        assert len(said) == 1
        acme.state.faults = [
            Fault(Kind.WEBHOOK_FORGED, times=1),
            Fault(Kind.WEBHOOK_TORN, skip=1, times=1),
            Fault(Kind.WEBHOOK_TWICE, times=1, skip=2),
        ]
        job = acme.export()
        wait_for(lambda: acme.state.job(job).status == "completed")
        wait_for(lambda: acme.state.count("webhook") == 4)
        answers = [each.status for each in acme.state.events if each.kind == "webhook"]
        assert answers == [401, 0, 204, 204]
        said_now = counterfoil("webhooks", "verify")
        assert said_now.out.count("it is active, and a trial arrived") == 1
    acme.company.add_item(account="6100")
    job = acme.export()
    assert counterfoil("webhooks", "verify").code == 1
    with serving(acme.folder):
        wait_for(lambda: acme.state.job(job).status == "completed")
    assert acme.state.count("event", "started", job) == 1
    assert public in counterfoil("webhooks", "list").out


def test_a_subscription_is_rotated_and_the_old_one_goes_when_the_new_one_delivered(
    acme: Acme, public: str, counterfoil: CommandLine
) -> None:
    del public
    assert counterfoil("webhooks", "rotate").code == 2
    assert counterfoil("webhooks", "subscribe").code == 0
    old = only_hook(acme)
    with serving(acme.folder):
        said = counterfoil("webhooks", "rotate")
        assert said.code == 0
        (new,) = set(acme.state.hooks) - {old}
        assert counterfoil("webhooks", "verify").code == 0
        assert set(acme.state.hooks) == {old, new}
        # As a kill between making it and activating it leaves it.
        acme.state.hooks[new].status = "INACTIVE"
        assert "already" in counterfoil("webhooks", "rotate").err
        assert acme.state.hooks[new].status == "ACTIVE"
        # Removed at Pleo by somebody, it is made once more.
        del acme.state.hooks[new]
        assert counterfoil("webhooks", "rotate").code == 0
        (new,) = set(acme.state.hooks) - {old}
        assert counterfoil("webhooks", "verify").code == 0
        acme.company.add_item(account="6100")
        job = acme.export()
        wait_for(lambda: acme.state.job(job).status == "completed")
        wait_for(lambda: set(acme.state.hooks) == {new})
        wait_for(lambda: len(json.loads(counterfoil("webhooks", "list", "--json").out)) == 1)
    (row,) = json.loads(counterfoil("webhooks", "list", "--json").out)
    assert (row["remark"], row["heard_at"] is not None) == ("", True)


def test_what_is_wrong_with_a_subscription_is_told(
    acme: Acme, public: str, counterfoil: CommandLine
) -> None:
    assert counterfoil("webhooks", "verify").code == 1
    with serving(acme.folder) as said:
        assert said[1].startswith("1 connection has no webhook subscription (acme)")
        assert "counterfoil webhooks subscribe" in said[1]
        assert counterfoil("webhooks", "subscribe").code == 0
        assert counterfoil("webhooks", "verify").code == 0
        hook = acme.state.hooks[only_hook(acme)]
        url, hook.endpoint_url = hook.endpoint_url, f"{public}/webhooks/other"
        assert "URL was changed at Pleo" in counterfoil("webhooks", "verify").out
        hook.endpoint_url, hook.event_types = url, ["v1.vendor.created"]
        assert "is not for v1.export-job.created" in counterfoil("webhooks", "verify").out
        hook.event_types, hook.secret = [EVENT], "whsec_b3RoZXIgb3RoZXIgb3RoZXI="
        assert "signs with another secret" in counterfoil("webhooks", "verify").out
    away = counterfoil("webhooks", "verify").out
    assert "is not reached from here" in away
    assert url.rpartition("/")[2] not in away
    acme.state.hooks.clear()
    assert "Pleo has it no more" in counterfoil("webhooks", "list").out
    assert counterfoil("webhooks", "remove").code == 0
    assert "There are no webhook subscriptions" in counterfoil("webhooks", "list").out


def run(folder: Path, *arguments: str) -> str:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "counterfoil", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_sandbox_and_a_service_as_processes_of_their_own(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an operator starts, with nothing in between but HTTP."""
    monkeypatch.setenv("COUNTERFOIL_KEY", new_key())
    monkeypatch.setenv("PLEO_API_KEY", DEFAULT_KEY)
    (here / "main.beancount").write_text(LEDGER)
    item = State().add_company(company_id=DEFAULT_COMPANY).build(account="6100")
    command = [sys.executable, "-m", "counterfoil", "sandbox", "--port", "0", "--items", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as sandbox:
        try:
            assert sandbox.stdout is not None
            url = re.findall(r"http://\S+", sandbox.stdout.readline())[0]
            text = CONFIGURATION.format(url=url, company_id=DEFAULT_COMPANY)
            (here / "counterfoil.toml").write_text(text)
            configure(here)
            run(here, "webhooks", "subscribe")
            with serving(here):
                _wait_until_idle(here)
                (here / "item.json").write_bytes(encode(item))
                run(here, "sandbox", "queue", "--file", "item.json", "--url", url)
                job = run(here, "sandbox", "export", "--url", url).strip()
                wait_for(lambda: _outcome(url, job) == "completed")
            assert '"webhook"' in run(here, "sandbox", "log", "--url", url)
        finally:
            sandbox.kill()


def _wait_until_idle(folder: Path) -> None:
    """Wait until the service has looked for the first time, so that a webhook has to wake it."""
    port = re.findall(r"port = (\d+)", (folder / "counterfoil.toml").read_text())[0]
    wait_for(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200)


def _outcome(url: str, job: str) -> str:
    (company,) = httpx.get(f"{url}/_sandbox").json()["companies"]
    return next(str(each["status"]) for each in company["jobs"] if each["id"] == job)

"""People are told of what needs them: once, by a command or a URL, at no export's cost."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from counterfoil.register import open_register
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow

NOTIFY = '[notify]\ncommand = ["{program}"]\n\n[[connection]]'


def listening(acme: Acme, script: str = "cat >> told\necho >> told") -> Path:
    """Configure a command that keeps what it is told, one JSON a line; return the file."""
    program = acme.folder / "tell"
    program.write_text(f"#!/bin/sh\ncd {acme.folder}\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    acme.replace("[[connection]]", NOTIFY.format(program=program))
    return acme.folder / "told"


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def test_a_job_that_failed_is_told_once_and_without_what_its_items_say(
    acme: Acme, counterfoil: CommandLine
) -> None:
    path = listening(acme)
    acme.company.add_item(account="9999", value=1234567, supplier={"name": "Wayne"})
    job = acme.export()
    counterfoil("run", "--once")
    counterfoil("run", "--once")
    (notice,) = told(path)
    assert notice == {
        "version": 1,
        "id": f"job_failed {job}",
        "at": notice["at"],
        "connection": "acme",
        "companyId": acme.company.id,
        "event": "job_failed",
        "job": job,
        "outcome": "failed",
        "items": {"account_unknown": 1},
        "reason": None,
        "see": f"counterfoil items --job {job}",
    }


def test_a_broken_connection_is_told_again_only_after_it_worked(
    acme: Acme, counterfoil: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listening(acme)
    monkeypatch.setenv("PLEO_API_KEY", "stolen-key")
    for _ in range(2):
        assert counterfoil("run", "--once").code == 1
    (notice,) = told(path)
    assert (notice["event"], "stolen-key" in json.dumps(notice)) == ("connection_broken", False)
    monkeypatch.setenv("PLEO_API_KEY", acme.company.api_key)
    assert counterfoil("run", "--once").code == 0
    monkeypatch.setenv("PLEO_API_KEY", "stolen-key")
    counterfoil("run", "--once")
    assert [each["event"] for each in told(path)] == ["connection_broken"] * 2


@pytest.mark.parametrize("script", ["exit 3", "kill -9 $$"])
def test_a_command_that_fails_breaks_nothing_and_is_tried_again(
    acme: Acme, counterfoil: CommandLine, script: str
) -> None:
    listening(acme, script)
    acme.company.add_item(account="9999")
    job = acme.export()
    assert counterfoil("run", "--once").code == 0
    assert acme.state.job(job).status == "failed"
    with open_register(f"sqlite:///{acme.folder / 'counterfoil.db'}") as register:
        assert register.figures.now().untold == 1


def test_a_command_gets_none_of_our_secrets(acme: Acme, counterfoil: CommandLine) -> None:
    path = listening(acme, "env > told")
    acme.company.add_item(account="9999")
    acme.export()
    counterfoil("run", "--once")
    assert "PATH=" in path.read_text()
    assert "PLEO_API_KEY" not in path.read_text()


@contextmanager
def desk() -> Iterator[tuple[str, list[tuple[str | None, dict[str, Any]]]]]:
    """Answer at a URL; give it, and what was posted with which credentials."""
    posted: list[tuple[str | None, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            del args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook?key=k", posted
        finally:
            server.shutdown()
            thread.join()


def test_a_url_gets_the_same(
    acme: Acme, counterfoil: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk() as (url, posted):
        monkeypatch.setenv("HOOK", url)
        monkeypatch.setenv("HOOK_TOKEN", "sesame")
        notify = 'url = "env:HOOK"\ntoken = "env:HOOK_TOKEN"\non = ["connection_broken"]'
        acme.replace("[[connection]]", f"[notify]\n{notify}\n\n[[connection]]")
        acme.company.add_item(account="9999")
        acme.export()
        counterfoil("run", "--once")
        assert posted == []
        monkeypatch.setenv("PLEO_API_KEY", "stolen-key")
        counterfoil("run", "--once")
    ((authorization, notice),) = posted
    assert (authorization, notice["event"]) == ("Bearer sesame", "connection_broken")

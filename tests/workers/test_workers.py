"""``counterfoil worker`` and ``serve --no-work``: many processes over one register."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from counterfoil.sandbox.faults import Fault, Kind
from tests.register.pooler import pooled
from tests.register.wire import Wire
from tests.workers.fleet import TOKEN, Fleet, ask, eventually, fleet

pytestmark = pytest.mark.slow


def states(url: str) -> dict[str, str]:
    """Give each connection's state."""
    found = httpx.get(f"{url}/connections", headers=TOKEN).json()["data"]
    return {each["name"]: each["state"] for each in found}


def test_workers_book_what_waits_what_is_asked_for_and_what_nobody_told(
    tmp_path: Path, postgres_url: str
) -> None:
    with fleet(tmp_path, postgres_url, companies=3, poll="2 seconds") as here:
        first = [here.export(name) for name in here.companies]
        here.worker()
        url = here.server()
        eventually(lambda: here.done(first))
        second = here.export("c1", 3)
        ask(url, "c1")
        eventually(lambda: here.done([second]))
        third = here.export("c2")
        eventually(lambda: here.done([third]))
        assert here.booked("c1").most_common(1)[0][1] == 1
        assert sum(here.booked("c1").values()) == 4
        eventually(lambda: set(states(url).values()) == {"idle"})
        assert httpx.get(f"{url}/readyz").status_code == 200


def test_a_broken_connection_is_paused_for_all_and_shown(tmp_path: Path, postgres_url: str) -> None:
    with fleet(tmp_path, postgres_url, companies=2) as here:
        here.environment["KEY_c0"] = "revoked"
        job = here.export("c1")
        here.worker()
        url = here.server()
        eventually(lambda: states(url) == {"c0": "broken", "c1": "idle"})
        eventually(lambda: here.done([job]))


def test_a_worker_tells_what_it_counted_and_what_all_agree_about(
    tmp_path: Path, postgres_url: str
) -> None:
    with fleet(tmp_path, postgres_url, companies=1) as here:
        job = here.export("c0", 2)
        process = here.start("worker", "--metrics-port", "0")
        assert process.stdout is not None
        url = process.stdout.readline().split("; ")[1].split()[0]
        eventually(lambda: here.done([job]))
        counted = (
            'counterfoil_items_total{connection="c0",failure_type="",outcome="successful"} 2.0'
        )
        eventually(lambda: counted in httpx.get(url).text)
        server = here.server()
        assert httpx.get(url.replace("/metrics", "/healthz")).status_code == 200
        for told in (httpx.get(url).text, httpx.get(f"{server}/metrics").text):
            assert 'counterfoil_pending_jobs{connection="c0"} 0.0' in told
            assert 'counterfoil_connections_state{connection="c0",state="idle"} 1.0' in told


def at_work(here: Fleet) -> str:
    """Have a job of 150 items under way, each report of which takes a while."""
    here.state.faults.append(Fault(Kind.SLOW, "update_items", value=1.5))
    job = here.export("c0", 150)
    here.worker()
    eventually(lambda: ("started", job) in here.happened("c0"))
    return job


def test_told_to_stop_a_worker_leaves_the_rest_to_others(tmp_path: Path, postgres_url: str) -> None:
    with fleet(tmp_path, postgres_url, companies=1) as here:
        job = at_work(here)
        (worker,) = here.running
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        here.worker()
        eventually(lambda: here.done([job]))
        assert here.happened("c0") == [("started", job), ("completed", job)]
        assert len(here.booked("c0")) == 150


def test_told_twice_a_worker_leaves_at_once(tmp_path: Path, postgres_url: str) -> None:
    with fleet(tmp_path, postgres_url, companies=1) as here:
        job = at_work(here)
        (worker,) = here.running
        worker.send_signal(signal.SIGTERM)
        eventually(lambda: "Stopping when" in here.said())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 1
        here.worker()
        eventually(lambda: here.done([job]))
        assert len(here.booked("c0")) == 150


def test_postgresql_goes_and_comes_back(tmp_path: Path, postgres_url: str) -> None:
    with Wire(postgres_url) as wire, fleet(tmp_path, wire.url, companies=2) as here:
        job = at_work(here)
        url = here.server()
        wire.cut()
        eventually(lambda: here.said().count("waiting for the register") >= 2)
        assert httpx.get(f"{url}/healthz").status_code == 200
        asked = httpx.post(f"{url}/connections/c1/poll-now", headers=TOKEN)
        assert (asked.status_code, "cannot be used" in asked.text) == (503, True)
        wire.mend()
        other = here.export("c1")
        eventually(lambda: here.done([job]))
        ask(url, "c1")
        eventually(lambda: here.done([other]))
        assert here.happened("c0") == [("started", job), ("completed", job)]
        assert [process.poll() for process in here.running] == [None, None]


def test_a_worker_goes_past_a_pooler(
    tmp_path: Path, postgres_url: str, debian_program: Callable[[str], str]
) -> None:
    program = debian_program("pgbouncer")
    with (
        pooled(program, postgres_url) as url,
        fleet(tmp_path, url, companies=2, direct_url=postgres_url) as here,
    ):
        first = here.export("c0")
        here.worker()
        eventually(lambda: here.done([first]))
        second = here.export("c1")
        ask(here.server(), "c1")
        eventually(lambda: here.done([second]))

"""``run --once`` told to stop: it reports what is at hand and leaves; told twice, at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from counterfoil.sandbox.faults import Fault, Kind
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


@pytest.fixture
def running(acme: Acme) -> Iterator[subprocess.Popen[str]]:
    """Export 250 expenses in a process of its own; Pleo takes its time for each report."""
    acme.company.add_items(250, account="6100")
    acme.export()
    acme.state.faults.append(Fault(Kind.SLOW, "update_items", value=1.0))
    command = [sys.executable, "-m", "counterfoil", "run", "--once"]
    with subprocess.Popen(
        command, cwd=acme.folder, env=dict(os.environ), stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def reported(acme: Acme) -> int:
    """Count the outcomes that Pleo has."""
    (job,) = acme.state.jobs.values()
    return sum(item.status == "successful" for item in job.items.values())


def test_it_finishes_what_is_at_hand_and_the_next_run_goes_on(
    acme: Acme, running: subprocess.Popen[str], counterfoil: CommandLine
) -> None:
    wait_for(lambda: reported(acme) == 100)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "Stopping when the items at hand are reported" in said
    assert reported(acme) in {100, 200}
    acme.state.faults.clear()
    assert counterfoil("run", "--once").code == 0
    assert reported(acme) == 250
    ledger = "".join(path.read_text() for path in acme.folder.glob("counterfoil/*.beancount"))
    assert ledger.count('pleo_part: "entry"') == 250


def test_told_twice_it_leaves_at_once(
    acme: Acme, running: subprocess.Popen[str], counterfoil: CommandLine
) -> None:
    wait_for(lambda: reported(acme) == 100)
    running.send_signal(signal.SIGTERM)
    assert running.stderr
    assert any("Stopping when the items at hand are reported" in line for line in running.stderr)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    acme.state.faults.clear()
    assert counterfoil("run", "--once").code == 0
    assert reported(acme) == 250
    ledger = "".join(path.read_text() for path in acme.folder.glob("counterfoil/*.beancount"))
    assert ledger.count('pleo_part: "entry"') == 250


SERVICE = """
import asyncio, os, signal, time
from counterfoil.cli import stopping

class Service:
    stopping = False
    def stop(self): self.stopping = True

async def told():
    stopping.stopping_in_loop(Service())
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.1)

stopping.LEAVE_SECONDS = 0.5
asyncio.run(told())
time.sleep(60)
"""


def test_what_is_done_after_the_work_is_not_waited_for_either() -> None:
    command = [sys.executable, "-c", SERVICE]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "takes too long: leaving" in done.stderr
    assert time.monotonic() - began < 50

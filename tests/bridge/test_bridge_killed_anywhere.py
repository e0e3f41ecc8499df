"""The bridge is killed after each of its effects; the next start ends the same.

In memory for every effect: the process is played by what it held, the register and Pleo are real.
Then with SIGKILL for some: the command in a process of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from counterfoil.effects import Effect, observe
from counterfoil.sandbox import SandboxServer, State
from tests.bridge.bookkeeper import Bookkeeper
from tests.bridge.conftest import CONFIGURATION, TOKEN, Acme

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SHARES = 12
"""How many tests the sweep is cut into, so that they can run beside each other."""
NOWHERE = "http://127.0.0.1:9"
MOST = 120
"""More effects than a whole run has."""


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Counts effects, and kills before or after one of them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = 0

    def before(self, effect: Effect) -> None:
        del effect
        self.seen += 1

    def after(self, effect: Effect) -> None:
        del effect
        if self.seen == self.number:
            raise Killed


async def run_until_killed(acme: Acme, bookkeeper: Bookkeeper, killer: Killer) -> bool:
    """Let a bridge serve the bookkeeper; True where it lived to the end."""
    try:
        with observe(killer):
            async with acme.bridge() as old:
                await bookkeeper.work(old.http)
                await old.work.tick()
    except Killed:
        return False
    return True


def check(acme: Acme, bookkeeper: Bookkeeper, job: str) -> None:
    """Ask both sides: each expense booked once, and Pleo told so, once."""
    assert sorted(bookkeeper.booked) == sorted(acme.company.entries)
    assert acme.job(job) == "completed"
    assert set(acme.outcomes(job).values()) == {"successful"}
    assert acme.state.count("event", "started", job) == 1
    assert acme.state.count("event", "completed", job) == 1


@pytest.mark.parametrize("share", range(SHARES))
async def test_killed_after_any_effect_it_ends_the_same(acme: Acme, share: int) -> None:
    for number in range(share + 1, MOST, SHARES):
        acme.company.entries.clear()
        acme.items(3)
        job = acme.export()
        bookkeeper = Bookkeeper()
        lived = await run_until_killed(acme, bookkeeper, Killer(number))
        if not lived:
            assert await run_until_killed(acme, bookkeeper, Killer(0)), number
        check(acme, bookkeeper, job)
        if lived:
            return
    pytest.fail(f"a run has {MOST} effects or more: the sweep has to be longer")


async def test_killed_over_and_over_it_ends_the_same(acme: Acme) -> None:
    acme.items(3)
    job = acme.export()
    bookkeeper = Bookkeeper()
    for number in (7, 9, 11, 13, 15, 17, 19, 21):
        await run_until_killed(acme, bookkeeper, Killer(number))
    assert await run_until_killed(acme, bookkeeper, Killer(0))
    check(acme, bookkeeper, job)


async def test_killed_while_the_job_expires_nothing_exported_is_shown_again(acme: Acme) -> None:
    for number in range(1, 60, 4):
        acme.company.entries.clear()
        acme.items(2)
        first = acme.export()
        bookkeeper = Bookkeeper()
        await run_until_killed(acme, bookkeeper, Killer(number))
        acme.state.expire(first)
        waiting = acme.company.queued()
        second = acme.export(*waiting) if waiting else first
        assert await run_until_killed(acme, bookkeeper, Killer(0)), number
        assert sorted(bookkeeper.booked) == sorted(acme.company.entries)
        assert set(acme.outcomes(second).values()) == {"successful"}
        assert acme.job(second) == "completed" or not waiting


class Command:
    """``counterfoil expenses bridge`` in a process of its own, killed at an effect if told so."""

    def __init__(self, folder: Path, api_key: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PLEO_API_KEY": api_key,
            "OLD_PLEO_TOKEN": TOKEN,
        }

    @contextmanager
    def running(self, when: str = "never", number: int = 0) -> Iterator[str]:
        """Start it; give its address, or nothing where it was killed before it had one."""
        child = ROOT / "tests" / "reliability" / "killed.py"
        command = [sys.executable, str(child), when, str(number)]
        process = subprocess.Popen(
            [*command, "expenses", "bridge", "--port", "0"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            found = re.search(r"http://[\d.:]+", process.stdout.readline())
            yield found[0] if found else ""
        finally:
            process.kill()
            process.wait(20)
            process.stdout.close()


async def work_at(url: str, bookkeeper: Bookkeeper) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
        await bookkeeper.work(http)


@pytest.mark.parametrize("number", range(3, 60, 7))
async def test_killed_for_real_it_ends_the_same(tmp_path: Path, number: int) -> None:
    state = State(seed=1)
    company = state.add_company(name="Acme")
    ids = [company.add_item(value=100 + each) for each in range(3)]
    with SandboxServer(state) as server:
        text = CONFIGURATION.format(url=server.url, company_id=company.id)
        (tmp_path / "counterfoil.toml").write_text(text)
        job = state.queue_job(company.id)
        command, bookkeeper = Command(tmp_path, company.api_key), Bookkeeper()
        for when in ("after", "never"):
            with command.running(when, number) as url:
                try:
                    await work_at(url or NOWHERE, bookkeeper)
                except httpx.TransportError:
                    assert when == "after"
    assert sorted(bookkeeper.booked) == sorted(ids)
    assert state.job(job).status == "completed"
    assert state.count("event", "completed", job) == 1

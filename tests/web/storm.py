"""A storm of webhooks upon ``counterfoil serve``: does it stand, and stay as small as it was.

Ten thousand a minute, nine of ten of them sent before, and among them forged ones, ones for another
company, and ones to URLs that are nobody's. For ten minutes, with figures::

    python -m tests.web.storm --minutes=10
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from counterfoil.register import Register, open_register
from counterfoil.register.sealing import Seal, new_key
from counterfoil.sandbox import Company, SandboxServer, State
from tests.acme import CONFIGURATION, LEDGER
from tests.web.conftest import subscribe
from tests.web.signing import about_job, headers_for, secret_of

A_MINUTE = 10_000
AT_ONCE = 20
GROWTH_LIMIT = 24.0
"""Mebibytes; Python's own memory goes up and down by some."""
TOKEN = "token-of-the-storm"
ELSEWHERE = "b5fdaec1-1b43-4b62-996a-b0471c3bb336"
OTHER_KEY = secret_of(b"somebody else's key, so many")
KINDS = {"genuine": 95, "forged": 2, "elsewhere": 2, "nobody": 1}
Line: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
RIGHT = {"genuine": 204, "forged": 401, "elsewhere": 204, "nobody": 404}


@dataclass
class Figures:
    """What came of a storm."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each kind was answered by which status."""
    seconds: list[float] = field(default_factory=list)
    """How long each genuine one was waited for."""
    sizes: list[float] = field(default_factory=list)
    """How much memory the service has resident, in mebibytes, from time to time."""
    different: int = 0
    """How many messages were sent, each of them several times."""
    noted: int = 0
    """How many are in the register."""
    listings: int = 0
    """How often Pleo was asked for jobs."""
    booked: bool = False
    """Whether an export made in the middle of it was done."""

    @property
    def growth(self) -> float:
        """How much the service grew from its first to its last third, in mebibytes."""
        third = max(1, len(self.sizes) // 3)
        return sum(self.sizes[-third:]) / third - sum(self.sizes[:third]) / third

    def within(self, share: float) -> float:
        """Return the milliseconds within which this share was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    def __str__(self) -> str:
        """Write the figures down."""
        answers = ", ".join(
            f"{count:,} {kind} {status}" for (kind, status), count in sorted(self.answers.items())
        )
        return (
            f"{self.answers.total():,} webhooks ({answers}); {self.different:,} different, "
            f"{self.noted:,} noted; answered in {self.within(0.5):.0f} ms (p50), "
            f"{self.within(0.99):.0f} ms (p99), {self.within(1):.0f} ms (max); "
            f"{self.sizes[0]:.0f} MiB at first, {self.sizes[-1]:.0f} MiB at last "
            f"({self.growth:+.1f}); Pleo was asked {self.listings:,} times"
        )


class Sender:
    """Sends a storm, each second its share; what comes late is sent as soon as possible."""

    def __init__(self, url: str, company_id: str, figures: Figures) -> None:
        parts = urlsplit(url)
        self._place = (str(parts.hostname), parts.port)
        self._company_id = company_id
        self._figures = figures
        self._random = random.Random(1)  # noqa: S311 -- which one is sent, no secret
        self._sent: list[tuple[bytes, str]] = []

    async def send(self, seconds: float) -> None:
        begun = time.monotonic()
        numbers = iter(range(int(A_MINUTE * seconds / 60)))
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._line(numbers, begun))

    async def _line(self, numbers: Iterator[int], begun: float) -> None:
        """Send on a connection of its own, as one program of Pleo's might."""
        line: Line | None = None
        for number in numbers:
            await asyncio.sleep(max(0.0, begun + number * 60 / A_MINUTE - time.monotonic()))
            (kind,) = self._random.choices(list(KINDS), list(KINDS.values()))
            request = _request(*self._message(kind))
            began = time.perf_counter()
            while True:
                line = line or await asyncio.open_connection(*self._place)
                status = await _answer(line, request)
                if status is not None:
                    break
                line[1].close()  # it was idle for too long, and is closed at the other end
                line = None
            self._figures.answers[kind, status] += 1
            if kind == "genuine":
                self._figures.seconds.append(time.perf_counter() - began)
        if line is not None:
            line[1].close()

    def _message(self, kind: str) -> tuple[str, bytes, dict[str, str]]:
        if kind == "genuine":
            body, id = self._genuine()
            return TOKEN, body, headers_for(body, id=id)
        body = about_job(ELSEWHERE if kind == "elsewhere" else self._company_id)
        if kind == "forged":
            return TOKEN, body, headers_for(body, secret=OTHER_KEY)
        return "nobody's" if kind == "nobody" else TOKEN, body, headers_for(body)

    def _genuine(self) -> tuple[bytes, str]:
        """Make one, or choose one that was sent before, of the last hundred."""
        if self._sent and self._random.random() < 0.9:
            return self._random.choice(self._sent)
        self._figures.different += 1
        body = about_job(self._company_id, id=f"job {self._figures.different}")
        self._sent = [*self._sent[-99:], (body, f"msg_storm_{self._figures.different}")]
        return self._sent[-1]


def _request(token: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Write a request; a library's takes longer to write it than a service to answer it."""
    fields = headers | {"Host": "counterfoil", "Content-Length": str(len(body))}
    lines = [f"POST /webhooks/{token} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def _answer(line: Line, request: bytes) -> int | None:
    """Send a request and read its answer's status; None where the connection was closed."""
    reader, writer = line
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
    return int(head.split()[1])


def storm(folder: Path, seconds: float) -> Figures:
    """Let a storm go over a service of its own, whose Pleo gets an export in the middle of it."""
    figures = Figures()
    key = new_key()
    company = State().add_company()
    with (
        SandboxServer(company.state) as pleo,
        open_register(f"sqlite:///{folder}/counterfoil.db", seal=Seal([key])) as register,
    ):
        subscribe(register, TOKEN, company_id=company.id)
        (folder / "main.beancount").write_text(LEDGER)
        text = CONFIGURATION.format(url=pleo.url, company_id=company.id)
        serve = '[serve]\nport = 0\npoll = "24 hours"\n\n'
        configuration = folder / "counterfoil.toml"
        configuration.write_text(text.replace("[[connection]]", serve + "[[connection]]"))
        with _served(folder, {"PLEO_API_KEY": company.api_key, "COUNTERFOIL_KEY": key}) as served:
            process, url = served
            asyncio.run(_blow(process.pid, Sender(url, company.id, figures), company, seconds))
            _look_back(figures, register, company)
            assert process.poll() is None
    return figures


@contextmanager
def _served(folder: Path, variables: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "counterfoil", "serve"]
    with (
        (folder / "serve.log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.search(r"(http://\S+)/connections", process.stdout.readline())
            assert found is not None
            yield process, found[1]
        finally:
            process.kill()


async def _blow(pid: int, sender: Sender, company: Company, seconds: float) -> None:
    """Send, measure, and click Export after half the time."""
    measuring = asyncio.create_task(_measure(pid, sender._figures))
    exporting = asyncio.create_task(_export(company, seconds / 2))
    await sender.send(seconds)
    await exporting
    measuring.cancel()


async def _measure(pid: int, figures: Figures) -> None:
    await asyncio.sleep(5)
    while True:
        figures.sizes.append(resident(pid))
        await asyncio.sleep(1)


def resident(pid: int) -> float:
    """Return the mebibytes of memory that a process has; where there is no /proc, always 0."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


async def _export(company: Company, after: float) -> None:
    await asyncio.sleep(after)
    company.add_items(3, account="6100")
    company.state.queue_job(company.id)


def _look_back(figures: Figures, register: Register, company: Company) -> None:
    """Wait until the export is done and nobody is called any more; then count."""
    end = time.monotonic() + 120
    jobs = company.state.jobs_of([company.id])
    while time.monotonic() < end:
        if jobs[0].status == "completed" and not register.wakeups.waiting():
            figures.booked = True
            break
        time.sleep(0.2)
    figures.noted = register.retention.counts()["webhook_deliveries"]
    asked = [entry.path or "" for entry in company.state.events if entry.kind == "request"]
    figures.listings = sum(path.startswith("/v3/export-jobs?") for path in asked)


def judged(figures: Figures) -> list[str]:
    """Say what is not as it should be."""
    wrong = [
        f"{count} {kind} answered {status}"
        for (kind, status), count in figures.answers.items()
        if status != RIGHT[kind]
    ]
    if figures.noted != figures.different:
        wrong.append(f"{figures.noted} noted of {figures.different} different")
    if not figures.booked:
        wrong.append("the export was not done")
    if figures.growth > GROWTH_LIMIT:
        wrong.append(f"it grew by {figures.growth:.1f} MiB")
    return wrong


def main() -> None:
    """Run one from the command line."""
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=10)
    with tempfile.TemporaryDirectory() as folder:
        figures = storm(Path(folder), options.parse_args().minutes * 60)
    sys.stdout.write(f"storm: {figures}\n")
    if wrong := judged(figures):
        sys.exit(f"storm: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()

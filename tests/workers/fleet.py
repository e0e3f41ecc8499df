"""Companies in a local Pleo, books in SQLite files, a register on PostgreSQL, real processes.

The books are the example adapter's: they refuse a second record of one reference, and any process
on this machine reaches them.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx

from counterfoil.sandbox import Company, SandboxServer, State
from tests.workers.adapter import CONNECTION, environment, make_books

__all__ = ["TOKEN", "Fleet", "ask", "eventually", "fleet"]

TOKEN = {"Authorization": "Bearer open-sesame"}
HEAD = """\
[pleo]
base_url = "{pleo}"

[register]
url = "{register}"

[serve]
port = 0
poll = "{poll}"
at_once = {at_once}
token = "env:SERVE_TOKEN"
"""


def ask(url: str, name: str) -> None:
    """Have a connection looked at now, by whoever serves at this address."""
    assert httpx.post(f"{url}/connections/{name}/poll-now", headers=TOKEN).status_code == 202


def _in_use(books: Path) -> bool:
    """Whether anybody reads or writes in these books right now."""
    with closing(sqlite3.connect(books, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
    return False


def eventually(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass
class Fleet:
    """Companies, and the processes that work for them."""

    folder: Path
    state: State
    companies: dict[str, Company]
    environment: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The configuration of all processes."""
        return self.folder / "counterfoil.toml"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a process of the command line, and wait until it works."""
        with (self.folder / f"{len(self.running)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "counterfoil", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.running.append(process)
        return process

    def worker(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a worker."""
        process = self.start("worker", *arguments)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Working for"), self.said()
        return process

    def server(self, *arguments: str) -> str:
        """Start ``serve --no-work``; return its address."""
        process = self.start("serve", "--no-work", *arguments)
        assert process.stdout is not None
        found = re.search(r"(http://\S+)/connections", process.stdout.readline())
        assert found is not None, self.said()
        # What it says of connections without webhooks comes after its last look at the start.
        assert "no webhook subscription" in process.stdout.readline()
        return found[1]

    def said(self) -> str:
        """Return what all processes logged."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def freeze(self, worker: subprocess.Popen[str]) -> None:
        """Freeze a worker, but not within a transaction in books: nobody can cut SQLite's lock."""
        while True:
            worker.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if not any(_in_use(self.folder / f"{name}.sqlite") for name in self.companies):
                return
            worker.send_signal(signal.SIGCONT)
            time.sleep(0.01)

    def export(self, name: str, items: int = 1, *, seconds_ago: int = 0) -> str:
        """Click Export for so many new expenses of a company; return the job's id."""
        company = self.companies[name]
        entries = company.add_items(items, account="6100")
        return self.state.queue_job(company.id, entries, age=timedelta(seconds=seconds_ago))

    def backlog(self, jobs: int, items: int) -> dict[str, list[str]]:
        """Export so many jobs of every company; return their ids, oldest first."""
        return {
            name: [self.export(name, items, seconds_ago=60 - number) for number in range(jobs)]
            for name in self.companies
        }

    def happened(self, name: str) -> list[tuple[str | None, str | None]]:
        """Return the events of a company's jobs that Pleo accepted, in order."""
        ours = {job.id for job in self.state.jobs_of([self.companies[name].id])}
        return [
            (entry.value, entry.job_id)
            for entry in list(self.state.events)
            if entry.kind == "event" and entry.job_id in ours
        ]

    def done(self, jobs: Sequence[str]) -> bool:
        """Whether these jobs are completed."""
        return all(self.state.job(job).status == "completed" for job in jobs)

    def booked(self, name: str) -> Counter[str]:
        """Count a company's records by accounting entry id."""
        with closing(sqlite3.connect(self.folder / f"{name}.sqlite")) as books:
            return Counter(item for (item,) in books.execute("SELECT item FROM entries"))

    def close(self) -> None:
        """End every process."""
        for process in self.running:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@contextmanager
def fleet(
    folder: Path,
    register: str,
    *,
    companies: int,
    poll: str = "1 hour",
    at_once: int = 2,
    direct_url: str | None = None,
) -> Iterator[Fleet]:
    """Serve companies, and write their books and their configuration; no process runs yet."""
    state = State()
    known = {f"c{number}": state.add_company(f"C{number}") for number in range(companies)}
    environ = {
        **environment(folder),
        "SERVE_TOKEN": "open-sesame",
        **{f"KEY_{name}": company.api_key for name, company in known.items()},
    }
    with SandboxServer(state) as server:
        text = HEAD.format(pleo=server.url, register=register, poll=poll, at_once=at_once)
        if direct_url is not None:
            text = text.replace("[serve]", f'direct_url = "{direct_url}"\n\n[serve]')
        for name, company in known.items():
            text += CONNECTION.format(name=name, company=company.id, key=f"KEY_{name}")
            make_books(folder / f"{name}.sqlite")
        built = Fleet(folder, state, known, environ)
        built.config.write_text(text)
        try:
            yield built
        finally:
            built.close()

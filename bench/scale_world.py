"""Many companies in a Pleo that answers late, their books in memory, and the processes that work.

The books are the example adapter's: an SQLite file a company, on a memory disk where there is one.
So they are in memory, every process reaches them, and each refuses a second record of an expense.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.processes import Used, used
from bench.world import ROOT
from tests.workers.adapter import CONNECTION, environment, make_books

__all__ = ["Fleet", "Happened", "Sizes", "fleet"]

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made there
ADDRESS = re.compile(r"http://[\w.:]+")
TOKEN = {"Authorization": "Bearer bench"}
HEAD = """\
[pleo]
base_url = "{pleo}"
api_key = "env:PLEO_API_KEY"

[register]
url = "{register}"

[serve]
port = 0
poll = "1 hour"
at_once = {at_once}
token = "env:SERVE_TOKEN"
"""


@dataclass(frozen=True)
class Sizes:
    """How many companies there are, jobs each of them, and expenses each of those."""

    companies: int
    jobs: int
    items: int


@dataclass(frozen=True)
class Happened:
    """A job was started or finished, as Pleo's log has it."""

    at: float
    event: str
    job: str


@dataclass
class Process:
    """A process of ours, what it said first, and what it had used when it was last asked."""

    name: str
    popen: subprocess.Popen[str]
    said: str = ""
    used: Used = field(default_factory=lambda: Used(0, 0))

    def note(self) -> None:
        """Ask what it has used, if it runs."""
        if self.popen.poll() is None:
            self.used = used(self.popen.pid)


@dataclass
class Fleet:
    """A Pleo of many companies, and who works for them."""

    folder: Path
    known: Path
    """Where its Pleo writes which companies and jobs there are."""
    environment: Mapping[str, str]
    pleo: str = ""
    jobs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The ids of each company's jobs, the oldest first."""
    processes: list[Process] = field(default_factory=list)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=300))
    """Kept, as making one takes longer than asking."""

    def start(self, name: str, *arguments: str) -> Process:
        """Start a process of the command line, and wait until it says that it works."""
        with (self.folder / f"{len(self.processes)}.log").open("w") as log:
            popen = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert popen.stdout is not None  # noqa: S101 -- it is piped
        process = Process(name, popen)
        self.processes.append(process)
        process.said = popen.stdout.readline()
        if not process.said:
            raise RuntimeError(f"{name} did not start: {self._logged()}")
        return process

    def counterfoil(self, name: str, command: str, *options: str) -> Process:
        """Start ``counterfoil COMMAND``."""
        config = str(self.folder / "counterfoil.toml")
        return self.start(name, "counterfoil", command, "--config", config, *options)

    def look(self, server: Process, company: str) -> float:
        """Have a company looked at now; return when that was asked."""
        found = ADDRESS.search(server.said)
        if found is None:
            raise RuntimeError(f"no address in {server.said}")
        asked = time.time()
        url = f"{found[0]}/connections/{company}/poll-now"
        self.http.post(url, headers=TOKEN).raise_for_status()
        return asked

    def export(self, company: str) -> str:
        """Click Export for one new expense; return the job's id."""
        body = {"companyId": company, "item": _item(company)}
        made = self.http.post(f"{self.pleo}/_sandbox/items", json=body).raise_for_status()
        body = {"companyId": company, "accountingEntryIds": made.json()["ids"]}
        answer = self.http.post(f"{self.pleo}/_sandbox/jobs", json=body)
        return str(answer.raise_for_status().json()["id"])

    def happened(self, after: int = 0) -> tuple[list[Happened], int]:
        """Return the accepted events after so many lines of Pleo's log, and its length."""
        answer = self.http.get(f"{self.pleo}/_sandbox/log", params={"after": after})
        lines = answer.raise_for_status().json()
        events = [_event(line) for line in lines if line["kind"] == "event"]
        return events, after + len(lines)

    def wait(self, condition: Callable[[], bool], seconds: float = 3600) -> None:
        """Wait until something is so, noting meanwhile what the processes use."""
        end = time.monotonic() + seconds
        while not condition():
            for process in self.processes:
                process.note()
            if time.monotonic() > end:
                raise RuntimeError(f"It takes too long: {self._logged()}")
            time.sleep(0.2)

    def _logged(self) -> str:
        return "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        """End every process, the last one first."""
        self.http.close()
        for process in reversed(self.processes):
            process.popen.send_signal(signal.SIGCONT)
            process.popen.kill()
            process.popen.wait()
            if process.popen.stdout is not None:
                process.popen.stdout.close()


def _event(line: Mapping[str, Any]) -> Happened:
    at = datetime.fromisoformat(line["at"]).timestamp()
    return Happened(at, line["value"], line["job_id"])


def _item(company: str) -> dict[str, Any]:
    from counterfoil.sandbox.state import State  # noqa: PLC0415 -- only to build an item

    item = State().add_company("any", company).build(account="6100")
    return {key: value for key, value in item.items() if key != "accountingEntryId"}


@contextmanager
def fleet(sizes: Sizes, *, register: str | None, at_once: int) -> Iterator[Fleet]:
    """Give a fleet; without a URL its register is a file."""
    place = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="counterfoil-bench-", dir=place) as books,
        tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as name,
    ):
        known = Path(name) / "known.json"
        here = Fleet(Path(books), known, {**environment(Path(name)), "SERVE_TOKEN": "bench"})
        try:
            arguments = map(str, (known, sizes.companies, sizes.jobs, sizes.items))
            pleo = here.start("Pleo", "bench.scale_pleo", *arguments)
            found = ADDRESS.search(pleo.said)
            here.pleo = found[0] if found else ""
            read = json.loads(known.read_text())
            here.jobs = read["jobs"]
            here.environment = {**here.environment, "PLEO_API_KEY": read["key"]}
            url = register or f"sqlite:///{name}/register.db"
            _write(here, HEAD.format(pleo=here.pleo, register=url, at_once=at_once))
            yield here
        finally:
            here.end()


def _write(here: Fleet, head: str) -> None:
    """Write the books and the configuration."""
    empty = here.folder / "empty.sqlite"
    make_books(empty)
    for company in here.jobs:
        shutil.copy(empty, here.folder / f"{company}.sqlite")
    connections = (
        CONNECTION.format(name=company, company=company, key="PLEO_API_KEY")
        for company in here.jobs
    )
    (here.folder / "counterfoil.toml").write_text(head + "".join(connections))

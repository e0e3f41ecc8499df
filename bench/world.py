"""A world to measure in: a sandbox in a process of its own, a fresh ledger, a configuration.

Everything lies in one scratch folder that goes with the world.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.history import write_history
from bench.usage import Usage
from counterfoil.sandbox.books import demo_config_toml, write_demo_books
from counterfoil.sandbox.company import DEFAULT_KEY
from counterfoil.sandbox.state import DEFAULT_COMPANY

__all__ = ["ROOT", "World", "run_script", "world"]

ROOT = Path(__file__).parents[1]
START_SECONDS = 300
URL = re.compile(r"^A Pleo of your own: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class World:
    """A company whose expenses wait for export, and books that fit it."""

    folder: Path
    url: str

    @property
    def ledger(self) -> Path:
        """The main ledger."""
        return self.folder / "books" / "main.beancount"

    def run_counterfoil(self) -> Usage:
        """Export what waits with ``counterfoil run --once``, in a process of its own."""
        config = self.folder / "counterfoil.toml"
        before = self._text_bytes()
        arguments = ("run", "--once", "--config", config)
        usage = Usage.read(run_script("bench.measured", *arguments, at=self.folder))
        usage.written_bytes = self._text_bytes() - before
        return usage

    def run_plain_loop(self, size: int) -> Usage:
        """Do the same work plainly, writing ``size`` bytes of text an item."""
        folder = self.folder / "plain"
        folder.mkdir()
        arguments = (self.url, DEFAULT_COMPANY, folder, size)
        return Usage.read(run_script("bench.plain_loop", *arguments, at=self.folder))

    def run_downloads(self) -> Usage:
        """Download every receipt of the job, and do nothing else."""
        folder = self.folder / "downloads"
        folder.mkdir()
        arguments = (self.url, DEFAULT_COMPANY, folder)
        return Usage.read(run_script("bench.downloads", *arguments, at=self.folder))

    def job(self) -> tuple[str, int]:
        """Return the export job's status and number of items, as the sandbox has them."""
        (company,) = self._ask("")["companies"]
        (job,) = company["jobs"]
        return job["status"], job["numberOfItems"]

    def calls(self) -> Counter[str]:
        """Count the requests that the sandbox answered, by method and resource."""
        lines = (line for line in self._ask("/log") if line["kind"] == "request")
        return Counter(f"{line['method']} {_resource(line['path'])}" for line in lines)

    def _ask(self, path: str) -> Any:  # noqa: ANN401 -- JSON is anything
        return httpx.get(f"{self.url}/_sandbox{path}", timeout=60).raise_for_status().json()

    def _text_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.ledger.parent.rglob("*.beancount"))


def _resource(path: str) -> str:
    """Leave the query and every id out of a path."""
    plain = path.partition("?")[0]
    return re.sub(r"^/files/.*", "/files/{token}", re.sub(r"/[0-9a-f-]{36}\b", "/{id}", plain))


@contextmanager
def world(items: int, *, history: int = 0, receipt_bytes: int = 0) -> Iterator[World]:
    """Give a world with so many expenses, and so many entries in the ledger already.

    With ``receipt_bytes``, every expense has a receipt of this size, on a slow host.
    """
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as name:
        folder = Path(name)
        ledger = write_demo_books(folder / "books")
        if history:
            write_history(ledger, history)
        command = ["counterfoil", "sandbox", "--port", "0", "--items", str(items)]
        if receipt_bytes:
            command = ["bench.receipt_pleo", str(items), str(receipt_bytes)]
        with _sandbox(folder, command) as url:
            (folder / "counterfoil.toml").write_text(demo_config_toml(url), encoding="utf-8")
            yield World(folder, url)


@contextmanager
def _sandbox(folder: Path, module: Sequence[str]) -> Iterator[str]:
    said = folder / "sandbox.txt"
    command = [sys.executable, "-m", *module]
    with said.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _url(process, said)
    finally:
        process.terminate()
        process.wait()


def _url(process: subprocess.Popen[bytes], said: Path) -> str:
    for _ in range(START_SECONDS * 20):
        if found := URL.search(said.read_text()):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"The sandbox did not start: {said.read_text()}")


def run_script(module: str, *arguments: object, at: Path) -> Path:
    """Run a script of this folder as a process of its own; return the file that it wrote."""
    out, said = at / f"{module}.json", at / f"{module}.txt"
    command: Sequence[str] = [sys.executable, "-m", module, str(out), *map(str, arguments)]
    environment = {**os.environ, "PLEO_API_KEY": DEFAULT_KEY}
    with said.open("wb") as output:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {said.read_text()[-2000:]}")
    return out

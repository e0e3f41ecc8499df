"""Runs the code blocks of a document from top to bottom in one empty folder.

A fence's info string says what a block is::

    ```bash                          a command: it runs and must succeed
    ```bash background               the sandbox: it runs until the document ends
    ```bash fails=3                  a command that must end with this exit code
    ```sh                            a command that is only shown (it needs a real Pleo, say)
    ```python                        runs; `>>>` is checked as a doctest
    ```toml                          a configuration, or a piece of one: it is checked
    ```any title="path"              a file: it is written there, for the blocks below
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

import tomli_w
from sybil import Document, Example, Region
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from counterfoil.config import load

__all__ = ["Folder", "run_blocks"]

INFO = re.compile(
    r'(?P<language>\w+)(?: title="(?P<title>[^"]+)")?(?: fails=(?P<code>\d+))?'
    r"(?P<background> background)?[ \t]*\n"
)
SANDBOX_PORT = "8890"
START_SECONDS = 20

Step: TypeAlias = Callable[[str], None]
"""Does one thing with a block's source, and raises when it does not work."""


@dataclass
class Folder:
    """Where a document's blocks run, the servers they started and a port of their own."""

    path: Path
    port: str = field(default_factory=lambda: str(free_port()))
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def own(self, source: str) -> str:
        """Put the folder's own port in the place of the sandbox's, so that runs may be parallel."""
        return source.replace(SANDBOX_PORT, self.port)

    @property
    def environment(self) -> dict[str, str]:
        """What a block's program sees: our programs first, and nothing of the developer's."""
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {
            "PATH": programs,
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            "COUNTERFOIL_SANDBOX_URL": f"http://127.0.0.1:{self.port}",
        }

    def stop(self) -> None:
        """End the servers."""
        for server in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(START_SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def run_blocks(document: Path, folder: Folder) -> Iterator[list[Example]]:
    """Give the document's examples; each is run by calling its ``evaluate``."""
    parsers = (PythonCodeBlockParser(), lambda text: _regions(text, folder))
    try:
        yield list(Document.parse(str(document), *parsers).examples())
    finally:
        folder.stop()


def _regions(document: Document, folder: Folder) -> Iterator[Region]:
    for region in RawFencedCodeBlockLexer(INFO)(document):
        steps = list(_steps(region.lexemes, folder))
        if steps:
            region.parsed = str(region.lexemes["source"])
            region.evaluator = partial(_take, steps)
            yield region


def _take(steps: list[Step], example: Example) -> None:
    for step in steps:
        step(example.parsed)


def _steps(lexemes: Mapping[str, str | None], folder: Folder) -> Iterator[Step]:
    if lexemes["title"]:
        yield partial(_write, folder, folder.path / lexemes["title"])
    if lexemes["language"] == "toml":
        yield partial(_check, folder)
    if lexemes["language"] == "bash" and lexemes["background"]:
        yield partial(_start, folder)
    elif lexemes["language"] == "bash":
        yield partial(_run, folder, int(lexemes["code"] or 0))


def _write(folder: Folder, path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(folder.own(source))


def _run(folder: Folder, code: int, source: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", folder.own(source)],
        cwd=folder.path,
        env=folder.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{source}\n{done.stdout}\n{done.stderr}"


def _start(folder: Folder, source: str) -> None:
    """Start the sandbox on the folder's own port, and wait until it takes connections."""
    log = folder.path / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            ["bash", "-c", f"exec {source.strip()} --port {folder.port}"],
            cwd=folder.path,
            env=folder.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    folder.servers.append(server)
    deadline = time.monotonic() + START_SECONDS
    while not _listens(folder.port):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"no answer on {folder.port}: {log.read_text()}"
        time.sleep(0.05)


def _listens(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


PLEO = {"base_url": "http://localhost:8890", "api_key": "env:PLEO_API_KEY"}
CONNECTION = {
    "name": "acme",
    "company_id": "12abc3d4-e567-890e-1234-abc56e78fabc",
    "system": "beancount",
    "options": {"ledger": "books/main.beancount"},
    "accounts": {"wallet": "1800"},
}


def _check(folder: Folder, source: str) -> None:
    """Read a configuration, or a piece of one in its place in a small whole one."""
    written = tomllib.loads(source)
    connections = written.get("connection", {})
    if not isinstance(connections, list):
        connections = [connections]
    whole = {
        **written,
        "pleo": written.get("pleo", PLEO),
        "connection": [{**CONNECTION, **connection} for connection in connections],
    }
    path = folder.path / ".checked.toml"
    path.write_text(tomli_w.dumps(whole))
    load(path, dict.fromkeys(re.findall(r"env:(\w+)", path.read_text()), "a-secret"))

"""A real PostgreSQL for tests: one server a run, shared by all its processes, a database each test.

The server is the one that ``COUNTERFOIL_TEST_POSTGRES`` names (a URL of a user who may create
databases), or else one of our own, which is started when the first test asks for it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from counterfoil.register import upgrade
from tests.postgres_server import PREFIX, START_SECONDS

__all__ = ["PostgresServer", "empty_postgres_url", "postgres_server", "postgres_url"]

VARIABLE = "COUNTERFOIL_TEST_POSTGRES"


@dataclass
class PostgresServer:
    """A running server, on which each test makes databases of its own."""

    url: str
    """Of a database that is always there; its user may make others."""
    prefix: str
    """How the names of the databases of this process begin."""
    template: str
    """The database that has a register's schema already."""
    _numbers: Iterator[int] = field(default_factory=count)

    def of(self, database: str) -> str:
        """Return the URL of a database."""
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Make a database for a while; give its URL."""
        name = f"{self.prefix}{next(self._numbers)}"
        self.run("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.of(name)
        finally:
            self.run("DROP DATABASE {} WITH (FORCE)", name)

    def run(self, statement: str, *names: str) -> None:
        """Run a statement outside any transaction."""
        whole = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(whole)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> PostgresServer:
    """Give the run's server; whoever asks first starts it and makes the template."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if worker else folder
    run = os.getppid() if worker else os.getpid()
    template = f"{PREFIX}{run}_template"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = shared / "postgres.url"
        running = known.exists()
        if not running:
            _start(run, known)
        server = PostgresServer(known.read_text(), f"{PREFIX}{run}_{worker}_", template)
        if not running:
            server.run("CREATE DATABASE {} TEMPLATE template0", template)
            upgrade(server.of(template))
    return server


def _start(run: int, known: Path) -> None:
    """Start the server, and wait until it has written its URL."""
    program = Path(__file__).with_name("postgres_server.py")
    told = known.with_suffix(".log")
    with told.open("wb") as log:
        subprocess.run(
            [sys.executable, program, str(run), known, os.environ.get(VARIABLE, "")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not known.exists():
        assert time.monotonic() < deadline, told.read_text()
        time.sleep(0.05)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a fresh register on PostgreSQL."""
    with postgres_server.database(postgres_server.template) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a fresh database without tables."""
    with postgres_server.database() as url:
        yield url

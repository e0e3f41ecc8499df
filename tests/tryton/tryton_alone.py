"""A Tryton for programs that are no tests, with a PostgreSQL of its own: the bench and the demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres_server import server, wait_for
from tests.tryton.tryton_server import Database, running_tryton

__all__ = ["fresh_company"]


@contextmanager
def fresh_company(folder: Path) -> Iterator[Database]:
    """Run both servers for a while; give the company as it was set up."""
    with server() as postgres:
        wait_for(postgres)
        with running_tryton(folder, postgres, "alone_") as tryton, tryton.database() as database:
            yield database

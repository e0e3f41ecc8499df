"""A Tryton for programs that are no tests, with a PostgreSQL of its own: the bench and the demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from pathlib import Path

from tests.postgres_server import server, wait_for
from tests.tryton.tryton_server import Database, running_tryton

__all__ = ["fresh_company"]


@contextmanager
def fresh_company(folder: Path) -> Iterator[Database]:
    """Run both servers for a while; give the company as it was set up."""
    with ExitStack() as stack:
        with (folder / "postgres.log").open("w") as log, redirect_stderr(log):
            postgres = stack.enter_context(server())
            wait_for(postgres)
        tryton = stack.enter_context(running_tryton(folder, postgres, "alone_"))
        yield stack.enter_context(tryton.database())

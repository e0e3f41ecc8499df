"""Fixtures for tests against a real Tryton."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.postgres import PostgresServer
from tests.tryton.tryton_books import Books, options
from tests.tryton.tryton_server import Database, NoTryton, Tryton, running_tryton


@pytest.fixture(scope="session")
def tryton(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Tryton]:
    """Run a Tryton server; skip where it cannot be installed, unless this is CI."""
    try:
        running = running_tryton(
            tmp_path_factory.mktemp("tryton"),
            postgres_server.url,
            postgres_server.template.removesuffix("template"),
        )
        server = running.__enter__()
    except NoTryton as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"Tryton cannot be installed or started here: {error}")
    try:
        yield server
    finally:
        running.__exit__(None, None, None)


@pytest.fixture
def database(tryton: Tryton) -> Iterator[Database]:
    """Give the test a company in which nothing is booked."""
    with tryton.lent() as lent:
        yield lent


@pytest_asyncio.fixture
async def books(database: Database, tmp_path: Path) -> AsyncIterator[Books]:
    """Enter the adapter as the service user, with our module."""
    async with Books.of(options(database, tmp_path / "password"), tmp_path) as entered:
        yield entered

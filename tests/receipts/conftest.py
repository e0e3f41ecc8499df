"""A host of receipts on real HTTP, and a store that fetches from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from counterfoil.receipts import ReceiptStore
from tests.pleo.serving import Switch, served
from tests.receipts.hosting import QUICK, Host


@pytest.fixture(scope="session")
def receipt_server() -> Iterator[tuple[Switch, str]]:
    """Give one server for all tests: what it serves, and its URL."""
    switch = Switch()
    with served(switch) as url:
        yield switch, url


@pytest.fixture
def host() -> Host:
    """Give the host of receipts of this test."""
    return Host()


@pytest.fixture
def host_url(host: Host, receipt_server: tuple[Switch, str]) -> str:
    """Give the URL it is served on."""
    switch, url = receipt_server
    switch.app = host
    return url


@pytest_asyncio.fixture
async def store(host_url: str, tmp_path: Path) -> AsyncIterator[ReceiptStore]:
    """Give a store for a Pleo that lives on the same host as the receipts."""
    async with ReceiptStore(host_url, folder=tmp_path, limits=QUICK) as store:
        yield store

"""A small Pleo on real HTTP, and a client for it that is held against the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from counterfoil.pleo import ApiKeyAuth, PleoClient, Retries
from tests.pleo.contract import ContractTransport
from tests.pleo.serving import Switch, served
from tests.pleo.small_pleo import COMPANY, SmallPleo

QUICK = Retries(wait_initial=0.001, wait_max=0.002, jitter=0.001)


@pytest.fixture
def pleo() -> SmallPleo:
    """Give a Pleo with one pending job and nothing in it."""
    return SmallPleo()


@pytest.fixture(scope="session")
def pleo_server() -> Iterator[tuple[Switch, str]]:
    """Give one server for all tests: what it serves, and its URL."""
    switch = Switch()
    with served(switch) as url:
        yield switch, url


@pytest.fixture
def pleo_url(pleo: SmallPleo, pleo_server: tuple[Switch, str]) -> str:
    """Give the URL it is served on."""
    switch, url = pleo_server
    switch.app = pleo.app()
    return url


@pytest.fixture
def wire() -> ContractTransport:
    """Give the transport that watches the contract and remembers the requests."""
    return ContractTransport()


@pytest_asyncio.fixture
async def client(pleo_url: str, wire: ContractTransport) -> AsyncIterator[PleoClient]:
    """Give a client of the small Pleo."""
    async with PleoClient(
        pleo_url, ApiKeyAuth("key"), company_id=COMPANY, transport=wire, retries=QUICK
    ) as client:
        yield client

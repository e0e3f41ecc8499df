"""What is shown of a service, and that showing it holds nobody else up."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import httpx
import pytest

from counterfoil.runner.serving import ConnectionState, drains_threads, in_thread
from counterfoil.web.app import create_app
from counterfoil.web.desk import desk_routes


class InTheRegister:
    """A service whose states take their time to be read, so that no loop may wait for them."""

    stopping = False

    @property
    def states(self) -> dict[str, ConnectionState]:
        """Read how every connection is."""
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return {}

    def look(self, name: str) -> bool:
        """Know nobody."""
        return not name

    def stop(self) -> None:
        """Do nothing."""

    async def run(self) -> None:
        """Do nothing."""


async def test_states_are_read_beside_the_loop() -> None:
    app = create_app(*desk_routes(InTheRegister(), "token"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        assert (await client.get("/readyz")).json()["connections"] == {}
        shown = await client.get("/connections", headers={"Authorization": "Bearer token"})
        assert shown.json() == {"data": []}


async def test_drains_leave_asyncio_its_threads_and_are_heard_by_who_listens() -> None:
    heard: ContextVar[str] = ContextVar("heard")
    heard.set("here")
    with drains_threads(1) as threads:
        assert await in_thread(threads, heard.get) == "here"
        thread = await in_thread(threads, threading.current_thread)
        assert thread.name.startswith("drain")

"""Serves the bridge on real HTTP, and keeps its job alive beside, until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import structlog
import uvicorn
from starlette.applications import Starlette

from counterfoil.bridge.app import create_app
from counterfoil.bridge.work import Work
from counterfoil.config import Connection
from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError
from counterfoil.export.ports import Clock, Export, SystemClock
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.retry import Retries
from counterfoil.receipts.store import ReceiptStore
from counterfoil.register import Register
from counterfoil.register.locks import company_lock
from counterfoil.runner.credentials import pleo_for
from counterfoil.runner.setting_up import confirm_company
from counterfoil.systems.elsewhere import Elsewhere

__all__ = ["listen", "serve", "url_of", "working"]

log = structlog.get_logger(__name__)

QUICK = Retries(attempts=3, wait_initial=0.5, wait_max=2.0, retry_after_max=5.0, total=20.0)
"""How long Pleo is asked again while the old program waits for its answer."""


def listen(host: str, port: int) -> socket.socket:
    """Open a port (0: any free one); raises OSError where it is taken or the host is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        with effect("bridge.listen", f"{host}:{port}"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address that a listening socket is reached at."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def working(
    connection: Connection,
    register: Register,
    *,
    retries: Retries = QUICK,
    clock: Clock | None = None,
) -> AsyncIterator[Work]:
    """Hold the company for an old program; raises LockHeld while another process works on it."""
    confirm_company(connection, register)
    with register.locks.hold(company_lock(connection.company_id)):
        fence = register.connections.raise_fence(connection.company_id)
        async with pleo_for(connection, register, retries=retries) as pleo:
            ours = register.under(connection.company_id, fence)
            make = _maker(connection, ours, pleo, fence, clock or SystemClock())
            yield Work(connection.name, ours, make)


def _maker(
    connection: Connection, register: Register, pleo: PleoClient, fence: int, clock: Clock
) -> Callable[[], Export]:
    def make() -> Export:
        return Export(
            connection=connection.name,
            company_id=connection.company_id,
            fence=fence,
            pleo=pleo,
            books=Elsewhere(),
            register=register,
            receipts=ReceiptStore(connection.base_url),
            settings=connection.settings,
            clock=clock,
        )

    return make


async def serve(
    connection: Connection,
    token: str,
    register: Register,
    listener: socket.socket,
    *,
    take: str | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until interrupted (SIGINT, SIGTERM), to whoever has the token.

    ``started`` is called once the company is ours; raises LockHeld where it is another's.
    """
    async with working(connection, register) as work:
        started()
        keeper = asyncio.create_task(_keep(work, take))
        try:
            await _server(create_app(work, token), listener)
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


async def _keep(work: Work, take: str | None) -> None:
    """Resume what an earlier process left, then look after the job for as long as we serve."""
    await _survive(work.resume(take=take))
    while True:
        await asyncio.sleep(work.pause())
        await _survive(work.tick())


async def _survive(step: Coroutine[None, None, None]) -> None:
    """Let trouble pass: the next tick looks again."""
    try:
        await step
    except CounterfoilError as error:
        log.warning("Pleo is asked again in a moment", reason=str(error))
    except Exception:
        log.exception("a fault of Counterfoil; the bridge goes on")


async def _server(app: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with listener:
        await uvicorn.Server(config).serve(sockets=[listener])

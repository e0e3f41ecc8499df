"""How commands serve HTTP: uvicorn, which leaves the signals to them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from counterfoil.cli.lines import complain
from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError

__all__ = ["QuietServer", "answering", "listen", "server_for"]


class QuietServer(uvicorn.Server):
    """Leaves the signals to the command."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        """Catch none."""
        return nullcontext()


def server_for(app: ASGIApp) -> QuietServer:
    """Return a server for an application, which logs no requests: URLs may hold what is secret."""
    return QuietServer(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Take a port, 0 for any; raises CounterfoilError where it is taken already."""
    try:
        with effect("serve.listen", f"{host}:{port}"):
            listener = socket.create_server((host, port))
    except OSError as error:
        raise CounterfoilError(
            f"Cannot listen on {host}, port {port} ({error.strerror}): set [serve] port, or --port"
        ) from error
    _tell_of_an_open_door(listener.getsockname()[0])
    return listener


def _tell_of_an_open_door(host: str) -> None:
    """Say so where others than this machine can reach it."""
    if not ip_address(host).is_loopback:
        complain(
            f"It listens on {host}: other machines reach it, and without TLS. Let nothing but your "
            'own proxy through, or set host = "127.0.0.1"'
        )


@asynccontextmanager
async def answering(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Answer on a port as long as the block goes on."""
    server = server_for(app)
    web = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await web

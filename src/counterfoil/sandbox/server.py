"""Serves a sandbox over real HTTP: in a thread of its own for tests, or as a program for people."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from threading import Thread
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from counterfoil.sandbox.app import create_app
from counterfoil.sandbox.state import State

__all__ = ["AppServer", "SandboxServer", "listen", "serve", "url_of"]

THREAD_NAME = "counterfoil-sandbox"


class _Connection(H11Protocol):
    """Hands the application its transport, so that a fault can cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the transport into the request's state (uvicorn types it as narrowly)."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Open a port (0: any free one); raises OSError where it is taken.

    The socket is named as TCP: asyncio sets TCP_NODELAY only on sockets that say so.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address that a listening socket is reached at."""
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


class AppServer:
    """An application on an open port, in a thread of its own, without uvicorn's naps."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Take what to serve; nothing is started yet."""
        self._config = config
        self._thread: Thread | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()

    def start(self, listener: socket.socket) -> None:
        """Take requests from here on; the port is closed in the end."""
        self._thread = Thread(target=self._run, args=(listener,), name=THREAD_NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and wait for the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        self._config.load()
        server = uvicorn.Server(self._config)
        server.lifespan = self._config.lifespan_class(self._config)
        with listener:
            await server.startup(sockets=[listener])
            while not self._stop.is_set():
                await server.on_tick(0)  # what headers say of the time
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await self._stop.wait()
            for listening in server.servers:
                listening.close()
            for connection in tuple(server.server_state.connections):
                connection.transport.abort()


class SandboxServer:
    """A state on a free port of this machine, in a thread of its own, with or without async.

    The thread keeps it answering while the test blocks; it is named ``counterfoil-sandbox``.
    """

    def __init__(self, state: State) -> None:
        """Take what to serve; nothing is opened yet."""
        self.state = state
        self.url = ""
        self._server = AppServer(_config(create_app(state)))

    def __enter__(self) -> Self:
        """Listen; ``url`` is set and requests are taken from here on."""
        listener = listen()
        self.url = url_of(listener)
        self._server.start(listener)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections and wait for the thread."""
        self._server.stop()
        self.state.outbox.close()

    async def __aenter__(self) -> Self:
        """Do as ``with`` does."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do as ``with`` does, without blocking the loop."""
        await asyncio.to_thread(self.__exit__, kind, error, trace)


def serve(state: State, listener: socket.socket) -> None:
    """Serve on an open port until interrupted (SIGINT, SIGTERM); blocks."""
    with contextlib.suppress(KeyboardInterrupt), listener:
        uvicorn.Server(_config(create_app(state))).run(sockets=[listener])

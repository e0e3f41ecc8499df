"""A wire to a server that can be cut and mended, also just after a commit reached it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

__all__ = ["Wire"]

CHUNK = 65536
LISTENING_SECONDS = 0.05
"""How soon a wire that is cut stops taking connections."""


class Wire:
    """Forwards connections to a database, whose URL it replaces by its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 5432)
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._silent: set[socket.socket] = set()
        self._whole = threading.Event()
        self._listener = self._listen(0)
        port = self._listener.getsockname()[1]
        self.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        self.loses_commits = False
        """Cut a connection when its commit has been made, and its answer is on the way."""

    def __enter__(self) -> Self:
        self._whole.set()
        self._accepting = self._run(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._whole.is_set():
            self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        self._whole.clear()
        self._accepting.join()
        self._listener.close()
        for end in self._ends:
            _end(end)
        self._ends.clear()

    def mend(self) -> None:
        """Take connections again, where they were taken before."""
        self._listener = self._listen(int(urlsplit(self.url).port or 0))
        self._whole.set()
        self._accepting = self._run(self._accept)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        listener.settimeout(LISTENING_SECONDS)
        return listener

    def _run(self, what: Callable[..., None], *arguments: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=what, args=arguments)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while self._whole.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            near.settimeout(None)
            far = socket.create_connection(self._server)
            self._ends += near, far
            self._run(self._forward, near, far)
            self._run(self._forward, far, near)

    def _forward(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while (data := source.recv(CHUNK)) and source not in self._silent:
                if self.loses_commits and b"COMMIT\0" in data:
                    self._silent.add(to)
                to.sendall(data)
        _end(source)
        _end(to)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

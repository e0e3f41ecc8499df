"""Debian's PgBouncer in front of a server, in one of its modes."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["pooled"]

START_SECONDS = 20
CONFIGURATION = """
[databases]
* = host={host} port={server} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
server_round_robin = {round_robin}
"""


@contextmanager
def pooled(
    program: str, url: str, *, mode: str = "transaction", size: int = 5, round_robin: int = 0
) -> Iterator[str]:
    """Give the URL of a database through a pooler with ``size`` sessions."""
    parts = urlsplit(url)
    port = free_port()
    text = CONFIGURATION.format(
        host=parts.hostname,
        server=parts.port,
        user=parts.username,
        port=port,
        mode=mode,
        size=size,
        round_robin=round_robin,
    )
    with tempfile.TemporaryDirectory(prefix="counterfoil-pooler-") as folder:
        path = Path(folder) / "pgbouncer.ini"
        path.write_text(text)
        # It refuses to run as root, and takes another user only once it has read this file.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        with subprocess.Popen(
            [program, "-q", *user, path], stderr=subprocess.DEVNULL, cwd=folder
        ) as running:
            try:
                wait_for(port)
                yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
            finally:
                running.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)

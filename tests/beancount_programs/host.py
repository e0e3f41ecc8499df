"""Has Beancount's programs loaded, and forks for each call, until its input ends."""

from __future__ import annotations

import contextlib
import importlib
import marshal
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

LONGEST = 1 << 17
"""The longest call in bytes."""
AS_NEEDED = (
    "beanquery.sources.beancount",
    *(f"beancount.ops.{name}" for name in ("balance", "documents", "pad")),
)
"""What they import when they are called."""


def main(path: str) -> None:
    """Load the programs, listen at the path, and answer."""
    loader = importlib.import_module("beancount.loader")
    entries = {
        "bean-check": importlib.import_module("beancount.scripts.check").main,
        "bean-query": importlib.import_module("beanquery.shell").main,
    }
    for each in AS_NEEDED:
        importlib.import_module(each)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(64)
        os.write(1, b"ready\n")
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            call, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                serve(call, loader, entries)
            call.close()


def serve(call: socket.socket, loader: Any, entries: dict[str, Any]) -> NoReturn:  # noqa: ANN401 -- not imported
    """Be the program that is called, with the caller's files, folder and variables."""
    code: object = 70
    try:
        told, files, _, _ = socket.recv_fds(call, LONGEST, 3)
        arguments, folder, variables = marshal.loads(told)  # noqa: S302 -- of the tests' own stub
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environb.update(variables)
        sys.argv = arguments
        # It reads where its cache is when it is loaded.
        loader.initialize("BEANCOUNT_DISABLE_LOAD_CACHE" not in os.environ)
        entries[os.path.basename(sys.argv[0])]()  # noqa: PTH119 -- a name, quickly
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        with contextlib.suppress(OSError):
            call.send(str(code if isinstance(code, int) else 1).encode())
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])

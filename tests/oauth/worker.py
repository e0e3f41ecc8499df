"""A worker's process: waits for a line on standard input, then asks Pleo so many times.

Arguments: the configuration, how often, and, to be killed as by a power cut, ``before`` or
``after`` and an effect's name. Prints ``ready``, then how many jobs there are, or what went wrong.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from counterfoil.config import Config, load
from counterfoil.effects import Effect, observe
from counterfoil.errors import CounterfoilError
from counterfoil.runner.credentials import pleo_for


class Killer:
    """Dies at an effect."""

    def __init__(self, when: str, name: str) -> None:
        self._when = when
        self._name = name

    def before(self, effect: Effect) -> None:
        self._die("before", effect)

    def after(self, effect: Effect) -> None:
        self._die("after", effect)

    def _die(self, when: str, effect: Effect) -> None:
        if (when, effect.name) == (self._when, self._name):
            os.kill(os.getpid(), signal.SIGKILL)


async def ask(config: Config, often: int) -> int:
    """List the connection's jobs."""
    with config.open_register() as register:
        async with pleo_for(config.connections[0], register) as pleo:
            for _ in range(often - 1):
                await pleo.list_jobs(["pending"])
            return len(await pleo.list_jobs(["pending"]))


def main(path: str, often: str, when: str = "", name: str = "") -> None:
    config = load(Path(path), os.environ)
    print("ready", flush=True)  # noqa: T201 -- to the test
    sys.stdin.readline()
    with observe(Killer(when, name)):
        try:
            print(asyncio.run(ask(config, int(often))))  # noqa: T201 -- to the test
        except CounterfoilError as error:
            print(type(error).__name__, error)  # noqa: T201 -- to the test


if __name__ == "__main__":
    main(*sys.argv[1:])

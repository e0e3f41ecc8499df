"""Beancount's own programs, loaded once and forked for each call: tests call them by thousands.

They take a third of a second to load, and a hundredth to answer. ``host`` has them loaded; a call
is a small program that hands its arguments, folder, variables and files to a fork of the host.
``warm`` lets the product's adapter find these instead of the real ones, in the process of the
tests; programs that tests start find the real ones, unless they ``take`` these.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from counterfoil.systems.beancount import programs

__all__ = ["bean_check", "bean_query", "loaded", "take", "warm"]

PROGRAMS = ("bean-check", "bean-query")
HOST = Path(__file__).with_name("host.py")
# It is started thousands of times, and imports nothing that has to be read.
CALL = """\
#!{python} -IS
import _socket, marshal, posix, sys
host = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
host.connect(sys.argv[0].rpartition("/")[0] + "/host")
told = marshal.dumps((sys.argv, posix.getcwd(), posix.environ))
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
host.sendmsg([told], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
sys.exit(int(host.recv(16) or 70))
"""


class Host:
    """The programs, loaded, as long as this is open."""

    def __init__(self) -> None:
        """Start it, and wait until it listens."""
        self._folder = tempfile.TemporaryDirectory(prefix="counterfoil-")
        folder = Path(self._folder.name)
        self._process = subprocess.Popen(
            [sys.executable, HOST, folder / "host"],
            env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1", "TZ": os.environ.get("TZ", "UTC")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.programs = {name: folder / name for name in PROGRAMS}
        for path in self.programs.values():
            path.write_text(CALL.format(python=sys.executable), "utf-8")
            path.chmod(0o700)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """End it: it lives as long as its input is open."""
        self._process.communicate()
        self._folder.cleanup()


@cache
def _host() -> Host:
    return Host()


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    """Let the adapter call the host wherever it would start the real programs."""
    find = programs._find

    def found(name: str) -> str | None:
        real = find(name)
        is_ours = real is not None and Path(real).parent == Path(sys.executable).parent
        return str(_host().programs[name]) if is_ours else real

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "_find", found)
        yield
    if _host.cache_info().currsize:
        _host().close()
        _host.cache_clear()


def loaded() -> dict[str, str]:
    """Return the programs by name, for another process to ``take``."""
    return {name: str(path) for name, path in _host().programs.items()}


def take(known: Mapping[str, str]) -> None:
    """Let the adapter call these programs, as long as this process lives."""

    def found(name: str) -> str | None:
        return known.get(name)

    programs._find = found


def bean_check(ledger: Path) -> str:
    """Return what Beancount has against a ledger, in its own words; nothing if it is sound."""
    return _run("bean-check", "--no-cache", str(ledger))


def bean_query(ledger: Path, query: str) -> list[list[str]]:
    """Ask a question of a ledger; the rows without their heading, as texts, numbers padded."""
    told = _run("bean-query", "-q", "-f", "csv", str(ledger), query)
    return list(csv.reader(io.StringIO(told, newline="")))[1:]


def _run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [_host().programs[name], *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"BEANCOUNT_DISABLE_LOAD_CACHE": "1"},
    )
    return done.stdout + done.stderr

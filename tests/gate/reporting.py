"""Where findings of the gate's keeper go: a folder that a test session shares with its programs.

There is one file of what passed beside the gate, and one of what passed through it in programs that
tests start. A line is appended at once, as a killed program can say nothing later.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.gate.keeper import Keeper, product_folder

__all__ = ["escapes", "passed", "start", "start_in_program"]

_running: list[Keeper] = []
_folder: list[str] = []
_counts: dict[str, int] = {}


def start(folder: str) -> None:
    """Listen in this process from now on, and report to a folder; in an earlier one's place."""
    _start(folder, _count)


def start_in_program(folder: str) -> None:
    """Listen in a program that a test starts."""
    _start(folder, _note)


def _start(folder: str, tell: Callable[[str], None]) -> None:
    _folder[:] = [folder]
    package = product_folder()
    if not _running and package is not None:
        _running.append(Keeper(package, tell, _escaped))
        _running[0].install()


def escapes(folder: str) -> list[str]:
    """Return what passed beside the gate since this was last asked."""
    try:
        with open(f"{folder}/escaped", encoding="utf-8") as file:  # noqa: PTH123 -- asked after each test
            found = file.read().splitlines()
    except FileNotFoundError:
        return []
    os.unlink(f"{folder}/escaped")  # noqa: PTH108 -- as above
    return found


def passed(folder: str) -> dict[str, int]:
    """Count the effects that passed the gate, here and in programs."""
    counts = dict(_counts)
    try:
        with open(f"{folder}/passed", encoding="utf-8") as file:  # noqa: PTH123 -- as above
            for line in file:
                counts[line.strip()] = counts.get(line.strip(), 0) + 1
    except FileNotFoundError:
        pass
    return counts


def _count(name: str) -> None:
    _counts[name] = _counts.get(name, 0) + 1


def _note(name: str) -> None:
    _append("passed", name)


def _escaped(finding: str) -> None:
    _append("escaped", " ".join(finding.split()))


def _append(name: str, line: str) -> None:
    """Append a line, whole even where several programs do; after the session there is no folder."""
    try:
        descriptor = os.open(f"{_folder[0]}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except FileNotFoundError:
        return
    os.write(descriptor, f"{line}\n".encode("utf-8", "replace"))
    os.close(descriptor)

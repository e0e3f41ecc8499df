"""Where findings of the gate's keeper go: a folder that a test session shares with its programs.

What passed beside the gate is appended to one file at once, as a killed program can say nothing
later; what passed through is counted in a file for each program when it ends.
"""

from __future__ import annotations

import atexit
import os

from tests.gate.keeper import Keeper, product_folder

__all__ = ["escapes", "passed", "start"]

_running: list[Keeper] = []
_folder: list[str] = []


def start(folder: str) -> None:
    """Listen in this process from now on, and report to a folder; in an earlier one's place."""
    _folder[:] = [folder]
    package = product_folder()
    if not _running and package is not None:
        _running.append(Keeper(package, _escaped))
        _running[0].install()


def start_in_program(folder: str) -> None:
    """Listen in a program that a test starts, and leave its counts when it ends."""
    start(folder)
    atexit.register(_leave_counts)


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
    """Count the effects that passed the gate here, and in programs that have ended."""
    counts = dict(_running[0].passed) if _running else {}
    for entry in os.scandir(folder):
        if entry.name.startswith("passed-"):
            with open(entry.path, encoding="utf-8") as file:  # noqa: PTH123 -- as above
                for line in file:
                    name, _, count = line.rpartition(" ")
                    counts[name] = counts.get(name, 0) + int(count)
    return counts


def _escaped(finding: str) -> None:
    line = " ".join(finding.split()) + "\n"
    descriptor = os.open(f"{_folder[0]}/escaped", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line.encode("utf-8", "replace"))
    os.close(descriptor)


def _leave_counts() -> None:
    counts = _running[0].passed if _running else {}
    if counts and os.path.isdir(_folder[0]):  # noqa: PTH112 -- pathlib takes time to import
        with open(f"{_folder[0]}/passed-{os.getpid()}", "w", encoding="utf-8") as file:  # noqa: PTH123 -- as above
            file.writelines(f"{name} {count}\n" for name, count in counts.items())

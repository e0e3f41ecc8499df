"""Locks that die with their holder."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from counterfoil.register import LockHeld, Register
from counterfoil.register.locks import FileLocks

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, pathlib
from counterfoil.register.locks import FileLocks
with FileLocks(pathlib.Path(sys.argv[1])).hold("company 1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_at_a_time(register: Register) -> None:
    """A second holder is refused at once, by name; afterwards it may have it."""
    with (
        register.locks.hold("company 1"),
        pytest.raises(LockHeld, match="company 1"),
        register.locks.hold("company 1"),
    ):
        pass
    with register.locks.hold("company 1"):
        pass


def test_locks_of_other_names_do_not_matter(register: Register) -> None:
    """Two companies are worked on beside each other."""
    with register.locks.hold("company 1"), register.locks.hold("company 2"):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    """The kernel lets go when the holder dies, however it dies."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockHeld), FileLocks(tmp_path).hold("company 1"):
            pass
        holder.kill()
        holder.wait()
        with FileLocks(tmp_path).hold("company 1"):
            pass

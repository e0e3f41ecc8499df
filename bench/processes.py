"""What processes use while they run, as Linux tells of them: CPU and memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Used", "used", "used_by_family"]


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds since it began, and the most memory it held, in MB."""

    cpu: float
    memory: float

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.cpu:.1f} s CPU, {self.memory:.0f} MB"


def used(pid: int) -> Used:
    """Ask of one process; one that is ending holds no memory any more."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return Used(ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024)


def used_by_family(pid: int) -> Used:
    """Ask of a process and its children: those that live, and the CPU of those that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    every = [used(pid), *(used(int(child)) for child in children)]
    return Used(ended + sum(each.cpu for each in every), sum(each.memory for each in every))

"""What a process used, as it tells itself: time passed, its own CPU, its children's, its memory."""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Moment", "Usage", "now", "peaks"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds until now: on the clock, of this process' CPU, of its ended children's CPU."""

    clock: float
    own: float
    children: float

    def since(self, earlier: Moment) -> Moment:
        """Return what passed between two moments."""
        return Moment(
            self.clock - earlier.clock, self.own - earlier.own, self.children - earlier.children
        )


def now() -> Moment:
    """Read the clocks."""
    times = os.times()
    return Moment(
        time.monotonic(), time.process_time(), times.children_user + times.children_system
    )


@dataclass
class Usage:
    """What a measured process wrote down: moments by name, and the most memory in MB.

    ``reports`` are the moments after each report of outcomes (PUT): one for every hundred items.
    """

    moments: dict[str, Moment] = field(default_factory=dict)
    reports: list[Moment] = field(default_factory=list)
    peak_mb: float = 0.0
    children_peak_mb: float = 0.0
    written_bytes: int = 0

    def between(self, first: str = "starts", last: str = "ends") -> Moment:
        """Return what passed between two moments."""
        return self.moments[last].since(self.moments[first])

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Usage:
        """Read it back."""
        raw = json.loads(path.read_text())
        moments = {name: Moment(**each) for name, each in raw.pop("moments").items()}
        reports = [Moment(**each) for each in raw.pop("reports")]
        return cls(moments=moments, reports=reports, **raw)


def peaks() -> tuple[float, float]:
    """Return the most memory that this process and the largest of its children held, in MB.

    Linux counts into ``ru_maxrss`` what the starting process held; its own status does not.
    """
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())
        own = int(kilobytes) / 1024
    return own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit

"""``python -m bench.measured OUT ARGUMENTS``: the command ``counterfoil``, telling what it used.

Runs the command line in this process and writes its ``Usage`` to the file OUT. It listens at the
gate that every outside effect passes, which costs under a hundredth of the time measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.usage import Usage, now, peaks
from counterfoil.cli import main
from counterfoil.effects import Effect, observe


class Listener:
    """Notes the moments that the figures need; see ``FIRST`` and ``LAST``."""

    def __init__(self, usage: Usage) -> None:
        """Note into this."""
        self.usage = usage

    def before(self, effect: Effect, /) -> None:
        """Note when a first effect, or a check, begins."""
        name = FIRST.get(effect.name)
        if name is not None:
            self.usage.moments.setdefault(name, now())
        if effect.name == CHECK:
            self.usage.moments["check begins"] = now()

    def after(self, effect: Effect, /) -> None:
        """Note each report, and when a check has ended."""
        if effect.name == "pleo.put_items":
            self.usage.reports.append(now())
        elif effect.name == CHECK:
            self.usage.moments["check ends"] = now()


CHECK = "beancount.check"
FIRST = {CHECK: "load begins", "pleo.list_job_items": "load ends"}
"""Effects whose first beginning is a moment of its own; of the checks, the last one is, too."""


def measure(out: Path, arguments: list[str]) -> None:
    """Run the command line; it ends by SystemExit, as the command itself does."""
    usage = Usage(moments={"starts": now()})
    try:
        with observe(Listener(usage)):
            main(arguments)
    finally:
        usage.moments["ends"] = now()
        usage.peak_mb, usage.children_peak_mb = peaks()
        usage.write(out)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), sys.argv[2:])

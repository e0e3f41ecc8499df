"""Runs ``counterfoil`` and kills the process at one effect, as a power cut would.

Arguments: WHEN NUMBER and those of the command. WHEN is ``before`` or ``after`` the NUMBERth effect
(from 1), or ``list`` to write each effect's name to standard error instead.
"""

from __future__ import annotations

import os
import signal
import sys

from counterfoil.cli import main
from counterfoil.effects import Effect, observe


class Killer:
    """Counts effects and dies at one of them."""

    def __init__(self, when: str, number: int) -> None:
        self.when = when
        self.number = number
        self.seen = 0

    def before(self, effect: Effect) -> None:
        self.seen += 1
        if self.when == "list":
            print(f"effect {effect.name}", file=sys.stderr)  # noqa: T201 - this program's output
        self.die_at("before")

    def after(self, effect: Effect) -> None:
        del effect
        self.die_at("after")

    def die_at(self, moment: str) -> None:
        if (self.when, self.number) == (moment, self.seen):
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    killer = Killer(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    with observe(killer):
        main()

"""Runs ``counterfoil`` and kills the process at one effect, as a power cut would.

Arguments: WHEN NUMBER and those of the command. WHEN is ``before`` or ``after`` the NUMBERth effect
(from 1), or ``list`` to write each effect's name to standard error instead.

``Ready`` does the same hundreds of times: each run is a process of its own, made from one in which
everything is imported.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterfoil.cli import main
from counterfoil.effects import Effect, observe

__all__ = ["Ended", "run_ready"]

NEEDED = (
    *("counterfoil.cli.run", "counterfoil.register.postgres", "alembic.command"),
    *("tests.beancount_programs", __name__),
)

SECONDS = 200


class Killer:
    """Counts effects and dies at one of them; others may begin before it has ended."""

    def __init__(self, when: str, number: int) -> None:
        self.when = when
        self.number = number
        self.seen = 0
        self.under_way: dict[int, int] = {}
        """The number of each effect that has begun, by the object that announces it."""

    def before(self, effect: Effect) -> None:
        self.seen += 1
        self.under_way[id(effect)] = self.seen
        if self.when == "list":
            print(f"effect {effect.name}", file=sys.stderr)  # noqa: T201 - this program's output
        self.die_at("before", self.seen)

    def after(self, effect: Effect) -> None:
        self.die_at("after", self.under_way.pop(id(effect)))

    def die_at(self, moment: str, number: int) -> None:
        if (self.when, self.number) == (moment, number):
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (the negative of the signal that killed it), and its words."""

    returncode: int | None
    stdout: str
    stderr: str


def run_ready(
    when: str, number: int, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Ended:
    """Run a command in a folder; its process and Beancount's have imported everything already."""
    from tests.beancount_programs import loaded  # noqa: PLC0415 -- not where this is the program

    ready = multiprocessing.get_context("forkserver")
    ready.set_forkserver_preload(list(NEEDED))
    process = ready.Process(
        target=_run,
        args=(when, number, list(arguments), str(folder), dict(environment), loaded()),
    )
    process.start()
    process.join(SECONDS)
    assert process.exitcode is not None, "it hangs"
    ended = Ended(
        process.exitcode, (folder / "out.txt").read_text(), (folder / "err.txt").read_text()
    )
    process.close()
    return ended


def _run(
    when: str,
    number: int,
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    programs: dict[str, str],
) -> None:
    from tests.beancount_programs import take  # noqa: PLC0415 -- not where this is the program

    take(programs)
    os.chdir(folder)
    os.environ.update(environment)
    for name, descriptor in (("out.txt", 1), ("err.txt", 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    with observe(Killer(when, number)):
        main(arguments)


if __name__ == "__main__":
    killer = Killer(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    with observe(killer):
        main()

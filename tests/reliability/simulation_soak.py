"""Runs the simulation: as many examples as asked, spread over processes, or one of them again.

    python -m tests.reliability.simulation_soak --examples=100000
    python -m tests.reliability.simulation_soak --replay=BLOB

An example that fails is shrunk, and printed with the blob that replays it. ``simulate`` is the same
for other programs: it returns how many examples ran, and what was found.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context

import hypothesis
from hypothesis import HealthCheck, Phase, reproduce_failure, seed, settings
from hypothesis.errors import DidNotReproduce
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.simulation_machine import Troubles

SHARE = 50
"""Examples that run in one go."""
STEPS = 16

_BLOB = re.compile(r"@reproduce_failure\('[^']*', b'([^']*)'\)")


@dataclass(frozen=True, slots=True)
class Report:
    """What a simulation did; ``violations`` holds a text for each share that found something."""

    examples: int
    violations: tuple[str, ...]
    seconds: float


def simulate(examples: int, *, first_seed: int = 0, workers: int | None = None) -> Report:
    """Run examples in processes of their own, a share of them with each seed from the first on."""
    began = time.monotonic()
    sizes = [min(SHARE, examples - start) for start in range(0, examples, SHARE)]
    seeds = range(first_seed, first_seed + len(sizes))
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn")) as pool:
        found = [text for text in pool.map(run_share, seeds, sizes) if text is not None]
    return Report(examples, tuple(found), time.monotonic() - began)


def run_share(share_seed: int, examples: int) -> str | None:
    """Run examples with one seed; return the smallest failing one as a story, with its blob."""

    class Share(Troubles):
        """The machine, to be given its own seed."""

    return _told(seed(share_seed)(Share), examples)


def replay(blob: str) -> str | None:
    """Run one example again, from its blob; return what it tells if it still fails."""

    class Again(Troubles):
        """The machine, to be given its blob."""

    with suppress(DidNotReproduce):
        return _told(reproduce_failure(hypothesis.__version__, blob.encode())(Again), 1)
    return None


def _told(machine: type[Troubles], examples: int) -> str | None:
    try:
        run_state_machine_as_test(machine, settings=_settings(examples))
    except AssertionError as failure:
        return "\n".join(_story(failure))
    return None


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def _story(failure: AssertionError) -> Iterator[str]:
    """Tell the steps and what was wrong; the last line is the command that replays it."""
    for note in getattr(failure, "__notes__", ()):
        if (blob := _BLOB.search(note)) is None:
            yield note
        else:
            yield f"Replay it: make soak ARGS=--replay={blob[1]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak or replay; 0 when nothing was found."""
    parser = argparse.ArgumentParser(description="Simulate exports in which everything goes wrong.")
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--seed", type=int, help="the first share's; without it, any")
    parser.add_argument("--workers", type=int, help="processes; without it, one a core")
    parser.add_argument("--replay", metavar="BLOB", help="run this one example alone")
    chosen = parser.parse_args(arguments)
    if chosen.replay:
        story = replay(chosen.replay)
        _say(
            story or "It does not fail any more, or the rules of the simulation have changed since."
        )
        return 1 if story else 0
    first = random.randrange(10**9) if chosen.seed is None else chosen.seed  # noqa: S311 -- no secret
    report = simulate(chosen.examples, first_seed=first, workers=chosen.workers)
    for story in report.violations:
        _say(story)
    _say(
        f"{report.examples} examples from seed {first} in {report.seconds:.0f} s, "
        f"violations {len(report.violations)}"
    )
    return 1 if report.violations else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())

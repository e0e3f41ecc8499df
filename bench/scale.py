"""Measures many companies: jobs a second, order, wakes, CPU, memory, what a lost worker costs.

    python -m bench.scale                     1,000 companies; long
    python -m bench.scale --companies 100     fewer
    python -m bench.scale --quick             a few, to see that the bench itself works
    python -m bench.scale --write             and into docs/many-workers.md

PostgreSQL is one of its own, with its durable defaults, or that of COUNTERFOIL_TEST_POSTGRES.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.figures import Row
from bench.page import as_markdown, as_text, circumstances, write_between_markers
from bench.scale_pleo import LATENCY_SECONDS
from bench.scale_runs import Lost, Run, bare_loop, disturbed, measured, new_database
from bench.scale_world import Sizes
from bench.world import ROOT
from tests.postgres_server import server, wait_for

PAGE = ROOT / "docs" / "many-workers.md"
FULL = Sizes(companies=1000, jobs=5, items=20)
QUICK = Sizes(companies=4, jobs=3, items=3)
WAKE_SECONDS, GO_ON_SECONDS = 1.0, 30.0
"""The targets: from a wake to a started job while idle; until a lost worker's companies go on."""
WORKERS = (1, 2, 4)


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    sizes: Sizes
    at_once: int
    wakes: int
    workers: Sequence[int]
    losses: Sequence[signal.Signals] = (signal.SIGKILL, signal.SIGSTOP)
    """How a worker is lost."""


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write the page where that is asked for."""
    options = _options(arguments)
    plan = Plan(FULL, at_once=8, wakes=50, workers=WORKERS)
    if options.quick:
        plan = Plan(QUICK, at_once=2, wakes=1, workers=(2,), losses=(signal.SIGKILL,))
    if options.companies:
        sizes = replace(plan.sizes, companies=options.companies)
        plan = replace(plan, sizes=sizes, wakes=min(plan.wakes, max(1, options.companies // 2)))
    heads = [*circumstances(arguments)][:-1]
    heads.append(("command", " ".join(["python -m bench.scale", *arguments])))
    found = []
    for row in _measure(plan):
        found.append(row)
        print(f"{row.what}: {row.figure}", file=sys.stderr)
    print(as_text(heads, found), end="")
    if options.write:
        write_between_markers(options.write, as_markdown(heads, found))
    if any(row.met is False and "once, in order" in row.what for row in found):
        sys.exit(1)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.scale", description="Measure many companies.")
    parser.add_argument("--quick", action="store_true", help="a few companies only")
    parser.add_argument("--companies", type=int, help="how many, instead of 1,000")
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=PAGE,
        metavar="PAGE",
        help="put the figures into docs/many-workers.md, or another page with its markers",
    )
    return parser.parse_args(arguments)


def _measure(plan: Plan) -> Iterator[Row]:
    sizes = plan.sizes
    yield Row(
        "the work",
        f"{sizes.companies:,} companies, {sizes.jobs} jobs each of {sizes.items} items; "
        f"Pleo answers after {LATENCY_SECONDS * 1000:.0f} ms",
    )
    yield from _rows(plan, _run(plan, "embedded", None, 0))
    with _postgres() as there:
        for workers in plan.workers:
            name = f"{workers} worker" + ("s" if workers > 1 else "")
            with new_database(there, f"scale_{workers}") as url:
                yield from _rows(plan, _run(plan, name, url, workers))
        fewer = replace(sizes, companies=min(sizes.companies, 40))
        for how in plan.losses:
            _say(f"two workers, one gets {how.name}")
            with new_database(there, f"scale_{how.name.lower()}") as url:
                yield from _lost_rows(disturbed(fewer, url, how=how, at_once=plan.at_once))


def _run(plan: Plan, name: str, register: str | None, workers: int) -> Run:
    _say(name)
    return measured(
        plan.sizes,
        name=name,
        register=register,
        workers=workers,
        at_once=plan.at_once,
        wakes=plan.wakes,
    )


@contextmanager
def _postgres() -> Iterator[str]:
    if named := os.environ.get("COUNTERFOIL_TEST_POSTGRES"):
        yield named
        return
    with server(("max_connections=300", "log_min_messages=panic")) as url:
        wait_for(url)
        yield url


def _rows(plan: Plan, run: Run) -> Iterator[Row]:
    _say(f"{run.name}: the bare loop")
    bare = bare_loop(plan.sizes, run.at_once)
    yield Row(
        f"{run.name}, {run.at_once} companies at once: jobs a second, and the bare loop's",
        f"{run.jobs / run.seconds:.1f}, {run.jobs / bare:.1f} ({bare / run.seconds:.2f} of it)",
    )
    yield Row(
        f"{run.name}: every job done once, in order, no two of a company at once",
        "yes" if not run.faults else f"NO: {run.faults[0]}",
    ).within("yes", met=not run.faults)
    yield Row(f"{run.name}: CPU and peak memory", _told(run.used))
    middle = statistics.median(run.wakes)
    late = sorted(run.wakes)[max(0, -(-len(run.wakes) * 99 // 100) - 1)]
    yield Row(
        f"{run.name}: asked while idle to job started, p50 and p99",
        f"{middle * 1000:.0f} ms, {late * 1000:.0f} ms",
    ).within("under 1 s", met=late < WAKE_SECONDS)


def _told(used: Mapping[str, object]) -> str:
    return "; ".join(f"{name}: {each}" for name, each in used.items())


def _lost_rows(lost: Lost) -> Iterator[Row]:
    what = {"SIGKILL": "killed", "SIGSTOP": "frozen"}[lost.how]
    longest = max(lost.seconds, default=0.0)
    yield Row(
        f"one of 2 workers is {what}: its {len(lost.seconds)} companies go on after at most",
        f"{longest:.1f} s",
    ).within("under 30 s", met=longest < GO_ON_SECONDS)
    yield Row(
        f"one of 2 workers is {what}: every job done once, in order",
        "yes" if not lost.faults else f"NO: {lost.faults[0]}",
    ).within("yes", met=not lost.faults)


def _say(what: str) -> None:
    print(f"measuring: {what} ...", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])

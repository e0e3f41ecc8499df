"""Measures an export's speed, memory and calls in one run, and prints each figure and its target.

    python bench/run.py            everything; some minutes
    python bench/run.py --quick    a few items, to see that the bench itself works
    python bench/run.py --write    everything, and into docs/performance.md

Machines are noisy: compare figures within one run, not with another day's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.export import Export
from bench.figures import Measured, Receipts, rows
from bench.page import as_markdown, as_text, circumstances, write_between_markers
from bench.world import ROOT, run_script, world

PAGE = ROOT / "docs" / "performance.md"


RECEIPT_BYTES = (20_000, 200_000)


@dataclass(frozen=True)
class Sizes:
    """How many items are exported, entries are in the ledger already, items are planned.

    ``rounds`` is how often an export is held against its downloads.
    """

    small: int
    large: int
    history: int
    planned: int
    rounds: int


FULL = Sizes(small=1_000, large=10_000, history=100_000, planned=10_000, rounds=5)
QUICK = Sizes(small=20, large=120, history=200, planned=50, rounds=1)


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write the page where that is asked for."""
    options = _options(arguments)
    heads = list(circumstances(arguments))
    found = list(rows(_measure(QUICK if options.quick else FULL)))
    print(as_text(heads, found), end="")
    if options.write:
        write_between_markers(options.write, as_markdown(heads, found))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measure Counterfoil.")
    parser.add_argument("--quick", action="store_true", help="a few items only")
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=PAGE,
        metavar="PAGE",
        help="put the figures into docs/performance.md, or another page with its markers",
    )
    return parser.parse_args(arguments)


def _measure(sizes: Sizes) -> Measured:
    return Measured(
        planning=_planning(sizes.planned),
        small=_export(sizes.small),
        large=_export(sizes.large),
        past=_export(sizes.small, history=sizes.history),
        history=sizes.history,
        receipts=[_receipts(sizes.small, size, sizes.rounds) for size in RECEIPT_BYTES],
        sync=_sync(),
    )


def _export(items: int, history: int = 0) -> Export:
    """Export once; into a fresh ledger, do the same work with the plain loop, too."""
    _say(f"{items:,} items" + (f" into a ledger of {history:,} entries" if history else ""))
    with world(items, history=history) as here:
        usage = here.run_counterfoil()
        if (job := here.job()) != ("completed", items):
            raise RuntimeError(f"The export did not do its work: {job}")
        calls = here.calls()
    if history:
        return Export(items, usage, calls)
    _say(f"{items:,} items, by the plain loop")
    with world(items) as here:
        plain = here.run_plain_loop(usage.written_bytes // items)
        return Export(items, usage, calls, plain, here.calls())


def _receipts(items: int, size: int, rounds: int) -> Receipts:
    """Export items with a large receipt each, and do the downloads alone, in turns."""
    pairs = []
    for turn in range(1, rounds + 1):
        _say(f"{items:,} items with a receipt of {size // 1000} KB each, turn {turn} of {rounds}")
        with world(items, receipt_bytes=size) as here:
            export = here.run_counterfoil()
        with world(items, receipt_bytes=size) as here:
            pairs.append(Receipts(items, size, export, here.run_downloads()))
    return sorted(pairs, key=lambda pair: pair.times)[rounds // 2]


def _planning(items: int) -> dict[str, float]:
    _say(f"planning {items:,} items")
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as name:
        folder = Path(name)
        spent: dict[str, float] = json.loads(
            run_script("bench.planning", items, folder, at=folder).read_text()
        )
    return spent


def _sync() -> float:
    """Return the milliseconds that making a small file durable takes here, in the middle."""
    times = []
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as folder:
        for number in range(50):
            start = time.perf_counter()
            with (Path(folder) / str(number)).open("wb") as file:
                file.write(b"0" * 1000)
                file.flush()
                os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def _say(what: str) -> None:
    print(f"measuring: {what} ...", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])

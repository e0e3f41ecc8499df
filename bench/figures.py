"""The figures, in words: each beside its target, where it has one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.export import RECEIPT, Export
from bench.usage import Usage

__all__ = ["Measured", "Receipts", "Row", "rows"]

SECONDS, MEGABYTES, OWN_MS, CALLS, PLANNED = 60, 200, 2.0, 1.05, 5000
"""The targets: for 10,000 items (2), for one, calls beside the least, items planned a second."""
BESIDE_DOWNLOADS = 1.2
"""How many times as long as its downloads alone an export may take."""
FLAT = 1.15
"""A cost an item that grows by less counts as flat: so much do two equal runs differ."""


@dataclass(frozen=True)
class Row:
    """A figure in words, and whether it is within its target, where it has one."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """Say whether the target is met."""
        return {None: "", True: "met", False: "missed"}[self.met]

    def within(self, target: str, *, met: bool) -> Row:
        """Return the same figure beside a target."""
        return Row(self.what, self.figure, target, met)


@dataclass(frozen=True)
class Receipts:
    """An export whose every item has a receipt of this size on a slow host, and downloads alone."""

    items: int
    size: int
    export: Usage
    downloads: Usage

    @property
    def spent(self) -> float:
        """Seconds of the export, from the end of the ledger's load."""
        return self.export.between("load ends", "ends").clock

    @property
    def least(self) -> float:
        """Seconds of the downloads alone."""
        return self.downloads.between().clock

    @property
    def times(self) -> float:
        """How many times as long the export takes."""
        return self.spent / self.least


@dataclass(frozen=True)
class Measured:
    """All that one run of the bench measured.

    ``small`` and ``large`` are exports into a fresh ledger, ``past`` is as large as ``small`` into
    a ledger of ``history`` entries. ``planning`` holds microseconds an item. ``sync`` is how many
    milliseconds this machine takes to make a small file durable.
    """

    small: Export
    large: Export
    past: Export
    history: int
    receipts: Sequence[Receipts]
    planning: Mapping[str, float]
    sync: float


def rows(measured: Measured) -> Iterator[Row]:
    """Return every figure, in the order of the page that shows them."""
    small, large = measured.small, measured.large
    yield from _whole(small, large)
    yield from _own_cost([small, large])
    yield from _calls(large)
    yield from _growth(small, large)
    yield from _past(measured)
    yield from _receipts(measured.receipts)
    yield from _planning(measured.planning)
    yield Row("this machine makes a small file durable (fsync) in", f"{measured.sync:.2f} ms")


def _whole(small: Export, large: Export) -> Iterator[Row]:
    for export in (small, large):
        row = Row(
            f"{export.items:,} items: the whole command",
            f"{export.seconds:.1f} s, {export.items / export.seconds:.0f} items a second",
        )
        in_time = export.seconds < SECONDS
        # In a small export, the start of the program and of Beancount's weighs too much to judge.
        yield row.within(f"under {SECONDS} s", met=in_time) if export is large else row
    for export in (small, large):
        yield Row(f"{export.items:,} items: peak memory", f"{export.usage.peak_mb:.0f} MB").within(
            f"under {MEGABYTES} MB", met=export.usage.peak_mb < MEGABYTES
        )


def _own_cost(exports: Iterable[Export]) -> Iterator[Row]:
    for export in exports:
        item, plain, title = export.item, export.plain_item, f"{export.items:,} items"
        yield Row(f"{title}: own CPU an item", f"{item.own:.2f} ms").within(
            f"under {OWN_MS:.0f} ms", met=item.own < OWN_MS
        )
        yield Row(f"{title}: CPU of the plain loop an item", f"{plain.own:.2f} ms")
        yield Row(f"{title}: own CPU beside the plain loop's", f"{item.own / plain.own:.2f} times")
        yield Row(
            f"{title}: own CPU before the first item, after the last",
            f"{export.start.own:.2f} s, {export.rest.own:.2f} s",
        )
        yield Row(f"{title}: CPU of bean-check an item", f"{item.children:.2f} ms")
        yield Row(
            f"{title}: time passed an item, and the plain loop's",
            f"{item.clock:.2f} ms, {plain.clock:.2f} ms",
        )


def _calls(export: Export) -> Iterator[Row]:
    made, least = export.calls, export.least_calls()
    for call in sorted(made | least):
        yield Row(f"{export.items:,} items: {call}", f"{made[call]:,}, least {least[call]:,}")
    for what, left_out in (("all calls", 0), ("all but receipts", least[RECEIPT])):
        count, needed = made.total() - left_out, least.total() - left_out
        yield Row(
            f"{export.items:,} items: {what}",
            f"{count:,}, least {needed:,} ({count / needed - 1:+.1%})",
        ).within(f"at most {CALLS - 1:+.0%}", met=count / needed <= CALLS)


def _growth(small: Export, large: Export) -> Iterator[Row]:
    yield _flat(
        f"own CPU an item, {small.items:,} items → {large.items:,} items",
        small.item.own,
        large.item.own,
    )
    yield _flat(
        f"own CPU an item, first tenth → last tenth of {large.items:,} items",
        large.tenth(0),
        large.tenth(-1),
    )


def _past(measured: Measured) -> Iterator[Row]:
    past, title = measured.past, f"a ledger of {measured.history:,} entries"
    yield _flat(f"own CPU an item, empty ledger → {title}", measured.small.item.own, past.item.own)
    yield _flat(
        f"time passed an item, empty ledger → {title}",
        measured.small.item.clock,
        past.item.clock,
    )
    for name, moment in (("load", past.load), ("check at the end", past.check)):
        yield Row(
            f"{title}: the one {name}",
            f"{moment.clock:.1f} s, of it {moment.own:.1f} s own CPU "
            f"(programs: {moment.children:.1f} s CPU)",
        )
    yield Row(
        f"{title}: peak memory, and of the largest program",
        f"{past.usage.peak_mb:.0f} MB, {past.usage.children_peak_mb:.0f} MB",
    )


def _receipts(measured: Sequence[Receipts]) -> Iterator[Row]:
    """Say how long an export takes beside its downloads, and what large receipts need."""
    for each in measured:
        title = f"{each.items:,} items with a receipt of {each.size // 1000} KB each"
        yield Row(
            f"{title}: the export, and its downloads alone",
            f"{each.spent:.1f} s, {each.least:.1f} s ({each.times:.2f} times)",
        ).within(f"at most {BESIDE_DOWNLOADS} times", met=each.times <= BESIDE_DOWNLOADS)
        yield Row(f"{title}: peak memory", f"{each.export.peak_mb:.0f} MB")


def _flat(what: str, before: float, after: float) -> Row:
    growth = after / before
    return Row(what, f"{before:.2f} ms → {after:.2f} ms ({growth:.2f} times)").within(
        f"flat (under {FLAT} times)", met=growth < FLAT
    )


def _planning(spent: Mapping[str, float]) -> Iterator[Row]:
    ours = spent["parse_item"] + spent["plan"]
    yield Row("planning on one core", f"{1e6 / ours:,.0f} items a second").within(
        f"{PLANNED:,} a second", met=1e6 / ours >= PLANNED
    )
    yield Row(
        "planning an item: check its fields, plan it",
        f"{spent['parse_item']:.0f} µs, {spent['plan']:.0f} µs",
    )
    yield Row("parsing the same item's JSON", f"{spent['json']:.0f} µs")

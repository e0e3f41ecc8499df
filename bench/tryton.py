"""``python -m bench.tryton``: entries a second into Tryton, beside a bare loop of the same calls.

    python -m bench.tryton            1,000 moves and 500 bills, each way
    python -m bench.tryton --quick    a few of each, to see that the bench itself works

The bare loop creates and posts a hundred records in a call, as the adapter does, and no more: it
looks nothing up, reads nothing back and catches nothing. The two take turns, hundred by hundred, on
one server, as machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.usage import peaks
from counterfoil.bookkeeping.entries import Entry
from counterfoil.systems.contract import Booked
from counterfoil.systems.tryton.values import draft_of
from tests.tryton.tryton_alone import fresh_company
from tests.tryton.tryton_books import Books, options, tax
from tests.tryton.tryton_rpc import Rpc
from tests.tryton.tryton_server import Database

CHUNK = 100
WANTED = 0.8
"""What the adapter must reach of the bare loop's speed."""


@dataclass
class Race:
    """Two ways of booking the same number of entries, and the seconds each took."""

    kind: str
    entries: int = 0
    ours: float = 0
    bare: float = 0

    def __str__(self) -> str:
        """Return a line of figures."""
        ours, bare = self.entries / self.ours, self.entries / self.bare
        reached = f"{ours / bare:.2f} of it (wanted: {WANTED})"
        return f"{self.kind:<6} {ours:6.1f}/s, the bare loop {bare:6.1f}/s: {reached}"


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.tryton", description="Measure booking in Tryton.")
    parser.add_argument("--quick", action="store_true", help="a few only")
    quick = parser.parse_args(arguments).quick
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as name:
        folder = Path(name)
        with fresh_company(folder) as database:
            asyncio.run(_measure(folder, database, 2 if quick else 10))


async def _measure(folder: Path, database: Database, rounds: int) -> None:
    async with Books.of(options(database, folder / "password"), folder) as books:
        bare = database.service()
        await _book(books, [_move(books)])
        before = peaks()[0]
        for kind, make, count in (("moves", _move, rounds), ("bills", _bill, -(-rounds // 2))):
            race = Race(kind)
            for _ in range(count):
                entries = [make(books) for _ in range(2 * CHUNK)]
                await _round(race, books, bare, entries)
            print(race)
        print(f"memory  {before:.0f} MB after the first entry, at most {peaks()[0]:.0f} MB")


async def _round(race: Race, books: Books, bare: Rpc, entries: Sequence[Entry]) -> None:
    """Book a hundred each way; who begins changes each time."""
    ways = [True, False] if race.entries // CHUNK % 2 else [False, True]
    for ours, some in zip(ways, (entries[:CHUNK], entries[CHUNK:]), strict=True):
        start = time.perf_counter()
        if ours:
            await _book(books, some)
            race.ours += time.perf_counter() - start
        else:
            _book_barely(books, bare, some)
            race.bare += time.perf_counter() - start
    race.entries += CHUNK


async def _book(books: Books, entries: Sequence[Entry]) -> None:
    """Book as an export does: look up, record, look up again."""
    keys = [(entry.reference.entry_id, entry.reference.part) for entry in entries]
    if await books.system.find(keys):
        raise RuntimeError("new entries are in the books already")
    results = await books.system.record(entries)
    if not all(isinstance(result, Booked) for result in results):
        raise RuntimeError(f"Tryton refused: {results[0]}")
    if len(await books.system.find(keys)) != len(entries):
        raise RuntimeError("not all entries can be looked up")


def _book_barely(books: Books, bare: Rpc, entries: Sequence[Entry]) -> None:
    """Create and post the same records, and nothing else."""
    drafts = [draft_of(entry, books.setup) for entry in entries]
    ids = bare.create(drafts[0].model, *(dict(draft.values) for draft in drafts))
    bare.model(drafts[0].model, "post", ids)


def _move(books: Books) -> Entry:
    cost = books.line("6100", "10.00", tax=tax("VAT20", "10.00", "2.00"))
    vat = books.line("2201", "2.00", "tax-ingoing")
    return books.entry(cost, vat, books.line("1800", "-12.00", "wallet"), final=True)


def _bill(books: Books) -> Entry:
    cost = books.line("6200", "10.00", tax=tax("VAT20", "10.00", "2.00"))
    return books.bill(cost, books.line("2201", "2.00", "tax-ingoing"), final=True)


if __name__ == "__main__":
    main(sys.argv[1:])

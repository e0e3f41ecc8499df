"""A Beancount ledger through a power cut: every state the disk may be in, and the next run on it.

``Cuts`` lets some work be done on a ledger, and tries every state that ``reliability.crashing``
gives for it: Beancount reads the ledger without an error, each file is a whole version of itself,
what was told as done is there, and the next run ends as if nothing had happened. To see whether a
wrong adapter is caught, give what makes it wrong to ``first_violation``, which books three
expenses::

    assert await first_violation(tmp_path) == ""
    assert await first_violation(tmp_path, lambda patch: patch.setattr(...))
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest

from counterfoil.bookkeeping.entries import Entry
from counterfoil.effects import Effect, observe
from counterfoil.errors import CounterfoilError
from counterfoil.systems.beancount import Beancount
from counterfoil.systems.beancount.programs import check
from counterfoil.systems.contract import Booked, BooksNotReady
from tests.reliability.crashing import FullDisk, Recording, State, heard_by, states
from tests.systems.ledgers import COFFEE, HOTEL, MAIN, TAXI, LedgerFolder, document, entry, look_up
from tests.systems.remembering import MOMENT, remembered_answers

__all__ = [
    "Cuts",
    "Death",
    "Killed",
    "Work",
    "as_it_is",
    "booking",
    "changing",
    "faults",
    "first_violation",
    "three_entries",
]

Work: TypeAlias = Callable[[Beancount], Awaitable[None]]
"""What a run does with an open ledger; done again, it changes nothing more."""
Spoil: TypeAlias = Callable[[pytest.MonkeyPatch], None]
"""Makes the adapter a wrong one."""


ELSEWHERE = {
    "beancount.check",
    "beancount.query",
    "beancount.scratch",
    "beancount.start",
    "beancount.end",
}
"""Effects that change nothing beside the ledger."""


def as_it_is(patch: pytest.MonkeyPatch) -> None:
    """Change nothing."""


class Cuts:
    """Power cuts while a ledger is worked on."""

    def __init__(self, root: Path, work: Work, before: Work | None = None, most: int = 100) -> None:
        """Take a folder, the work, and what is done before it.

        After one step at most ``most`` states are tried: a sample, where more are possible.
        """
        self.ledger = LedgerFolder(root)
        self.tried = 0
        self._work = work
        self._before = before
        self._most = most
        self._wanted: Mapping[str, bytes] = {}
        self.recording = Recording(root)

    async def record(self, spoil: Spoil = as_it_is) -> None:
        """Work with nothing in the way, for comparison, then note each step on the disk."""
        await self._start_afresh()
        await self._run(self.ledger.books())
        self._wanted = self._held()
        await self._start_afresh()
        self.recording = Recording(self.ledger.root)
        with self.recording, pytest.MonkeyPatch.context() as patch:
            spoil(patch)
            await self._run(self.ledger.books())
            self.recording.mark("done")

    async def violations(self, spoil: Spoil = as_it_is) -> AsyncIterator[str]:
        """Work, then try every state; tell what is wrong with any of them."""
        await self.record(spoil)
        for state in states(self.recording, self._most):
            for wrong in await self.judged(state):
                yield f"{self._last(state)}: {wrong}"

    async def violations_when_killed(self, number: int) -> list[str] | None:
        """Work, killed before an effect on the ledger, and again; then let the power fail.

        ``number``: which effect, from 0; None if there are not so many. The second run sees all
        that the killed one wrote, durable or not.
        """
        if not self._wanted:
            await self.record()
        await self._start_afresh()
        self.recording = Recording(self.ledger.root)
        with self.recording:
            books, death = self.ledger.books(), Death(self.ledger.root, number)
            with observe(death), heard_by(death.happening), suppress(Killed):
                await self._run(books)
            books._session._lock.release()
            await self._run(self.ledger.books())
            self.recording.mark("done")
        done = self.recording.marks["done"]
        after = [each for each in states(self.recording, self._most) if each.steps >= done]
        return (
            [wrong for state in after for wrong in await self.judged(state)] if death.dead else None
        )

    async def violations_when_full(self, number: int) -> list[str] | None:
        """Work on a disk that has no room for one thing, then again; None if it has not so many.

        What the books could not take must be said by an error of ours.
        """
        if not self._wanted:
            await self.record()
        await self._start_afresh()
        with (
            FullDisk(self.ledger.root, number) as disk,
            suppress(BooksNotReady, CounterfoilError, AssertionError),
        ):
            await self._run(self.ledger.books())
        if not disk.happened:
            return None
        self.tried += 1
        files = {name: (self.ledger.root / name).read_bytes() for name in self.ledger.files()}
        state = State(len(self.recording.steps), files)
        wrong = [*self._torn(state), *await faults(self.ledger), *await self._mended()]
        return [f"no room for {disk.happened}: {each}" for each in wrong]

    async def _start_afresh(self) -> None:
        """Make the ledger, and do what is done before."""
        shutil.rmtree(self.ledger.root, ignore_errors=True)
        self.ledger.root.mkdir(parents=True)
        self.ledger.main.write_text(MAIN)
        if self._before is not None:
            async with self.ledger.books() as books:
                await self._before(books)

    async def _run(self, books: Beancount) -> None:
        async with books:
            problems = await books.ready()
            assert not problems, problems[0].message
            await self._work(books)

    async def judged(self, state: State) -> list[str]:
        """Lay a state out, and say what is wrong with it, or with what the next run makes of it."""
        self.tried += 1
        shutil.rmtree(self.ledger.root)
        state.lay_out(self.ledger.root)
        wrong = [*self._torn(state), *await faults(self.ledger)]
        if state.steps >= self.recording.marks["done"]:
            wrong += _differences(self._wanted, self._held(), "is lost after it was done")
        return [*wrong, *await self._mended()]

    async def _mended(self) -> list[str]:
        """Let the next run mend it, and say what is wrong then."""
        try:
            await self._run(self.ledger.books())
        except (BooksNotReady, AssertionError) as error:
            return [f"the next run does not mend it: {error}"]
        wrong = _differences(self._wanted, self._held(), "is not as it should be after all")
        return [*wrong, *await faults(self.ledger), *self._left()]

    def _held(self) -> Mapping[str, bytes]:
        """Return what a reader finds in the folder, but for the times."""
        names = filter(_seen, self.ledger.files())
        return {name: MOMENT.sub(b"", (self.ledger.root / name).read_bytes()) for name in names}

    def _torn(self, state: State) -> Iterator[str]:
        """Find files that Beancount reads and that are no version of themselves."""
        for name, content in state.tree.items():
            known = {MOMENT.sub(b"", each) for each in self.recording.versions.get(name, set())}
            if content is not None and _seen(name) and MOMENT.sub(b"", content) not in known:
                yield f"{name} is torn ({len(content)} bytes)"

    def _left(self) -> Iterator[str]:
        for name in self.ledger.files():
            if name.endswith("counterfoil-tmp"):
                yield f"{name} is left behind"

    def _last(self, state: State) -> str:
        steps = self.recording.steps[: state.steps]
        return f"power cut after step {state.steps} ({steps[-1].words if steps else 'none'})"


async def first_violation(folder: Path, spoil: Spoil = as_it_is) -> str:
    """Book three expenses with a power cut at each step; return what is wrong first, if anything.

    ``spoil`` makes the adapter a wrong one; the next run is always a right one.
    """
    cuts = Cuts(folder / "books", booking(three_entries(folder)))
    with remembered_answers():
        async for wrong in cuts.violations(spoil):
            return wrong
    return ""


def three_entries(folder: Path) -> Sequence[Entry]:
    """Build entries of two months, one with a receipt, which lies in the folder."""
    return (
        entry(COFFEE, documents=(document(folder, b"receipt"),)),
        entry(TAXI),
        entry(HOTEL, day=entry().date.replace(month=4)),
    )


def booking(entries: Sequence[Entry]) -> Work:
    """Do what an export does: look up, book what is absent."""

    async def work(books: Beancount) -> None:
        keys = [(each.reference.entry_id, each.reference.part) for each in entries]
        absent = [
            each for each, key in zip(entries, keys, strict=True) if not await look_up(books, *key)
        ]
        results = await books.record(absent)
        others = [result for result in results if not isinstance(result, Booked)]
        assert not others, others

    return work


def changing(folder: Path) -> Work:
    """Change each of three entries, as long as that is not done."""
    receipt = document(folder, b"another receipt")

    async def work(books: Beancount) -> None:
        await books.post([f"{COFFEE}/entry"])
        await books.attach(f"{TAXI}/entry", receipt)
        await books.void(f"{HOTEL}/entry")
        await books.reverse(f"{COFFEE}/entry", entry().date.replace(month=5))

    return work


async def faults(ledger: LedgerFolder) -> list[str]:
    """Return what Beancount has against the ledger."""
    with tempfile.TemporaryDirectory() as scratch:
        return [finding.message for finding in await check(ledger.main, Path(scratch))]


class Killed(BaseException):
    """The process dies here; nothing catches it."""


class Death:
    """Kills before one effect on a ledger; what would clean up after that does not happen."""

    def __init__(self, root: Path, number: int) -> None:
        self.dead = False
        self._root = str(root)
        self._number = number

    def before(self, effect: Effect) -> None:
        """Count an effect, and die at one."""
        if effect.name.startswith("beancount.") and effect.name not in ELSEWHERE:
            self.dead = self.dead or self._number == 0
            self._number -= 1
        self._die()

    def after(self, effect: Effect) -> None:
        """Let the effect be over."""

    def happening(self, event: str, path: str, inode: int) -> None:
        """Let nothing happen on the disk after death."""
        del event, inode
        if path.startswith(self._root):
            self._die()

    def _die(self) -> None:
        if self.dead:
            raise Killed


def _seen(name: str) -> bool:
    """Whether Beancount and people look at a file."""
    return not any(part.startswith(".") for part in Path(name).parts)


def _differences(wanted: Mapping[str, bytes], found: Mapping[str, bytes], words: str) -> list[str]:
    names = sorted(wanted.keys() | found.keys())
    return [f"{name} {words}" for name in names if wanted.get(name) != found.get(name)]

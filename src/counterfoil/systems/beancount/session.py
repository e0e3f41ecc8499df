"""One job's hold on a ledger: the lock, a private folder for caches, and the load that answers.

The ledger is loaded when it is first asked about, and again only if one of its files changed but by
us.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterfoil.effects import effect
from counterfoil.errors import JobFailureType
from counterfoil.systems.beancount.files import Folder, Lock
from counterfoil.systems.beancount.judging import declared_options
from counterfoil.systems.beancount.loading import Fault, Snapshot, load
from counterfoil.systems.beancount.months import Months
from counterfoil.systems.beancount.programs import Judge, missing_programs
from counterfoil.systems.beancount.receipts import Archive
from counterfoil.systems.contract import BooksNotReady, Problem

__all__ = ["Session", "writing"]

PATIENCE = 5.0
"""Seconds to wait for another process that writes to the same ledger."""
ROOTS = ("name_assets", "name_liabilities", "name_equity", "name_income", "name_expenses")
"""Options that Beancount reads file by file: an included file must say them again."""


class Session:
    """A ledger, opened for one job."""

    def __init__(self, main: Path, documents: Path) -> None:
        """Take the main ledger's real path, and the folder for receipts."""
        self.main = main
        self.folder = Folder(str(main))
        self.months = Months(main, self.folder)
        self.archive = Archive(documents, self.months.home, self.folder)
        self.patience = PATIENCE
        self.first: Counter[Fault] | None = None
        """What Beancount found fault with before we wrote anything."""
        self._lock = Lock(self.months.home / ".lock")
        self._scratch: Path | None = None
        self._judge: Judge | None = None
        self._only_reads = False
        self._snapshot: Snapshot | None = None
        self._obstacle: Problem | None = None

    @property
    def scratch(self) -> Path:
        """A private folder that goes with the session."""
        if self._scratch is None:
            raise BooksNotReady(self._obstacle or _not_open(self.main))
        return self._scratch

    @property
    def judge(self) -> Judge:
        """Beancount, to judge what is to be written."""
        if self._judge is None:
            self._judge = Judge(self.scratch)
        return self._judge

    async def expect_to_write(self) -> None:
        """Start what judges entries ahead of them, where this session may write."""
        if self._lock.held:
            await self.judge.start()

    async def open(self) -> None:
        """Take the lock; a missing ledger or a folder one cannot write is left to ``problems``."""
        self._obstacle = _missing(self.main)
        if self._obstacle is None:
            try:
                await self._acquire()
            except OSError as error:
                self._obstacle = Problem(
                    message=f"Counterfoil cannot write in {self.main.parent}: {error.strerror}. "
                    "Give its user the right to write there."
                )

    def open_to_read(self) -> None:
        """Make the private folder only; a missing ledger is left to ``problems``."""
        self._only_reads = True
        self._obstacle = _missing(self.main)
        if self._obstacle is None:
            self._scratch = _reading_folder()

    async def close(self) -> None:
        """Release the lock and remove the private folder."""
        scratch, self._scratch = self._scratch, None
        judge, self._judge = self._judge, None
        try:
            if judge is not None:
                await judge.close()
        finally:
            try:
                if scratch is not None:
                    with effect("beancount.scratch", str(scratch)):
                        shutil.rmtree(scratch, ignore_errors=True)
            finally:
                self._lock.release()

    async def problems(self) -> list[Problem]:
        """Say why entries cannot be written now."""
        if self._obstacle is not None:
            return [self._obstacle]
        if found := [*_environment_problems(self.main)]:
            return found
        try:
            return list((await self._load()).problems)
        except BooksNotReady as error:
            return [error.problem]

    async def current(self) -> Snapshot:
        """Return what the ledger says; raises BooksNotReady if Beancount cannot read all of it."""
        snapshot = await self._load()
        if snapshot.problems:
            raise BooksNotReady(snapshot.problems[0])
        return snapshot

    def forget(self) -> None:
        """Load the ledger anew when it is needed next."""
        self._snapshot = None

    async def _load(self) -> Snapshot:
        if self._lock.held:
            # What is found counts as booked, so it must be durable.
            with writing(self.main):
                self.folder.settle(self.months.home)
        if self._snapshot is None or self._snapshot.watch.changed():
            self.months.forget()
            with self._reading():
                self._snapshot = await load(
                    self.main, self.months.pattern, self.scratch, keep=self._only_reads
                )
            snapshot = self._snapshot
            self.months.options = declared_options(snapshot.options, ROOTS)
            if self.first is None:
                self.first = snapshot.faults
        return self._snapshot

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            words = f"{error.filename or self.main} cannot be read ({error.strerror})"
            raise BooksNotReady(Problem(message=words)) from error

    async def _acquire(self) -> None:
        self.folder.make(self.months.home)
        if not await self._lock.acquire(self.patience):
            raise BooksNotReady(
                Problem(
                    message=f"another Counterfoil is writing to {self.main}",
                    failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
                    passing=True,
                )
            )
        self._scratch = _private_folder(self.folder.mark)


@contextmanager
def writing(main: Path) -> Iterator[None]:
    """Say what an OSError while writing means: nothing was changed, and why."""
    try:
        yield
    except OSError as error:
        place = error.filename or main.parent
        raise BooksNotReady(
            Problem(
                message=f"{main} was left as it is: {place} cannot be written ({error.strerror}).",
                failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
                passing=True,
            )
        ) from error


def _missing(main: Path) -> Problem | None:
    if main.is_file():
        return None
    return Problem(
        message=f"There is no ledger at {main}. Set [connection.options] ledger to the main "
        "ledger file, or make it."
    )


def _environment_problems(main: Path) -> Iterator[Problem]:
    if missing := missing_programs():
        yield Problem(
            message=f"{' and '.join(missing)} cannot be found. Install them with: "
            "pip install beancount beanquery",
            failure_type=JobFailureType.INTEGRATION_UNUSABLE,
        )
    if not os.access(main, os.R_OK | os.W_OK) or not os.access(main.parent, os.W_OK):
        yield Problem(message=f"Counterfoil may not read and write {main} and its folder.")
    if re.search(r"[*?\[\]]", str(main.parent)) or re.search("[#?]", main.name):
        yield Problem(
            message=f"Beancount cannot include files below {main.parent}: "
            "rename the folder or file so that it has none of * ? [ ] #."
        )


def _private_folder(mark: str) -> Path:
    """Make the private folder, and remove what dead sessions of the same ledger left."""
    place = Path(tempfile.gettempdir())
    with effect("beancount.scratch", str(place)):
        for leftover in place.glob(f"counterfoil-{mark}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"counterfoil-{mark}-"))


def _reading_folder() -> Path:
    with effect("beancount.scratch", tempfile.gettempdir()):
        return Path(tempfile.mkdtemp(prefix="counterfoil-reading-"))


def _not_open(main: Path) -> Problem:
    return Problem(message=f"{main} is used outside its session")

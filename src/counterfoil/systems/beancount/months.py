"""Our own files beside the ledger: one a month, an index, and the ``include`` that leads to them.

What is in a month file is appended, or edited block by block; each change replaces the file, after
making sure that it is still the one that was read. Which text is written is left to ``syntax``.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from counterfoil.effects import effect
from counterfoil.systems.beancount.files import Folder, Stamp, stamp
from counterfoil.systems.beancount.sources import Watch

__all__ = ["FileChanged", "HalfWritten", "Months", "append_include"]

INCLUDE = 'include "counterfoil/*.beancount"'
HEADER = (
    b";; Written by Counterfoil: what Pleo exported. Entries may be edited; keep their metadata.\n"
)
INDEX = "index.beancount"
INDEX_TEXT = b";; Written by Counterfoil; keeps the include of this folder from being empty.\n"


class FileChanged(Exception):
    """Somebody changed a file since it was read; read it again."""


class HalfWritten(Exception):
    """Some files could not take their new content, or not durably; the others have it."""

    def __init__(self, files: AbstractSet[Path], why: OSError) -> None:
        """Take the files it is not certain of."""
        super().__init__(str(why))
        self.files = frozenset(files)


@dataclass(slots=True)
class Month:
    """A month file's bytes, and the stamp of the file they are in (None: not there yet)."""

    content: bytes
    stamp: Stamp | None


class Months:
    """The month files of one ledger, kept in memory while they do not change but by us."""

    def __init__(self, main: Path, folder: Folder) -> None:
        """Take the main ledger's real path and the way to write."""
        self.main = main
        self.home = main.parent / "counterfoil"
        self.pattern = f"{glob.escape(str(self.home))}/*.beancount"
        self.options = b""
        """Option lines each new file starts with: Beancount reads some of them file by file."""
        self._folder = folder
        self._months: dict[Path, Month] = {}
        self.written = False
        """Whether anything was written since the files were opened."""

    def path(self, day: date) -> Path:
        """Return the file that a day's entries go to."""
        return self.home / f"{day:%Y-%m}.beancount"

    def forget(self) -> None:
        """Read every file anew when it is needed next."""
        self._months.clear()

    def read(self, path: Path) -> bytes:
        """Return a file's content, or what a new one starts with; raises FileChanged."""
        month = self._months.get(path)
        if month is None:
            month = self._months[path] = self._load(path)
        elif month.stamp != stamp(path):
            self.forget()
            raise FileChanged(path)
        return month.content

    def append(self, texts: Mapping[Path, list[str]], watch: Watch) -> None:
        """Add entries to files; nothing is written if one of them cannot be. Raises FileChanged."""
        self.write(
            {
                path: _ended(self.read(path)) + "".join(f"\n{text}\n" for text in added).encode()
                for path, added in texts.items()
            },
            watch,
        )

    def write(self, contents: Mapping[Path, bytes], watch: Watch) -> None:
        """Replace files: all are made durable beside the old ones, then each takes its place."""
        self._prepare(watch)
        self.written = True
        staged: dict[Path, Path] = {}
        try:
            for path, content in contents.items():
                staged[path] = self._folder.stage(path, content)
            for path in contents:
                self._unchanged(path)
        except (OSError, FileChanged):
            for leftover in staged.values():
                self._folder.discard(leftover)
            raise
        self._commit(contents, staged, watch)
        self._touch()
        watch.note(self.home / INDEX, stamp(self.home / INDEX))

    def verify(self, path: Path) -> bool:
        """Read a file back from the disk: whether it holds what was written."""
        month = self._months.get(path)
        return month is not None and path.read_bytes() == month.content

    def _commit(
        self, contents: Mapping[Path, bytes], staged: Mapping[Path, Path], watch: Watch
    ) -> None:
        waiting = dict.fromkeys(contents)
        try:
            for path, content in contents.items():
                self._months[path] = Month(content, self._folder.commit(staged[path], path))
                watch.note(path, self._months[path].stamp)
                del waiting[path]
        except OSError as error:
            untouched = len(waiting) == len(contents) and all(
                self._months[path].stamp == stamp(path) for path in contents
            )
            for path in waiting:
                self._folder.discard(staged[path])
            if untouched:
                raise
            self.forget()
            raise HalfWritten(waiting.keys(), error) from error

    def _load(self, path: Path) -> Month:
        before = stamp(path)
        return Month(path.read_bytes() if before else HEADER + self.options, before)

    def _unchanged(self, path: Path) -> None:
        if self._months[path].stamp != stamp(path):
            self.forget()
            raise FileChanged(path)

    def _prepare(self, watch: Watch) -> None:
        """Make sure, before anything is written, that the ledger will find it."""
        index = self.home / INDEX
        if stamp(index) is None:
            watch.note(index, self._folder.replace(index, INDEX_TEXT))
        if not watch.covers(self.path(date(2000, 1, 1))):
            before = stamp(self.main)
            content = append_include(self.main.read_bytes())
            if not watch.knows(self.main, before):
                raise FileChanged(self.main)
            watch.note(self.main, self._folder.replace(self.main, content))
            watch.include(f"{self.home}/*.beancount")

    def _touch(self) -> None:
        """Let Beancount's cache notice a new month: it looks at the files that it knows."""
        index = self.home / INDEX
        with effect("beancount.touch", str(index)), suppress(OSError):
            os.utime(index)


def append_include(ledger: bytes) -> bytes:
    """Add our ``include`` to a main ledger, keeping every byte of it and its kind of line end."""
    end = b"\r\n" if b"\r\n" in ledger else b"\n"
    gap = b"" if not ledger or ledger.endswith(b"\n") else end
    return ledger + gap + end + INCLUDE.encode() + end


def _ended(content: bytes) -> bytes:
    return content if not content or content.endswith(b"\n") else content + b"\n"

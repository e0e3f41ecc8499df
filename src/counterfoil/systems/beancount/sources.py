"""The ledger as text: its files by ``include``, its options, and where an entry's block stands.

What the ledger *says* is Beancount's to tell (``loading``). The text is read for what Beancount
does not report: which files are part of it, ids that a syntax error hides, and the lines to edit.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path

from counterfoil.systems.beancount.files import Stamp, stamp

__all__ = ["Mention", "Sources", "Watch", "block_at", "mentions", "read_sources"]

INCLUDE = re.compile(rb'^include[ \t]+"((?:[^"\\\n]|\\[^\n])*)"', re.MULTILINE)
OPTION = re.compile(rb'^option[ \t]+"(\w+)"[ \t]+"((?:[^"\\]|\\[^\n])*)"', re.MULTILINE)
MENTION = re.compile(rb'^[ \t]+(pleo_entry|pleo_reverses):[ \t]*"([^"\\\n]+)"', re.MULTILINE)
HEADER = re.compile(rb"\d{4,}[-/]\d+[-/]\d+[ \t]")
INDENTED = re.compile(rb"[ \t]+[^ \t\r\n]")
DOCUMENT = re.compile(rb"\d{4,}[-/]\d+[-/]\d+[ \t]+document[ \t]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A line that names an entry of ours: which metadata key, which id, and where."""

    key: str
    id: str
    file: Path
    line: int


@dataclass(frozen=True)
class Sources:
    """The texts of the files that make up a ledger, in the order they were met, and their watch."""

    main: Path
    texts: Mapping[Path, bytes]
    watch: Watch

    @cached_property
    def options(self) -> dict[str, list[bytes]]:
        """The main ledger's options as written (still escaped); included files' do not count."""
        found: dict[str, list[bytes]] = {}
        for name, value in OPTION.findall(self.texts.get(self.main, b"")):
            found.setdefault(name.decode(), []).append(value)
        return found


class Watch:
    """Tells whether a ledger's files changed since they were read, but by us."""

    def __init__(self, included: frozenset[str], own: str) -> None:
        """Take the patterns of the ``include`` directives and that of our own files, absolute."""
        self.included = included
        self._patterns = included | {own}
        self._matches = _expand(self._patterns)
        self._stamps: dict[Path, Stamp | None] = {}

    def notes(self, stamps: Mapping[Path, Stamp | None]) -> None:
        """Take many files' stamps as known, as they were before the files were read."""
        self._stamps.update(stamps)

    def note(self, path: Path, now: Stamp | None) -> None:
        """Take one file's stamp as known: we wrote it."""
        self._stamps[path] = now
        self._matches = _expand(self._patterns)

    def knows(self, path: Path, now: Stamp | None) -> bool:
        """Whether a file's stamp is the one that was read."""
        return self._stamps.get(path) == now

    def include(self, pattern: str) -> None:
        """Add a pattern that we put into the main ledger."""
        self.included |= {pattern}
        self._patterns |= {pattern}
        self._matches = _expand(self._patterns)

    def covers(self, path: Path) -> bool:
        """Whether the ``include`` directives would find a file of this name."""
        return any(_matches(str(path), pattern) for pattern in self.included)

    def changed(self) -> bool:
        """Whether a file was changed, added or taken away."""
        if any(stamp(path) != known for path, known in self._stamps.items()):
            return True
        return _expand(self._patterns) != self._matches


def read_sources(main: Path, own: str) -> Sources:
    """Read a ledger's files, following ``include``; ``own`` is the pattern of our own files."""
    texts: dict[Path, bytes] = {}
    stamps: dict[Path, Stamp | None] = {}
    included: set[str] = set()
    waiting = [main]
    while waiting:
        path = waiting.pop()
        if path not in texts:
            stamps[path] = stamp(path)
            texts[path] = path.read_bytes() if path.is_file() else b""
            asked = set(_includes(path, texts[path]))
            waiting.extend(map(Path, sorted(_expand(frozenset(asked)))))
            included |= asked
    for path in map(Path, sorted(_expand(frozenset({own})))):
        if path not in texts:
            stamps[path] = stamp(path)
            texts[path] = path.read_bytes()
    watch = Watch(frozenset(included), own)
    watch.notes(stamps)
    return Sources(main, texts, watch)


def mentions(path: Path, text: bytes) -> Iterator[Mention]:
    """Find the lines naming entries of ours; within a string, quotes are escaped: no such line."""
    line, position = 1, 0
    for match in MENTION.finditer(text):
        line += text.count(b"\n", position, match.start())
        position = match.start()
        yield Mention(match[1].decode(), match[2].decode("utf-8", "replace"), path, line)


def block_at(text: bytes, position: int) -> slice:
    """Find the directive around a position, with the documents listed right after it."""
    start = text.rfind(b"\n", 0, position) + 1
    while start > 0 and not HEADER.match(text, start):
        start = text.rfind(b"\n", 0, start - 1) + 1
    end = _line_end(text, start)
    while INDENTED.match(text, end):
        end = _line_end(text, end)
    while DOCUMENT.match(text, end):
        end = _line_end(text, end)
    return slice(start, end)


def _line_end(text: bytes, start: int) -> int:
    """Return where the next line starts."""
    return text.find(b"\n", start) + 1 or len(text)


def _includes(path: Path, text: bytes) -> Iterator[str]:
    for raw in INCLUDE.findall(text):
        name = re.sub(r"\\(.)", r"\1", raw.decode("utf-8", "surrogateescape"))
        yield os.path.normpath(path.parent / name)


def _expand(patterns: frozenset[str]) -> frozenset[str]:
    """Expand as Beancount does: dot files are left out."""
    found = map(partial(glob.glob, recursive=True), patterns)
    return frozenset(
        match for match in itertools.chain.from_iterable(found) if Path(match).is_file()
    )


def _matches(path: str, pattern: str) -> bool:
    """Match as ``glob`` does: ``*`` stays within a folder, ``**`` does not."""
    if "**" in pattern:
        return fnmatchcase(path, pattern.replace("**/", "*"))
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=True)
    )

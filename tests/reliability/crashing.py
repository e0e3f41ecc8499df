"""A power cut, at any moment: what a folder may hold afterwards, by what POSIX promises.

``Recording`` notes what happens in a folder: files made, written, renamed and removed, and what
``fsync`` made durable. ``states`` then gives what a disk may hold if the power fails after any of
these steps::

    recording = Recording(folder)
    with recording:
        ...                              # book something
        recording.mark("booked")         # from here on it must not be lost
    for state in states(recording):
        state.lay_out(elsewhere)         # as the next run finds it

What is not durable yet may be there or not, in any combination and whatever its order was: a name
in a folder that was not synced, and the content of a file that was not synced, which may also be
empty, torn, zeros, or what stood there before. What a program that books makes of a state is left
to ``tests.systems.powercut``.
"""

from __future__ import annotations

import errno
import io
import itertools
import math
import os
import random
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from hypothesis.strategies import SearchStrategy, integers

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike, ReadableBuffer

__all__ = ["SYNC", "FullDisk", "Recording", "State", "bare", "drawn", "heard_by", "states"]

NAMING = {
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
}
SYNC = "sync"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

Tree: TypeAlias = Mapping[str, bytes | None]
"""What a folder holds, by path below it: a file's content, or None for a folder."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file or folder by its number, which a rename keeps; a folder has no content."""

    number: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened. ``folders`` (numbers) must be synced before its names are durable.

    ``names``: by folder and name, which node the step puts there (None: none any more).
    ``written``: the node whose content changed, and to what. ``synced``: the node made durable.
    """

    words: str
    names: Mapping[tuple[int, str], int | None] = field(default_factory=dict)
    written: Node | None = None
    synced: int | None = None

    @property
    def folders(self) -> set[int]:
        """The folders whose names it changes."""
        return {folder for folder, _ in self.names}


@dataclass(frozen=True, slots=True)
class State:
    """What a disk may hold after a power cut."""

    steps: int
    """How many steps had happened."""
    tree: Tree

    def lay_out(self, folder: Path) -> None:
        """Put it into a folder that is empty or not there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sorted(self.tree.items()):
            if content is None:
                (folder / name).mkdir()
            else:
                (folder / name).write_bytes(content)


class Recording:
    """Notes what happens below a folder while it is entered as a block; may be entered again."""

    def __init__(self, root: Path) -> None:
        """Take the folder; what it holds when first entered is durable."""
        self.root = root
        self.steps: list[Step] = []
        self.marks: dict[str, int] = {}
        """By label, how many steps had happened."""
        self.versions: dict[str, set[bytes]] = {}
        """By path, every content that a reader could find there while nothing failed."""
        self.start: dict[str, Node] = {}
        self._seen: dict[str, Node] = {}
        self._numbers: dict[int, int] = {}
        self._fresh = itertools.count(1)
        self._listening = ExitStack()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        """Begin to listen."""
        if not self.start:
            self.start = self._seen = self._look()
            self._keep_versions()
        self._listening.enter_context(heard_by(self._happening))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Note what happened last, and stop listening."""
        self._listening.close()
        self.catch_up()

    def mark(self, label: str) -> None:
        """Say that something is done: it must not be lost from here on."""
        with self._lock:
            self.catch_up()
            self.marks[label] = len(self.steps)

    def catch_up(self) -> None:
        """Note what happened since this was last done."""
        with self._lock:
            before, self._seen = self._seen, self._look()
            self.steps += _difference(before, self._seen)
            self._keep_versions()

    def _happening(self, event: str, path: str, inode: int) -> None:
        """Hear of something that is about to happen."""
        del path
        with self._lock:
            self.catch_up()
            if event == SYNC and inode in self._numbers:
                number = self._numbers[inode]
                names = [name for name, node in self._seen.items() if node.number == number]
                self.steps.append(Step(f"sync {' '.join(names)}", synced=number))

    def _keep_versions(self) -> None:
        for path, node in self._seen.items():
            if node.content is not None:
                self.versions.setdefault(path, set()).add(node.content)

    def _look(self) -> dict[str, Node]:
        """Read all that is below the folder, the folder itself as ``.``."""
        found: dict[str, tuple[int, bytes | None]] = {".": (self.root.stat().st_ino, None)}
        for path in self.root.rglob("*"):
            # Another thread may rename it in between: then it is seen the next time.
            with suppress(FileNotFoundError):
                status = path.stat()
                content = None if stat.S_ISDIR(status.st_mode) else path.read_bytes()
                found[str(path.relative_to(self.root))] = (status.st_ino, content)
        # A file system gives the number of a file that is gone to the next one; we do not.
        inodes = {inode for inode, _ in found.values()}
        self._numbers = {
            inode: self._numbers[inode] if inode in self._numbers else next(self._fresh)
            for inode in inodes
        }
        return {name: Node(self._numbers[inode], held) for name, (inode, held) in found.items()}


def bare(recording: Recording) -> State:
    """Give what the disk holds at the end if nothing of what was not durable is there."""
    moment = Moment(recording, len(recording.steps))
    return State(len(recording.steps), moment.tree([0] * len(moment.options)))


def states(recording: Recording, most: int = 200, seed: int = 0) -> Iterator[State]:
    """Give what the disk may hold, each state once, in the order of the steps.

    Where more than ``most`` combinations are possible after a step, so many of them are drawn, with
    the two extremes: nothing of what was not durable is there, and all of it.
    """
    drawing = random.Random(seed)  # noqa: S311 -- a sample, no secret
    seen: set[int] = set()
    for count in range(len(recording.steps) + 1):
        moment = Moment(recording, count)
        for choice in _choices(moment.options, most, drawing):
            tree = moment.tree(choice)
            mark = hash(tuple(sorted(tree.items())))
            since = frozenset(label for label, at in recording.marks.items() if at <= count)
            if (key := hash((mark, since))) not in seen:
                seen.add(key)
                yield State(count, tree)


def torn(content: bytes) -> list[bytes]:
    """Return what may be on the disk of a content that was written and not synced."""
    size = len(content)
    return [b"", content[: size // 2], content[: max(size - 1, 0)], bytes(size), content]


def drawn(recording: Recording, draw: Callable[[SearchStrategy[int]], int]) -> State:
    """Let Hypothesis choose a moment, what is there of what was not durable, and where it is torn.

    ``draw`` is ``data.draw`` of ``strategies.data()``.
    """
    count = draw(integers(0, len(recording.steps)))
    moment = Moment(recording, count, torn=lambda content: [_cut(content, draw)])
    return State(count, moment.tree([draw(integers(0, ways - 1)) for ways in moment.options]))


def _cut(content: bytes, draw: Callable[[SearchStrategy[int]], int]) -> bytes:
    """Keep some bytes, and let some more be there as zeros."""
    kept = draw(integers(0, len(content)))
    return content[:kept] + bytes(draw(integers(0, len(content) - kept)))


class Moment:
    """The disk after some steps: what is durable, and what may or may not be."""

    def __init__(
        self,
        recording: Recording,
        count: int,
        torn: Callable[[bytes], list[bytes]] = torn,
    ) -> None:
        """Take so many of the recorded steps, and what is left of a content that is not durable."""
        self._torn = torn
        self.steps = recording.steps[:count]
        self._start = recording.start
        self._durable = [self._is_durable(number) for number in range(count)]
        self._pending = [n for n in range(count) if self.steps[n].names and not self._durable[n]]
        self._contents = self._possible_contents()
        self._unsure = [node for node, options in self._contents.items() if len(options) > 1]
        self.options = [2] * len(self._pending) + [len(self._contents[n]) for n in self._unsure]
        """How many ways there are for each thing that is not durable; the first is: as before."""

    def tree(self, choice: Sequence[int]) -> Tree:
        """Return what the folder holds when each undecided thing went one way."""
        happened = {n for n, way in zip(self._pending, choice, strict=False) if way}
        ways = dict(zip(self._unsure, choice[len(self._pending) :], strict=True))
        names = self._names_at_start()
        for number, step in enumerate(self.steps):
            if self._durable[number] or number in happened:
                names.update(step.names)
        held: dict[str, bytes | None] = {}
        waiting = [("", self._start["."].number)]
        while waiting:
            path, folder = waiting.pop()
            for (parent, name), node in names.items():
                if parent == folder and node is not None:
                    options = self._contents.get(node)
                    held[path + name] = options[ways.get(node, 0)] if options else None
                    if not options:
                        waiting.append((f"{path}{name}/", node))
        return held

    def _names_at_start(self) -> dict[tuple[int, str], int | None]:
        return {
            _at(path, self._start): node.number for path, node in self._start.items() if path != "."
        }

    def _is_durable(self, number: int) -> bool:
        later = {step.synced for step in self.steps[number + 1 :]}
        return self.steps[number].folders <= later

    def _possible_contents(self) -> dict[int, list[bytes]]:
        """Return by file what it may hold; the first is what is durable."""
        found = {
            node.number: [node.content] for node in self._start.values() if node.content is not None
        }
        latest = {number: options[0] for number, options in found.items()}
        for step in self.steps:
            if step.written is not None and step.written.content is not None:
                number, content = step.written.number, step.written.content
                latest[number] = content
                options = found.setdefault(number, [b""])
                options += [each for each in self._torn(content) if each not in options]
            if step.synced in found:
                found[step.synced] = [latest[step.synced]]
        return found


def _choices(
    options: Sequence[int], most: int, drawing: random.Random
) -> Iterator[tuple[int, ...]]:
    if math.prod(options) <= most:
        yield from itertools.product(*map(range, options))
        return
    yield tuple(0 for _ in options)
    yield tuple(ways - 1 for ways in options)
    for _ in range(most - 2):
        yield tuple(drawing.randrange(ways) for ways in options)


def _difference(before: Mapping[str, Node], after: Mapping[str, Node]) -> Iterator[Step]:
    """Tell two looks at a folder apart: one step for each name that changed, and each content."""
    places = {node.number: path for path, node in before.items()}
    contents = {node.number: node.content for node in before.values()}
    moved: set[str] = set()
    for path, node in after.items():
        if path != "." and (path not in before or before[path].number != node.number):
            names = {_at(path, after): node.number}
            old = places.get(node.number)
            if old is not None and old not in after:
                moved.add(old)
                yield Step(f"rename {old} to {path}", {_at(old, before): None, **names})
            else:
                contents[node.number] = None if node.content is None else b""
                yield Step(f"make {path}", names, Node(node.number, contents[node.number]))
    for path in before.keys() - after.keys() - moved:
        yield Step(f"remove {path}", {_at(path, before): None})
    for path, node in after.items():
        if node.content is not None and contents.get(node.number) != node.content:
            yield Step(f"write {path}", written=node)


def _at(path: str, seen: Mapping[str, Node]) -> tuple[int, str]:
    """Return where a name stands: its folder's number, and the name in it."""
    folder, _, name = path.rpartition("/")
    return seen[folder or "."].number, name


class FullDisk:
    """Has no room left for one thing below a folder: a new name, a piece of content, or a sync.

    Entered as a block, it fails the one with this number (from 0) with ENOSPC, a write after half
    of its bytes, and all further writes to the same file; ``happened`` tells whether there was one.
    """

    def __init__(self, root: Path, number: int) -> None:
        """Take the folder, and which thing is to fail."""
        self.root = root
        self.happened = ""
        self._number = number
        self._lock = threading.Lock()
        self._listening = ExitStack()

    def __enter__(self) -> Self:
        """Have no room from now on."""
        opened = os.fdopen

        def fdopen(fd: int, mode: str = "r") -> io.BufferedWriter:
            assert mode == "wb", "files are written as bytes here"
            return io.BufferedWriter(_File(fd, self.fails))

        self._listening.enter_context(heard_by(self._happening))
        self._listening.callback(setattr, os, "fdopen", opened)
        setattr(os, "fdopen", fdopen)  # noqa: B010 -- in its place for a while
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Have room again."""
        self._listening.close()

    def fails(self, what: str) -> bool:
        """Count one thing; whether it is the one that fails."""
        with self._lock:
            self._number -= 1
            if self._number == -1:
                self.happened = what
        return self.happened == what and self._number == -1

    def _happening(self, event: str, path: str, inode: int) -> None:
        """Fail a new name or a sync."""
        del inode
        below = path.startswith(f"{self.root}{os.sep}")
        grows = event in {"os.mkdir", "os.rename"} or (event == "open" and not Path(path).exists())
        if (event == SYNC or (below and grows)) and self.fails(f"{event} {path}"):
            raise _no_space(path)


class _File(io.FileIO):
    """A file that may be told that the disk is full."""

    def __init__(self, fd: int, fails: Callable[[str], bool]) -> None:
        super().__init__(fd, "wb")
        self._fails = fails
        self._full = False

    def write(self, content: ReadableBuffer) -> int:
        """Write, or write half and fail."""
        self._full = self._full or self._fails("write")
        if not self._full:
            return super().write(content)
        half = bytes(content)[: len(bytes(content)) // 2]
        super().write(half)
        raise _no_space("a file")


def _no_space(path: str) -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", path)


Listener: TypeAlias = Callable[[str, str, int], None]
"""Hears of an event, its path (or an empty text), and for ``SYNC`` the file's inode, before it."""

_listeners: list[Listener] = []
_installed: list[bool] = []


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Tell a listener of each step before it happens; an error that it raises takes its place."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_tell)
    synced = os.fsync
    _listeners.append(listener)
    os.fsync = _told(synced)
    try:
        yield
    finally:
        os.fsync = synced
        _listeners.remove(listener)


def _tell(event: str, arguments: tuple[object, ...]) -> None:
    if _listeners and (event in NAMING or (event == "open" and _writes(arguments[2]))):
        for listener in tuple(_listeners):
            listener(event, str(arguments[0]), 0)


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & WRITING)


class Sync(Protocol):
    """``os.fsync``."""

    def __call__(self, fd: FileDescriptorLike) -> None:
        """Make a file durable."""


def _told(sync: Sync) -> Sync:
    def told(fd: FileDescriptorLike) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        for listener in tuple(_listeners):
            listener(SYNC, "", os.fstat(number).st_ino)
        sync(fd)

    return told

"""What stands at the gate of effects: a killer, a broken line, a slow line, a guard beside it."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from counterfoil.effects import Effect, inside_effect

__all__ = ["Breaker", "Delay", "Killed", "Killer", "Tally", "around_the_gate"]

Point: TypeAlias = tuple[str, str, int]
"""Before or after, the effect's name, and the how manieth of that name it is in a run."""


class Killed(BaseException):
    """The process dies here; nothing catches it."""


@dataclass
class _Once:
    """Strikes at the first effect of a run that it has not struck at yet."""

    spared: frozenset[str]
    done: set[Point] = field(default_factory=set)
    struck: Point | None = None
    """Where it struck in this run."""
    _seen: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Begin a new run."""
        self.struck = None
        self._seen.clear()

    def before(self, effect: Effect) -> None:
        """See an effect coming."""
        self._seen[effect.name] += 1
        self._strike("before", effect)

    def after(self, effect: Effect) -> None:
        """See that an effect happened."""
        self._strike("after", effect)

    def _strike(self, when: str, effect: Effect) -> None:
        point = (when, effect.name, self._seen[effect.name])
        if effect.name in self.spared or point in self.done or self.struck:
            return
        self.done.add(point)
        self.struck = point
        raise self.blow()

    def blow(self) -> BaseException:
        """Return what takes the effect's place, or its answer's."""
        return Killed()


@dataclass
class Killer(_Once):
    """Kills; a dead process does nothing more, so every later effect of the run dies, too.

    After one effect and before the next the world outside is the same: that counts as one point.
    """

    _last: Point | None = None
    """After which effect this run is."""

    def begin(self) -> None:
        """Begin a new run."""
        super().begin()
        self._last = None

    def before(self, effect: Effect) -> None:
        """Let nothing out any more once dead."""
        if self.struck:
            raise Killed
        if self._last in self.done:
            self.done.add(("before", effect.name, self._seen[effect.name] + 1))
        super().before(effect)

    def after(self, effect: Effect) -> None:
        """Note which effect was the last one that changed something."""
        if effect.name not in self.spared:
            self._last = ("after", effect.name, self._seen[effect.name])
        super().after(effect)


@dataclass
class Breaker(_Once):
    """Breaks the line: before an effect nothing is sent, after it the answer is lost."""

    error: Callable[[], Exception] = OSError

    def blow(self) -> Exception:
        """Return the error of a broken line."""
        return self.error()


@dataclass
class Tally:
    """Counts the effects that change something."""

    spared: frozenset[str]
    count: int = 0

    def before(self, effect: Effect) -> None:
        """Count."""
        self.count += effect.name not in self.spared

    def after(self, effect: Effect) -> None:
        """See that it happened; nothing to count."""


@dataclass
class Delay:
    """Holds one effect back until it is let go: a request that is slow to arrive."""

    number: int
    spared: frozenset[str]
    patience: float = 60.0
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    _count: int = 0

    def before(self, effect: Effect) -> None:
        """Hold the effect with this number; it blocks its own thread."""
        self._count += effect.name not in self.spared
        if self._count == self.number and not self.held.is_set():
            self.held.set()
            self.let_go.wait(self.patience)

    def after(self, effect: Effect) -> None:
        """See that it happened; nothing is held then."""


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    {
        "os.rename",
        "os.remove",
        "os.mkdir",
        "os.rmdir",
        "os.utime",
        "os.truncate",
        "os.link",
        "os.symlink",
        "os.posix_spawn",
        "subprocess.Popen",
        "socket.connect",
        "socket.sendto",
    }
)

_escaped: ContextVar[list[str] | None] = ContextVar("escaped", default=None)
_installed: list[bool] = []


@contextmanager
def around_the_gate() -> Iterator[list[str]]:
    """Give a list of what this context does to the world outside of any effect.

    It hears of files, folders, processes and connections from the interpreter's audit events. What
    is sent on a connection that is open already, and what a database does in a file, it cannot see.
    """
    if not _installed:
        # For good: the interpreter has no way to take a hook out again.
        sys.addaudithook(_hear)
        _installed.append(True)
    escaped: list[str] = []
    token = _escaped.set(escaped)
    try:
        yield escaped
    finally:
        _escaped.reset(token)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" and event not in _CHANGES:
        return
    escaped = _escaped.get()
    if escaped is None or inside_effect() is not None:
        return
    if event != "open" or _writes(*arguments):
        escaped.append(f"{event} {arguments}")


def _writes(path: object, _mode: object, flags: object) -> bool:
    """Whether a file is opened for writing; Python's own cache of modules does not count."""
    cached = isinstance(path, str) and "__pycache__" in path
    return isinstance(flags, int) and bool(flags & _WRITING) and not cached

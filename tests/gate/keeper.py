"""Hears of every outside effect of this process, and notes those that pass beside the gate.

An audit hook of the interpreter tells of files opened for writing, renames, removals, folders,
connections and programs; SQLAlchemy tells of commits. One of these counts where the innermost code
of ours on the stack is the product's own (not the sandbox, the fakes or a test) and no
``counterfoil.effects.effect`` is open. Programs that tests start load this module, too, so it
imports nothing that takes time; what becomes of its findings is left to ``plugin``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from types import CodeType, FrameType

__all__ = ["Keeper", "product_folder"]

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
HARMLESS = {"/dev/null", "/dev/tty"}
FILES = (
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.removexattr",
    "os.rename",
    "os.rmdir",
    "os.setxattr",
    "os.symlink",
    "os.truncate",
    "os.utime",
)
PROGRAMS = (
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
)
NETWORK = ("socket.connect", "socket.sendto", "socket.sendmsg", "httpx.request")
"""The last is told by ``plugin``: bytes on a connection that is open already tell nothing."""
COMMIT = "sqlalchemy.commit"
PASSED = "counterfoil.effect"
"""What the gate itself tells the interpreter."""
CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP", "MERGE", "TRUNCATE")

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 -- pathlib takes time to import
TELLING = {f"{HERE}{os.sep}keeper.py", f"{HERE}{os.sep}plugin.py"}
"""These stand between an effect and the code that makes it."""
TESTS = f"{os.path.dirname(HERE)}{os.sep}"  # noqa: PTH120 -- as above

Arguments = tuple[object, ...]


class Keeper:
    """Tells of the effects that pass the gate, and of those that do not."""

    def __init__(
        self, package: str, passed: Callable[[str], None], escaped: Callable[[str], None]
    ) -> None:
        """Take the product's folder, and who is told an effect's name, or a finding (one line)."""
        self._tell = passed
        self._escaped = escaped
        product = f"{package}{os.sep}"
        self._product = product
        self._fakes = tuple(f"{product}{name}{os.sep}" for name in ("sandbox", "testing"))
        self._databases = False
        self._judges: dict[str, Callable[[Arguments], None]] = {
            "open": self._opened,
            "sqlite3.connect": self._connected,
            PASSED: self._passed,
            **{event: self._named(event) for event in (*FILES, *PROGRAMS, *NETWORK, COMMIT)},
        }

    @property
    def events(self) -> frozenset[str]:
        """The events of the interpreter that are judged."""
        return frozenset(self._judges)

    def install(self) -> None:
        """Listen from now on: an audit hook cannot be taken out again."""
        judges = self._judges

        # A plain function and one look-up: every event of the interpreter comes along here.
        def hear(event: str, arguments: Arguments) -> None:
            judge = judges.get(event)
            if judge is not None:
                judge(arguments)

        sys.addaudithook(hear)

    def _opened(self, arguments: Arguments) -> None:
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITING and isinstance(path, str | bytes):
            name = os.fsdecode(path)
            if name not in HARMLESS:
                self._judge("open", name)

    def _connected(self, arguments: Arguments) -> None:
        del arguments
        self._listen_to_databases()

    def _passed(self, arguments: Arguments) -> None:
        self._tell(str(arguments[0]))
        self._listen_to_databases()

    def _named(self, event: str) -> Callable[[Arguments], None]:
        def judge(arguments: Arguments) -> None:
            self._judge(event, arguments)

        return judge

    def _judge(self, event: str, target: object) -> None:
        effects = sys.modules.get("counterfoil.effects")
        inside = getattr(effects, "inside_effect", None)
        if inside is not None and inside() is not None:
            return
        line = self._product_line(sys._getframe(1))
        if line is not None:
            self._escaped(f"{event} of {_words(target)} at {line}")

    def _product_line(self, frame: FrameType | None) -> str | None:
        """Return the line of the product that this happens on; None if it is another's doing."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._product):
                if file.startswith(self._fakes):
                    return None
                place = file.removeprefix(self._product)
                return f"counterfoil/{place}:{frame.f_lineno} ({frame.f_code.co_name})"
            if file not in TELLING and (file.startswith(TESTS) or _is_pythons_own(frame.f_code)):
                return None
            frame = frame.f_back
        return None

    def _listen_to_databases(self) -> None:
        """Hear of commits as soon as SQLAlchemy is there; it is not loaded for this."""
        if not self._databases and "sqlalchemy.engine" in sys.modules:
            self._databases = True
            _tell_of_commits()


def product_folder() -> str | None:
    """Return the folder of the package as it is installed, without importing it."""
    spec = PathFinder.find_spec("counterfoil")
    locations = spec.submodule_search_locations if spec else None
    return next(iter(locations), None) if locations else None


def _is_pythons_own(code: CodeType) -> bool:
    """Whether Python does it by itself.

    An import writes a cache; the collector removes what a test left; the temporary folder is tried
    once in a process.
    """
    file = code.co_filename
    return (
        file.startswith("<frozen importlib")
        or file.endswith(f"{os.sep}weakref.py")
        or code.co_name == "_get_default_tempdir"
    )


def _words(target: object) -> str:
    values = target if isinstance(target, tuple) else (target,)
    return " ".join(str(value) for value in values if value is not None and value != -1)[:300]


def _tell_of_commits() -> None:
    """Let the interpreter's hooks hear of each commit that makes a change durable."""
    from sqlalchemy import Connection, Engine, event  # noqa: PLC0415 -- loaded by now

    key = "counterfoil.changed"

    def executed(connection: Connection, *arguments: object) -> None:
        statement = str(arguments[1]).lstrip().upper()
        if statement.startswith(CHANGES) or (
            statement.startswith("WITH") and any(word in statement for word in CHANGES[:3])
        ):
            connection.info[key] = True

    def committed(connection: Connection) -> None:
        if connection.info.pop(key, False):
            sys.audit(COMMIT, str(connection.engine.url))

    def undone(connection: Connection) -> None:
        if not connection.invalidated:
            connection.info.pop(key, None)

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    event.listen(Engine, "rollback", undone)

"""Files on disk: the lock, the state of a file, and its atomic replacement.

A file is replaced by writing a dot file beside it, fsync, rename, fsync of the folder. Killed at
any point, the file is the old one or the new one; a dot file left behind is swept by the next run,
which holds the lock and so knows that nobody is writing it. The next run also settles what the dead
one left: a name that it sees may not be on the disk yet, and a power cut would take it back. What
the bytes mean is left to others.
Writing blocks the event loop on purpose: a cancelled task must not leave a thread behind that still
writes after the lock is gone.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from counterfoil.effects import effect

__all__ = ["Folder", "Lock", "Stamp", "stamp"]

RETRY = 0.05
"""Seconds between two attempts at a lock that another process holds."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another without reading it."""

    modified: int
    size: int
    inode: int


def stamp(path: Path) -> Stamp | None:
    """Return a file's stamp, or None if there is no such file."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Stamp(status.st_mtime_ns, status.st_size, status.st_ino)


class Lock:
    """A kernel lock on a file, held by this process alone; it dies with the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock file's path; its folder must exist when the lock is taken."""
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    async def acquire(self, patience: float) -> bool:
        """Try for so many seconds; False if another process kept the lock all that time."""
        end = time.monotonic() + patience
        while not self._try():
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(RETRY)
        return True

    def release(self) -> None:
        """Give the lock back; the file stays, as others may be waiting on it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self) -> bool:
        with effect("beancount.lock", str(self.path)):
            # Python opens files close-on-exec: a child that is started never holds the lock.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                    return False
                raise
            # Somebody may have deleted the file in between: then others lock another one.
            if stamp(self.path) is None or self.path.stat().st_ino != os.fstat(descriptor).st_ino:
                os.close(descriptor)
                return False
            self._descriptor = descriptor
            return True


class Folder:
    """Atomic writing for one target; ``target`` keeps its dot files apart from another's."""

    def __init__(self, target: str) -> None:
        """Take the path of the target's main file."""
        self._top = Path(target).parent
        self.mark = hashlib.sha256(target.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        """Tells this target from others in names of files."""
        self._suffix = f".{self.mark}.counterfoil-tmp"
        self._swept: set[Path] = set()
        self._settled: set[Path] = set()

    def stage(self, path: Path, content: bytes) -> Path:
        """Write the new content beside the file and make it durable; the file stays as it is."""
        self.make(path.parent)
        staged = path.parent / f".{secrets.token_hex(4)}{self._suffix}"
        with effect("beancount.write", str(path)):
            try:
                _write(staged, content, like=path)
            except BaseException:
                with suppress(OSError):
                    staged.unlink()
                raise
        return staged

    def discard(self, staged: Path) -> None:
        """Remove what was staged and is not wanted any more."""
        with effect("beancount.discard", str(staged)), suppress(OSError):
            staged.unlink()

    def commit(self, staged: Path, path: Path) -> Stamp:
        """Put the staged content in the file's place, durably; return the new file's stamp."""
        self.place(staged, path)
        self.sync(path.parent)
        replaced = stamp(path)
        if replaced is None:
            raise FileNotFoundError(errno.ENOENT, "vanished after it was written", str(path))
        return replaced

    def place(self, staged: Path, path: Path) -> None:
        """Put the staged content in the file's place; not durable before ``sync`` of its folder."""
        with effect("beancount.replace", str(path)):
            staged.replace(path)

    def replace(self, path: Path, content: bytes) -> Stamp:
        """Replace a file (or make it) in one step."""
        staged = self.stage(path, content)
        try:
            return self.commit(staged, path)
        except OSError:
            self.discard(staged)
            raise

    def make(self, folder: Path) -> None:
        """Make a folder durably, and sweep what a dead run left in it."""
        if not folder.is_dir():
            self.make(folder.parent)
            with effect("beancount.make_folder", str(folder)):
                folder.mkdir(exist_ok=True)
            self.sync(folder.parent)
        if folder not in self._swept:
            self._swept.add(folder)
            self._sweep(folder)

    def settle(self, folder: Path) -> None:
        """Make durable what a dead run left in a folder of ours, and the way to it.

        That is done once, and again after it failed.
        """
        for each in (folder, *folder.parents):
            if each not in self._settled:
                # One that cannot be opened was not made by us: a new one's parent is synced.
                with suppress(PermissionError):
                    self.sync(each)
                self._settled.add(each)
            if self._top.is_relative_to(each):
                return

    def _sweep(self, folder: Path) -> None:
        for leftover in list(folder.glob(f".*{self._suffix}")):
            self.discard(leftover)

    def sync(self, folder: Path) -> None:
        """Make durable what the folder holds by which name."""
        try:
            self._sync(folder)
        except OSError:
            self._settled.discard(folder)
            raise

    def _sync(self, folder: Path) -> None:
        with effect("beancount.sync_folder", str(folder)):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _write(path: Path, content: bytes, like: Path) -> None:
    """Write a new file, durably, with the mode and owner of the one it will replace."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        with suppress(FileNotFoundError):
            _keep_ownership(descriptor, like.stat())
        os.fsync(descriptor)


def _keep_ownership(descriptor: int, before: os.stat_result) -> None:
    os.fchmod(descriptor, before.st_mode & 0o7777)
    with suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)

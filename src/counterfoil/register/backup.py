"""A copy of a register in a file, made while it is in use; PostgreSQL has tools of its own."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError

__all__ = ["BackupFailed", "back_up"]


class BackupFailed(CounterfoilError):
    """The register could not be copied; an older copy, if there was one, is as it was."""


def back_up(source: Path, copy: Path) -> int:
    """Copy a register's file, as of one moment, to a new file; return its size in bytes.

    The copy is whole and durable before it takes the place of an older one, and only its owner may
    read it. Raises BackupFailed. Source: SQLite, "Online Backup API".
    """
    staged = copy.with_name(f".{copy.name}.{os.getpid()}")
    with effect("register.back_up", str(copy)):
        try:
            staged.unlink(missing_ok=True)
            os.close(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _copy(source, staged)
            size = staged.stat().st_size
            staged.replace(copy)
            _sync(copy.parent)
        except (OSError, sqlite3.Error) as error:
            staged.unlink(missing_ok=True)
            raise BackupFailed(
                f"The register {source} could not be copied to {copy}: {error}. Nothing was "
                "changed; name a place that can be written and has room for it"
            ) from error
    return size


def _copy(source: Path, staged: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as register,
        closing(sqlite3.connect(staged)) as into,
    ):
        register.backup(into)
        into.execute("PRAGMA journal_mode=DELETE")
        (verdict,) = into.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged ({verdict})")
    _sync(staged)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Wrong engines: the bugs in writing a ledger's files, which a power cut brings to light."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from counterfoil.systems.beancount import files
from counterfoil.systems.beancount.files import Folder
from counterfoil.systems.beancount.months import Months
from counterfoil.systems.beancount.sources import Watch

__all__ = ["ABOUT_FILES"]


def write_without_fsync(patch: pytest.MonkeyPatch) -> None:
    """Put a file in place whose content may still be in memory only."""

    def write(path: Path, content: bytes, like: Path) -> None:
        del like
        with path.open("xb") as file:
            file.write(content)

    patch.setattr(files, "_write", write)


def rename_without_fsync(patch: pytest.MonkeyPatch) -> None:
    """Believe a file in its place before the folder knows of it on the disk."""
    patch.setattr(Folder, "sync", lambda *_: None)


def write_in_place(patch: pytest.MonkeyPatch) -> None:
    """Write over the old content of a file."""

    def place(self: Folder, staged: Path, path: Path) -> None:
        del self
        path.write_bytes(staged.read_bytes())
        staged.unlink()

    patch.setattr(Folder, "place", place)


def include_after_the_entries(patch: pytest.MonkeyPatch) -> None:
    """Write entries, then the line that lets the ledger find them."""
    prepare, right = Months._prepare, Months.write

    def write(self: Months, contents: Mapping[Path, bytes], watch: Watch) -> None:
        right(self, contents, watch)
        prepare(self, watch)

    patch.setattr(Months, "_prepare", lambda *_: None)
    patch.setattr(Months, "write", write)


ABOUT_FILES = (
    write_without_fsync,
    rename_without_fsync,
    write_in_place,
    include_after_the_entries,
)

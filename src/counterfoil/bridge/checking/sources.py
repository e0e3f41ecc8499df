"""The files that a check reads, as text; what is no text, too large or somebody else's is said."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from counterfoil.bridge.checking.findings import Skipped

__all__ = ["Source", "read_sources"]

LARGEST = 2 * 1024 * 1024
LOOKED_AT = 8192
OTHERS = frozenset(
    {
        ".git",
        ".hg",
        ".idea",
        ".mypy_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "bower_components",
        "node_modules",
        "site-packages",
        "vendor",
        "venv",
    }
)
"""Folders of tools and of other people's code."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name as it is told, and its lines."""

    name: str
    lines: tuple[str, ...]


def read_sources(path: Path) -> tuple[list[Source], list[Skipped]]:
    """Read a file, or every file below a folder in the order of their names."""
    sources: list[Source] = []
    skipped: list[Skipped] = []
    for file in _files(path, skipped):
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        try:
            sources.append(Source(name, _lines(file)))
        except OSError as error:
            skipped.append(Skipped(name, f"cannot be read ({error.strerror})"))
        except ValueError as error:
            skipped.append(Skipped(name, str(error)))
    return sources, skipped


def _files(path: Path, skipped: list[Skipped]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        for name in sorted({*names} & OTHERS):
            told = str((Path(folder) / name).relative_to(path))
            skipped.append(Skipped(told, "a folder of tools or of other people's code"))
        names[:] = sorted({*names} - OTHERS)
        yield from (Path(folder) / name for name in sorted(files))


def _lines(file: Path) -> tuple[str, ...]:
    """Read a text file; raises ValueError for what is none, and for one that is too large."""
    if not file.is_file():
        raise ValueError("is no regular file")
    size = file.stat().st_size
    if size > LARGEST:
        raise ValueError(f"is too large ({size} bytes; {LARGEST} are read at most)")
    data = file.read_bytes()
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if encoding is None and b"\0" in data[:LOOKED_AT]:
        raise ValueError("is binary")
    return tuple(data.decode(encoding or "utf-8", "replace").splitlines())

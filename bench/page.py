"""Shows the figures: on the terminal, and in the documentation between two markers."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.figures import Row

__all__ = ["as_markdown", "as_text", "circumstances", "write_between_markers"]

BEGIN = "<!-- figures: written by the bench -->"
END = "<!-- end of figures -->"


def circumstances(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Say when, where and with what was measured; ask before measuring, for the load's sake."""
    yield "date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield "machine", f"{os.cpu_count()} of {_processor()}, {_memory()}, {platform.system()}"
    yield "load before", " ".join(f"{load:.1f}" for load in os.getloadavg())
    packages = ("counterfoil", "beancount", "httpx", "pydantic", "sqlalchemy")
    yield (
        "versions",
        ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in packages),
                f"SQLite {sqlite3.sqlite_version}",
            ]
        ),
    )
    yield "command", shlex.join(["python", "bench/run.py", *arguments])


def as_text(heads: Sequence[tuple[str, str]], rows: Sequence[Row]) -> str:
    """Return lines of equal columns."""
    widths = [max(len(text) for text in column) for column in zip(*_cells(rows), strict=True)]
    lines = [f"{name}: {value}" for name, value in heads]
    for cells in _cells(rows):
        padded = (text.ljust(width) for text, width in zip(cells, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines) + "\n"


def as_markdown(heads: Sequence[tuple[str, str]], rows: Sequence[Row]) -> str:
    """Return a table, with the circumstances above it."""
    lines = [f"- {name}: {value}" for name, value in heads]
    lines += ["", "| what | figure | target | |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(cells)} |" for cells in _cells(rows)]
    return "\n".join(lines) + "\n"


def write_between_markers(page: Path, text: str) -> None:
    """Replace what stands between the markers of a page; its prose stays as it is."""
    before = page.read_text(encoding="utf-8")
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} lacks the lines {BEGIN} and {END}")
    page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")


def _cells(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    return [(row.what, row.figure, row.target, row.verdict) for row in rows]


def _processor() -> str:
    """Name the processor, where the machine tells."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.0f} GB"

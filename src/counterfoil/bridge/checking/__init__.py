"""What a program uses of the old Expenses API, read from its source or from recorded JSON.

The source is read as text, whatever its language. A word counts where it stands as code: a quoted
key, an attribute, a field of a type, a URL; and only in a file that shows that it speaks to Pleo.
"""

from __future__ import annotations

from pathlib import Path

from counterfoil.bridge.checking.findings import Place, Report, Skipped, Use, gather
from counterfoil.bridge.checking.scan import scan
from counterfoil.bridge.checking.sources import read_sources

__all__ = ["Place", "Report", "Skipped", "Use", "check_path"]


def check_path(path: Path) -> Report:
    """Check a file, or every file below a folder; what is not read is said in ``skipped``."""
    sources, skipped = read_sources(path)
    hits = [hit for source in sources for hit in scan(source)]
    return Report(str(path), len(sources), gather(hits), tuple(skipped))

"""The secrets that the options refer to, read when Tryton is entered."""

from __future__ import annotations

import os
from pathlib import Path

from counterfoil.errors import JobFailureType
from counterfoil.systems.tryton.exchange import not_ready

__all__ = ["secret"]


def secret(reference: str, base: Path) -> str:
    """Return what ``env:NAME`` or ``file:PATH`` refers to; raises BooksNotReady.

    A relative path is relative to ``base``, the configuration's folder.
    """
    form, _, rest = reference.partition(":")
    try:
        found = os.environ.get(rest) if form == "env" else (base / rest).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise not_ready(f"The file {rest} with Tryton's secret cannot be read: {error}.") from error
    if not found or not found.strip():
        raise not_ready(
            f"{reference} is empty or not set, and Tryton is entered with it: set it.",
            JobFailureType.MISSING_CONFIGURATION,
        )
    return found.strip()

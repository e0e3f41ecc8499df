"""What the command's exit codes mean."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """How a command ended; items that failed are outcomes, and count with ``--strict`` only."""

    DONE = 0
    NOT_DONE = 1
    USAGE = 2
    ITEMS_FAILED = 3

"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from counterfoil.errors import JobFailureType

__all__ = ["Finding", "Verdict", "right", "warning", "wrong"]


class Verdict(StrEnum):
    """How a check ended."""

    RIGHT = "right"
    WARNING = "warning"
    """A job works, but some of its items may fail, or somebody may read what is secret."""
    WRONG = "wrong"
    """A job would fail, or none would be begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was looked at, how it ended, and what to do where it is not right."""

    check: str
    verdict: Verdict
    message: str
    connection: str | None = None
    """None for what all connections share."""
    failure_type: JobFailureType | None = None
    """What Pleo would be told, where a job would fail for it."""

    @property
    def passed(self) -> bool:
        """Whether a job would work, as far as this goes."""
        return self.verdict is not Verdict.WRONG


def right(check: str, message: str) -> Finding:
    """Say that all is well."""
    return Finding(check=check, verdict=Verdict.RIGHT, message=message)


def warning(check: str, message: str) -> Finding:
    """Say what may go wrong, and the remedy."""
    return Finding(check=check, verdict=Verdict.WARNING, message=message)


def wrong(check: str, message: str, failure_type: JobFailureType | None = None) -> Finding:
    """Say what is wrong, and the remedy."""
    return Finding(check=check, verdict=Verdict.WRONG, message=message, failure_type=failure_type)

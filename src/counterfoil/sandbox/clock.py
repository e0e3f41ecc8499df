"""The sandbox's clock: real time, or any other time you move it to; whole seconds, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "stamp"]


class Clock:
    """Tells the time in whole seconds, UTC; ``advance`` moves it, and it ticks on from there."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        """Start at the real time plus an offset."""
        self.offset = offset

    def now(self) -> datetime:
        """Return the sandbox's time, aware, without fractions of a second."""
        return (datetime.now(UTC) + self.offset).replace(microsecond=0)

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward (or back) and return the new time."""
        self.offset += by
        return self.now()


def stamp(at: datetime) -> str:
    """Write a time as Pleo does: ``2026-04-13T14:36:50Z``."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"

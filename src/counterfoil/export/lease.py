"""How long a job is still ours: Pleo lets it expire some time after its last update."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["Lease"]

STOP_WRITING = timedelta(minutes=5)
STOP_RETRYING = timedelta(minutes=10)


class Lease:
    """Counts down from the last update that Pleo accepted, by our clock."""

    def __init__(self) -> None:
        """Nothing is held yet."""
        self._seconds = timedelta(hours=1)
        self._until: datetime | None = None

    def start(self, *, expires_in: int, updated_at: datetime) -> None:
        """Hold a job that was updated then, by our clock, and lives so many seconds after that."""
        self._seconds = timedelta(seconds=expires_in)
        self._until = updated_at + self._seconds

    def renew(self, now: datetime) -> None:
        """Pleo accepted an update sent at this time."""
        self._until = now + self._seconds

    def may_write(self, now: datetime) -> bool:
        """Whether there is time to write something new and to report it."""
        return self.left(now) > STOP_WRITING

    def may_retry(self, now: datetime) -> bool:
        """Whether there is time to wait for an accounting system that failed."""
        return self.left(now) > STOP_RETRYING

    @property
    def life(self) -> timedelta:
        """How long Pleo lets the job live after an update."""
        return self._seconds

    def left(self, now: datetime) -> timedelta:
        """Return how long the job is still ours; nothing or less once it has expired."""
        return timedelta(0) if self._until is None else self._until - now

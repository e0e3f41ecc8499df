"""When a GET or PUT is sent again: no clear answer, a torn body, or Pleo asking us to wait.

The waiting itself is stamina's (exponential, with jitter); a Retry-After goes before it, capped,
unless whoever sends waits for its turn anyway (``limits``). Where it is longer than a request may
wait at all, the caller is told at once.
Events and POST are never sent again, by anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from stamina import AsyncRetryingCaller

from counterfoil.limits import PATIENCE, heeded
from counterfoil.pleo.errors import PleoMalformed, PleoRateLimited, PleoUnanswered
from counterfoil.telemetry import noting_retries

__all__ = ["Retries"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how long (seconds) a GET or PUT is tried: about 5 times over 20 seconds.

    ``retry_after_max`` caps what Pleo may ask us to wait; after ``total`` no new try begins.
    """

    attempts: int = 5
    wait_initial: float = 1.0
    wait_max: float = 10.0
    jitter: float = 1.0
    retry_after_max: float = 60.0
    total: float = 180.0

    async def run(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Await ``ask`` until it answers clearly; raises its last error."""
        caller = AsyncRetryingCaller(
            attempts=self.attempts,
            timeout=self.total,
            wait_initial=self.wait_initial,
            wait_max=self.wait_max,
            wait_jitter=self.jitter,
        )
        return await caller(self._pause, noting_retries("pleo", ask))

    def _pause(self, error: Exception) -> bool | float:
        """Say whether an error is worth another try, or how many seconds Pleo asks for."""
        match error:
            case (
                PleoUnanswered(retry_after=float(seconds))
                | PleoRateLimited(retry_after=float(seconds))
            ):
                if seconds > PATIENCE:
                    return False
                return 0.0 if heeded(error.status) else min(seconds, self.retry_after_max)
            case PleoUnanswered() | PleoRateLimited() | PleoMalformed(torn=True):
                return True
        return False

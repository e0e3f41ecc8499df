"""Notes webhooks durably, off the event loop: whatever waits is one transaction.

A storm costs no more commits than the register can take, and no more memory than ``LIMIT`` notes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.register import Delivery
    from counterfoil.register.wakeups import Wakeups

__all__ = ["Notes", "TooBusy"]

BATCH: Final = 500
"""The most deliveries noted in one transaction."""
LIMIT: Final = 2000
"""The most that wait; what comes then is refused, and the sender sends it again."""


class TooBusy(CounterfoilError):
    """More webhooks wait to be noted than are held in memory."""


class Notes:
    """Deliveries on their way into the register."""

    def __init__(self, wakeups: Wakeups) -> None:
        """Take where they are noted."""
        self._wakeups = wakeups
        self._waiting: list[tuple[Delivery, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def note(self, delivery: Delivery) -> bool:
        """Return whether a delivery is new, when it is durable.

        Raises TooBusy, and RegisterUnavailable.
        """
        if len(self._waiting) >= LIMIT:
            raise TooBusy(f"{LIMIT} webhooks wait to be noted")
        noted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, noted))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await noted

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                new = await asyncio.to_thread(self._heard, [delivery for delivery, _ in batch])
            except Exception as error:  # noqa: BLE001 -- each that waits for it is told
                _answer(batch, [error] * len(batch))
            else:
                _answer(batch, new)

    def _heard(self, deliveries: Sequence[Delivery]) -> list[bool]:
        return self._wakeups.heard(deliveries, now=datetime.now(UTC))


def _answer(
    batch: Sequence[tuple[Delivery, asyncio.Future[bool]]], results: Sequence[bool | Exception]
) -> None:
    for (_, noted), result in zip(batch, results, strict=True):
        if noted.done():  # whoever waited for it is gone
            continue
        if isinstance(result, Exception):
            noted.set_exception(result)
        else:
            noted.set_result(result)

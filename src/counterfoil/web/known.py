"""Which subscription a webhook's URL belongs to: the register's, read again once in a while.

A storm costs one reading a second, also one of URLs that are nobody's. Only the subscription that a
URL belongs to is unsealed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from counterfoil.register import RegisterUnavailable
from counterfoil.register.webhooks import hash_of

if TYPE_CHECKING:
    from counterfoil.register.webhooks import Subscription, Subscriptions

__all__ = ["Known"]

FRESH_SECONDS: Final = 1.0
"""So long a removed subscription may still be accepted."""
MISSED_SECONDS: Final = 0.1
"""So soon after a reading a URL that was not in it is nobody's."""
TOLD_EVERY: Final = timedelta(minutes=1)


class Known:
    """Our subscriptions, by the tokens in their URLs."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        """Take where they are kept."""
        self._kept = subscriptions
        self._by_hash: Mapping[str, Callable[[], Subscription]] = {}
        self._read_at = self._failed_at = float("-inf")
        self._failure = ""
        self._reading = asyncio.Lock()
        self._told: dict[str, datetime] = {}

    async def find(self, token: str) -> Subscription | None:
        """Return the subscription with this token; raises RegisterUnavailable, SealBroken."""
        key = hash_of(token)
        await self._read(FRESH_SECONDS)
        if key not in self._by_hash:
            await self._read(MISSED_SECONDS)
        opened = self._by_hash.get(key)
        return None if opened is None else opened()

    async def delivered(self, subscription: Subscription) -> None:
        """Note that it delivered, once a minute at most."""
        now = datetime.now(UTC)
        key = subscription.token_hash
        last = self._told.get(key) or subscription.heard_at
        if last is None or now - last > TOLD_EVERY:
            self._told[key] = now
            try:
                await asyncio.to_thread(self._kept.delivered, subscription.subscription_id, now=now)
            except BaseException:
                self._told.pop(key, None)
                raise

    async def _read(self, age: float) -> None:
        if time.monotonic() - self._read_at < age:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < age:
                return
            # Where nothing answers, to fail takes time: whoever waited for that is told the same.
            if time.monotonic() - self._failed_at < FRESH_SECONDS:
                raise RegisterUnavailable(self._failure)
            try:
                found = await asyncio.to_thread(self._kept.sealed)
            except RegisterUnavailable as error:
                self._failure, self._failed_at = str(error), time.monotonic()
                raise
            self._by_hash = found
            self._read_at = time.monotonic()
            self._told = {key: at for key, at in self._told.items() if key in found}

"""Sends webhooks to whoever subscribed: signed as Standard Webhooks has it, again until taken.

Pleo does not say how often it tries; here it is as the standard suggests, and ``retry_after`` may
be set. A delivery is taken when it is answered 2xx in time. A thread of its own does the work,
which begins with the first webhook. What may go wrong on purpose is ``kinds``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING

import httpx
from standardwebhooks.webhooks import Webhook

from counterfoil.effects import effect
from counterfoil.sandbox.hooks import EVENTS, new_secret
from counterfoil.sandbox.kinds import Kind
from counterfoil.sandbox.model import Item, Job, encode

if TYPE_CHECKING:
    from counterfoil.sandbox.hooks import Hook
    from counterfoil.sandbox.state import State

__all__ = ["RETRY_AFTER", "Outbox"]

THREAD_NAME = "counterfoil-sandbox-webhooks"
RETRY_AFTER = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds before each further try."""
ANSWER_SECONDS = 15.0
AT_ONCE = 50
"""So many deliveries are under way at a time."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event on its way to one subscription."""

    id: str
    hook: Hook
    event_type: str
    job_id: str | None
    body: bytes


class _Cut(Exception):
    """Cuts a connection in the middle of a body."""


class Outbox:
    """One sandbox's webhooks on their way."""

    def __init__(self, state: State) -> None:
        """Take whose they are; nothing is started yet."""
        self.retry_after: Sequence[float] = RETRY_AFTER
        self._state = state
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._starting = Lock()
        self._under_way: set[Future[None]] = set()

    def tell_of_job(self, job: Job) -> int:
        """Send that a job was created, with fewer data than the job has; return to how many."""
        shown = job.as_json()
        names = ("companyId", "createdAt", "createdBy", "expiresIn", "id", "numberOfItems")
        data = {name: shown[name] for name in names} | {"status": "pending"}
        return self.tell(EVENTS[0], job.company_id, data, job_id=job.id)

    def tell(self, event_type: str, company_id: str, data: Item, *, job_id: str | None) -> int:
        """Send an event to all who want it; return to how many."""
        wanting = [
            hook for hook in self._state.hooks.values() if hook.wants(event_type, company_id)
        ]
        for hook in wanting:
            event = {"data": data, "eventId": self._state.new_id(), "eventType": event_type}
            number = self._state.new_id().replace("-", "")
            self._start(Message(f"msg_{number}", hook, event_type, job_id, encode(event)))
        return len(wanting)

    def close(self) -> None:
        """Stop sending; what was not taken yet is forgotten."""
        with self._starting:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _start(self, message: Message) -> None:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._turn = asyncio.Semaphore(AT_ONCE)
                self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS)
                run = (self._loop, self._client)
                self._thread = Thread(target=_run, args=run, name=THREAD_NAME, daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(self._deliver(message), self._loop)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)

    async def _deliver(self, message: Message) -> None:
        """Send a message until it is taken, or nothing is left to try."""
        for pause in (0.0, *self.retry_after):
            await asyncio.sleep(pause)
            if message.hook.id not in self._state.hooks:
                return
            struck = self._struck(message)
            if Kind.WEBHOOK_NEVER in struck:
                return
            await asyncio.sleep(struck.get(Kind.WEBHOOK_LATE, 0.0))
            if await self._send(message, struck):
                if Kind.WEBHOOK_TWICE in struck:
                    await self._send(message, {})
                return

    def _struck(self, message: Message) -> dict[Kind, float]:
        """Return the faults that strike a sending, each with its value."""
        with self._state.lock:
            striking = [fault for fault in self._state.faults if fault.strikes_webhook()]
            for fault in striking:
                self._state.note("fault", value=str(fault.kind), job_id=message.job_id)
        return {fault.kind: fault.value for fault in striking}

    async def _send(self, message: Message, struck: dict[Kind, float]) -> bool:
        """Send once; tell whether it was taken."""
        secret = new_secret() if Kind.WEBHOOK_FORGED in struck else message.hook.secret
        headers = _signed(message, secret) | (message.hook.custom_headers or {})
        torn = Kind.WEBHOOK_TORN in struck
        status = 0
        with suppress(httpx.HTTPError, _Cut):
            async with self._turn:
                with effect("sandbox.webhook", message.hook.endpoint_url):
                    answer = await self._client.post(
                        message.hook.endpoint_url,
                        content=_halved(message.body) if torn else message.body,
                        headers=headers | {"Content-Length": str(len(message.body))},
                        auth=_auth(message.hook),
                    )
                status = answer.status_code
        with self._state.lock:
            self._state.note(
                "webhook",
                value=message.event_type,
                job_id=message.job_id,
                path=message.hook.endpoint_url,
                status=status,
            )
        return 200 <= status < 300  # noqa: PLR2004 -- HTTP's own


def _run(loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient) -> None:
    """Run a loop until it is stopped, and leave nothing of it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(client.aclose())
    finally:
        loop.close()


def _signed(message: Message, secret: str) -> dict[str, str]:
    """Sign a message as it is sent now, by the real clock: whoever checks it has no other."""
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(message.id, now, message.body.decode())
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def _auth(hook: Hook) -> httpx.Auth:
    auth = hook.endpoint_auth or {}
    if auth.get("type") != "BASIC":
        return httpx.Auth()
    return httpx.BasicAuth(auth["credentials"]["username"], auth["credentials"]["password"])


async def _halved(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise _Cut

"""Time that passes at once: an event loop whose waiting takes no time, and clocks that follow it.

Everything that waits on the loop (``asyncio.sleep``, timeouts, retries, a slow sandbox) waits in
virtual time, in the right order, so a story of hours runs in milliseconds and always the same way::

    with VirtualLoop() as loop:
        clock = VirtualClock(loop)
        loop.run_until_complete(clock.sleep(3600))
        assert clock.now() == START + timedelta(hours=1)

Only what happens inside the process can be waited for: no sockets, threads or child processes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from counterfoil.sandbox.clock import Clock

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["START", "NothingToWaitFor", "SandboxTime", "VirtualClock", "VirtualLoop"]

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
"""When virtual time begins."""


class NothingToWaitFor(Exception):
    """All that is left waits for something that nobody will do: it would wait for ever."""


class _Jump(selectors.BaseSelector):
    """Lets the loop's time jump to the next timer whenever nothing is ready."""

    def __init__(self) -> None:
        """Start at second 0."""
        self.seconds = 0.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now; else move time on by the timeout."""
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise NothingToWaitFor("every task waits, and no timer will wake one")
        if not ready and timeout is not None:
            self.seconds += max(0.0, timeout)
        return ready

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> selectors.SelectorKey:
        """Watch a file, as the real selector does."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """Watch it no more."""
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        """Return what is watched."""
        return self._real.get_map()

    def close(self) -> None:
        """Let go of the real selector."""
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; a block closes it, and cancels what is left."""

    def __init__(self) -> None:
        """Begin at second 0."""
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the seconds of virtual time since the beginning."""
        return self._jump.seconds

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cancel every task, wait for their ends, and close."""
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()


class VirtualClock:
    """A machine's clock in virtual time; ``ahead`` is how wrong it goes."""

    def __init__(self, loop: VirtualLoop, ahead: timedelta = timedelta(0)) -> None:
        """Follow this loop."""
        self.ahead = ahead
        self._loop = loop

    def now(self) -> datetime:
        """Return what this machine takes for the time, UTC."""
        return START + timedelta(seconds=self._loop.time()) + self.ahead

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time; a clock that goes wrong does not change how long."""
        await asyncio.sleep(seconds)


class SandboxTime(Clock):
    """The sandbox's clock in virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        """Follow this loop."""
        super().__init__()
        self._loop = loop

    def now(self) -> datetime:
        """Return the sandbox's time in whole seconds, UTC."""
        passed = timedelta(seconds=self._loop.time())
        return (START + passed + self.offset).replace(microsecond=0)

"""What a process that works has around all it does: limits, people to tell, traces."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from counterfoil.limits import Limits, limited, on_behalf_of
from counterfoil.register import RegisterUnavailable
from counterfoil.runner.notifying import notifying
from counterfoil.runner.tracing import sending_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from counterfoil.config import Config
    from counterfoil.register import Register

__all__ = ["around", "working_for"]

log = structlog.get_logger(__name__)


@contextmanager
def around(config: Config, register: Register) -> Iterator[None]:
    """Keep the limits of this process, and tell people, while the block works."""

    def held(host: str, seconds: float) -> None:
        now = datetime.now(UTC)
        log.warning("a host asks us to wait", host=host, seconds=round(seconds))
        try:
            register.host_pauses.note(host, now + timedelta(seconds=seconds), now=now)
        except RegisterUnavailable as error:
            log.warning("other processes are not told of it", reason=str(error))

    limits = Limits(
        per_connection=config.limits.per_connection, per_host=config.limits.per_host, held=held
    )
    with sending_traces(os.environ), limited(limits), notifying(config.notify, register):
        yield


@contextmanager
def working_for(
    name: str, register: Register, stopping: Callable[[], bool] = bool
) -> Iterator[None]:
    """Work for one connection: as its own share of a rate, and minding what hosts told others.

    While it is ``stopping``, Pleo is not waited for.
    """
    with (
        structlog.contextvars.bound_contextvars(connection=name),
        on_behalf_of(name, stopping) as limits,
    ):
        if limits is not None:
            now = datetime.now(UTC)
            for host, until in register.host_pauses.now(now).items():
                limits.hold(host, (until - now).total_seconds())
        yield

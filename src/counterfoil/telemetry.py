"""What is told to whoever watches a process: what happened, to be counted, and spans of work.

Nobody watches unless somebody asks to: then this costs next to nothing. Labels and attributes are
names and ids, never a secret, an amount or the name of a person or a supplier. What is made of them
(metrics, traces) is left to ``counterfoil.runner``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

__all__ = ["Hear", "Trace", "hearing", "note", "noting_retries", "span", "tracing"]

T = TypeVar("T")

Hear: TypeAlias = Callable[[str, float, Mapping[str, str]], None]
"""Takes what happened, a number that belongs to it (1 to count it), and labels; raises nothing."""
Trace: TypeAlias = Callable[[str, Mapping[str, str]], AbstractContextManager[object]]
"""Takes a span's name and attributes, and gives what is entered for as long as it takes."""

_hearers: ContextVar[tuple[Hear, ...]] = ContextVar("hearers", default=())
_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def note(what: str, value: float = 1.0, /, **labels: str) -> None:
    """Tell those who listen that something happened."""
    for hear in _hearers.get():
        hear(what, value, labels)


def span(name: str, /, **attributes: str) -> AbstractContextManager[object]:
    """Give a context manager that stands for a piece of work, within the one under way."""
    trace = _trace.get()
    return nullcontext() if trace is None else trace(name, attributes)


@contextmanager
def hearing(hear: Hear) -> Iterator[None]:
    """Let somebody hear what happens in this context, and in the tasks and threads it starts."""
    token = _hearers.set((*_hearers.get(), hear))
    try:
        yield
    finally:
        _hearers.reset(token)


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Let somebody see the spans of this context, and of the tasks and threads it starts."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


def noting_retries(side: str, ask: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """Return the same call, which notes ``retry`` of a side each time but for the first."""
    tries = 0

    async def asked() -> T:
        nonlocal tries
        tries += 1
        if tries > 1:
            note("retry", side=side)
        return await ask()

    return asked

"""The one gate for every outside effect.

Whatever changes the world outside this process (a request to Pleo, a commit to the register,
a file replaced, a call to an ERP, a process started) happens inside ``with effect(name, target)``.
Here an effect can be seen, counted, delayed, failed, or the process killed before or after it.
What an effect does belongs to its caller; this module only announces it: to its observers, to
``telemetry`` as a span and as ``effect`` with how it ended, and to the interpreter's audit hooks as
``counterfoil.effect`` with the name and the target.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from counterfoil.telemetry import note, span

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Effect", "Observer", "effect", "inside_effect", "observe"]


@dataclass(frozen=True, slots=True)
class Effect:
    """An outside effect: its kind (``pleo.put_items``) and target (a path, a URL, an id)."""

    name: str
    target: str


class Observer(Protocol):
    """Sees each effect before and after it; an exception raised here takes the effect's place."""

    def before(self, effect: Effect, /) -> None:
        """See the effect before it happens; raising prevents it."""

    def after(self, effect: Effect, /) -> None:
        """See the effect after it happened without an error of its own."""


_observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())
_inside: ContextVar[Effect | None] = ContextVar("inside", default=None)


@contextmanager
def effect(name: str, target: str = "") -> Iterator[None]:
    """Announce one outside effect around the block that makes it."""
    announced = Effect(name, target)
    watching = _observers.get()
    for observer in watching:
        observer.before(announced)
    sys.audit("counterfoil.effect", name, target)
    token = _inside.set(announced)
    outcome = "failed"
    try:
        with span(name, target=target):
            yield
        outcome = "done"
    finally:
        _inside.reset(token)
        note("effect", name=name, outcome=outcome)
    for observer in watching:
        observer.after(announced)


def inside_effect() -> Effect | None:
    """Return the effect under way in this context, or None outside the gate."""
    return _inside.get()


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Let an observer see every effect of this context (and of the tasks it starts)."""
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)

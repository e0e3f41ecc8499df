"""An observer of effects that lets one go wrong: what an outside world does at that moment."""

from __future__ import annotations

from collections.abc import Callable

from counterfoil.effects import Effect

__all__ = ["First", "Instead"]


class Instead:
    """An error takes the place of effects of one name, the first so many times."""

    def __init__(self, name: str, error: BaseException, *, times: int = 1) -> None:
        """Take which effect, and what is raised instead."""
        self.name, self.error, self.times = name, error, times

    def before(self, effect: Effect) -> None:
        """Raise where the effect would begin."""
        if effect.name == self.name and self.times:
            self.times -= 1
            raise self.error

    def after(self, effect: Effect) -> None:
        """Nothing is of interest any more."""


class First:
    """Somebody else is quicker: something is done just before the first effect of one name."""

    def __init__(self, name: str, do: Callable[[], object]) -> None:
        """Take which effect, and what comes before it."""
        self.name, self.do, self.done = name, do, False

    def before(self, effect: Effect) -> None:
        """Do it where the effect would begin."""
        if effect.name == self.name and not self.done:
            self.done = True
            self.do()

    def after(self, effect: Effect) -> None:
        """Nothing is of interest any more."""

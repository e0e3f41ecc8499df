"""The kill sweep in memory: the process dies before and after each effect, and at each two of them.

Whatever a killed process would do next is of no matter to the next one: it gets what is durable at
that moment. So a run is filmed: before and after each effect, what is durable is kept. From each
such moment a new process starts, is filmed in turn, and from each of its moments a third one. That
is exactly what a kill leaves behind, and no ``finally`` of ours can tidy up behind it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import structlog

from counterfoil.effects import Effect, observe
from tests.reliability.desk import Desk, Durable

__all__ = [
    "Figures",
    "Moment",
    "Story",
    "effects_of",
    "quietly",
    "sweep_pairs",
    "sweep_restored",
    "sweep_singles",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which the process may be killed, and what is durable then."""

    when: str
    effect: Effect
    durable: Durable

    def __str__(self) -> str:
        return f"{self.when} {self.effect.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is done, and killed, and done again until it ends."""

    name: str
    begin: Callable[[], Awaitable[Desk]]
    """Makes the desk, up to the moment at which the process starts that is killed."""
    act: Callable[[Desk], Awaitable[None]] = Desk.run
    """What the process does, and what is done again after each kill."""
    between: Callable[[Desk], None] | None = None
    """What else happens after the last kill, before the next process starts."""
    again: Callable[[Desk], Awaitable[None]] | None = None
    """What is done after the last kill, where that is not what was killed."""
    judged: bool = True
    """Whether the run that is killed is judged, too; otherwise only what follows."""
    moments: Callable[[Moment], bool] = lambda _: True
    """At which moments the process is killed."""

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True, kw_only=True)
class Figures:
    """What a sweep did and found."""

    effects: int = 0
    points: int = 0
    pairs: int = 0
    runs: int = 0
    seconds: float = 0
    violations: list[str] = field(default_factory=list)

    @property
    def per_run(self) -> float:
        """How long a run took, in milliseconds."""
        return 1000 * self.seconds / max(1, self.runs)

    def add(self, other: Figures) -> None:
        """Put another sweep's figures to these."""
        self.effects += other.effects
        self.points += other.points
        self.pairs += other.pairs
        self.runs += other.runs
        self.seconds += other.seconds
        self.violations += other.violations

    def __str__(self) -> str:
        return (
            f"effects {self.effects}, points {self.points}, pairs {self.pairs}, "
            f"{self.runs} runs of {self.per_run:.1f} ms, violations {len(self.violations)}"
        )


class _Camera:
    """Keeps what is durable before and after each effect, and asks the oracle each time."""

    def __init__(self, desk: Desk) -> None:
        self.moments: list[Moment] = []
        self.sentences: list[str] = []
        self._desk = desk

    def before(self, effect: Effect) -> None:
        self._shoot("before", effect)

    def after(self, effect: Effect) -> None:
        self._shoot("after", effect)

    def _shoot(self, when: str, effect: Effect) -> None:
        moment = Moment(when, effect, self._desk.freeze())
        self.moments.append(moment)
        self.sentences += [f"{moment}: {each}" for each in self._desk.judge(ended=False)]


class _Sweep:
    """One story on one desk; what starts from an equal durable state is done once.

    Clocks stand still, and nothing else differs: an equal start has an equal end.
    """

    def __init__(self, desk: Desk, story: Story) -> None:
        self._desk = desk
        self._story = story
        self._ends: dict[bytes, list[str]] = {}
        self._films: dict[bytes, tuple[list[Moment], list[str]]] = {}
        self.runs = 0

    async def film(self, start: Durable) -> tuple[list[Moment], list[str]]:
        """Let a process run to its end; return each moment of it, and what was wrong at any."""
        if start.key not in self._films:
            self._desk.thaw(start)
            camera = _Camera(self._desk)
            with observe(camera):
                wrong = await self._do(self._story.act)
            sentences = [*camera.sentences, *wrong] if self._story.judged else []
            self._films[start.key] = camera.moments, sentences
        return self._films[start.key]

    async def end(self, start: Durable) -> list[str]:
        """Let a process run to its end; return what is wrong then."""
        if start.key not in self._ends:
            self._desk.thaw(start)
            if self._story.between is not None:
                self._story.between(self._desk)
            self._ends[start.key] = await self._do(self._story.again or self._story.act)
        return self._ends[start.key]

    async def _do(self, act: Callable[[Desk], Awaitable[None]]) -> list[str]:
        self.runs += 1
        try:
            await act(self._desk)
        except Exception as error:  # noqa: BLE001 -- whatever stops a run is a finding
            return [f"it stopped with {type(error).__name__}: {error}"]
        return self._desk.judge(ended=True)


async def effects_of(story: Story) -> set[str]:
    """Return the names of the effects that a story's process makes."""
    desk = await story.begin()
    moments, _ = await _Sweep(desk, story).film(desk.freeze())
    return {moment.effect.name for moment in moments}


async def sweep_singles(story: Story) -> Figures:
    """Kill at each moment, start again, and judge."""
    with _measured() as figures:
        desk = await story.begin()
        sweep = _Sweep(desk, story)
        moments, wrong = await sweep.film(desk.freeze())
        figures.violations += [f"{story.name}: {each}" for each in wrong]
        figures.effects = len(moments) // 2
        for moment in filter(story.moments, moments):
            figures.points += 1
            sentences = await sweep.end(moment.durable)
            figures.violations += [f"{story.name}: {moment}: {each}" for each in sentences]
        figures.runs = sweep.runs
    return figures


async def sweep_restored(story: Story) -> Figures:
    """Kill at each moment, put an older register back, start again, and judge."""
    with _measured() as figures:
        desk = await story.begin()
        sweep = _Sweep(desk, story)
        moments, _ = await sweep.film(desk.freeze())
        for number, moment in enumerate(moments):
            for earlier in {0, number // 3, 2 * number // 3}:
                older = moments[earlier]
                figures.points += 1
                start = replace(moment.durable, register=older.durable.register)
                figures.violations += [
                    f"{story.name}: {moment}, with the register as {older}: {each}"
                    for each in await sweep.end(start)
                ]
        figures.runs = sweep.runs
    return figures


async def sweep_pairs(story: Story, share: int = 0, shares: int = 1) -> Figures:
    """Kill at each moment, at each moment of the run that follows, start again, and judge.

    A share has some of the first kills, beside each other.
    """
    with _measured() as figures:
        desk = await story.begin()
        sweep = _Sweep(desk, story)
        moments, _ = await sweep.film(desk.freeze())
        begin, end = (len(moments) * each // shares for each in (share, share + 1))
        for first in moments[begin:end]:
            figures.points += 1
            seconds, wrong = await sweep.film(first.durable)
            figures.violations += [f"{story.name}: {first}: {each}" for each in wrong]
            figures.pairs += len(seconds)
            for second in seconds:
                sentences = await sweep.end(second.durable)
                figures.violations += [
                    f"{story.name}: {first}, then {second}: {each}" for each in sentences
                ]
        figures.effects = len(moments) // 2
        figures.runs = sweep.runs
    return figures


@contextmanager
def _measured() -> Iterator[Figures]:
    """Count the seconds."""
    figures = Figures()
    began = time.perf_counter()
    with quietly():
        yield figures
    figures.seconds = time.perf_counter() - began


@contextmanager
def quietly() -> Iterator[None]:
    """Log nothing: most runs here are stopped on purpose."""
    before = structlog.get_config()
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent, cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)

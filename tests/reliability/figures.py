"""Which planted bugs are caught by what; and how much is killed, in figures.

    python -m tests.reliability.figures

prints the sweeps' figures and what catches each wrong engine first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.reliability.planted import PLANTED, Plant
from tests.reliability.stories import ALL, PAIRED, TROUBLED
from tests.reliability.sweep import sweep_pairs, sweep_singles
from tests.reliability.trials import TRIALS, outcome_of
from tests.systems.powercut import first_violation

__all__ = ["caught_by", "caught_on_disk"]


async def caught_by(plant: Plant) -> str | None:
    """Return what catches a wrong engine first, in a sentence; None where it survives."""
    with _planted(plant):
        for trial in TRIALS:
            if wrong := await outcome_of(trial):
                return f"{trial.__name__.replace('_', ' ')}: {wrong[0]}"
        for story in ALL:
            if wrong := (await sweep_singles(story)).violations:
                return wrong[0]
    return None


async def caught_on_disk(plant: Plant, folder: Path) -> str | None:
    """Return what a power cut makes of a wrong engine first; None where it survives."""
    with _planted(plant):
        return await first_violation(folder) or None


@contextmanager
def _planted(plant: Plant) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        yield


async def _print_all() -> None:
    for story in (*ALL, *TROUBLED):
        print(f"{story}, killed once: {await sweep_singles(story)}")  # noqa: T201 -- this program's output
    for story in PAIRED:
        print(f"{story}, killed twice: {await sweep_pairs(story)}")  # noqa: T201 -- this program's output
    for plant in PLANTED:
        print(f"{plant.__name__} - {await caught_by(plant)}")  # noqa: T201 -- this program's output


if __name__ == "__main__":
    asyncio.run(_print_all())

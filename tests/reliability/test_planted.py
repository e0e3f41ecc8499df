"""Each planted bug is caught, and the right engine passes all that catches them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.reliability.figures import caught_by, caught_on_disk
from tests.reliability.planted import PLANTED, Plant
from tests.reliability.planted_files import ABOUT_FILES
from tests.reliability.trials import TRIALS, Trial, outcome_of

pytestmark = [pytest.mark.slow, pytest.mark.reliability, pytest.mark.timeout(300)]

Record: TypeAlias = "Callable[[str, int], None]"


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
async def test_the_right_engine_passes(trial: Trial) -> None:
    """It passes the sweeps, too: see ``test_sweep``."""
    assert await outcome_of(trial) == []


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
async def test_a_wrong_engine_is_caught(plant: Plant, record_property: Record) -> None:
    _tell(plant, await caught_by(plant), record_property)


@pytest.mark.parametrize("plant", ABOUT_FILES, ids=lambda plant: plant.__name__)
async def test_a_careless_writer_of_files_is_caught(
    tmp_path: Path, plant: Plant, record_property: Record
) -> None:
    _tell(plant, await caught_on_disk(plant, tmp_path), record_property)


def _tell(plant: Plant, caught: str | None, record_property: Record) -> None:
    record_property("planted", 1)
    record_property("caught", int(caught is not None))
    assert caught is not None, f"survived: {plant.__doc__}"

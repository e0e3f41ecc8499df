"""A disk that is full at any point: the ledger parses, nothing is torn, the next run mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.systems.powercut import Cuts, booking, changing, three_entries
from tests.systems.remembering import remembered_answers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("what", ["booking", "changing"])
async def test_wherever_the_disk_is_full_nothing_is_lost(tmp_path: Path, what: str) -> None:
    booked = booking(three_entries(tmp_path))
    cuts = Cuts(tmp_path / "books", booked)
    if what == "changing":
        cuts = Cuts(tmp_path / "books", changing(tmp_path), before=booked)
    with remembered_answers():
        while (wrong := await cuts.violations_when_full(cuts.tried)) is not None:
            assert wrong == []
    assert cuts.tried > 25

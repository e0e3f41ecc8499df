"""After a power cut the ledger parses, each file is old or new, and the next run mends it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.effects import Effect, observe
from counterfoil.systems.contract import BooksNotReady, Unknown
from tests.reliability.crashing import Recording, drawn, states
from tests.systems.ledgers import COFFEE, LedgerFolder, entry, look_up
from tests.systems.powercut import Cuts, booking, changing, three_entries
from tests.systems.remembering import remembered_answers

pytestmark = [pytest.mark.slow, pytest.mark.reliability, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _remembered() -> Iterator[None]:
    with remembered_answers():
        yield


async def test_a_booking_survives_a_power_cut_at_any_step(
    tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    cuts = Cuts(tmp_path / "books", booking(three_entries(tmp_path)))
    assert [wrong async for wrong in cuts.violations()] == []
    record_property("power cuts", cuts.tried)
    assert cuts.tried > 25


async def test_a_change_survives_a_power_cut_at_any_step(
    tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    booked = booking(three_entries(tmp_path))
    cuts = Cuts(tmp_path / "books", changing(tmp_path), before=booked)
    assert [wrong async for wrong in cuts.violations()] == []
    record_property("power cuts", cuts.tried)
    assert cuts.tried > 25


SHARES = 3


@pytest.mark.parametrize("share", range(SHARES))
async def test_what_a_killed_run_left_is_durable_before_it_counts_as_booked(
    tmp_path: Path, share: int
) -> None:
    """The process is killed; the next one sees what is not durable yet; then the power fails."""
    cuts = Cuts(tmp_path / "books", booking(three_entries(tmp_path)))
    number = share
    while (wrong := await cuts.violations_when_killed(number)) is not None:
        assert wrong == [], f"killed before effect {number}"
        number += SHARES
    assert number > 20


async def test_whatever_else_is_torn_the_next_run_mends_it(tmp_path: Path) -> None:
    """Torn anywhere, drawn by Hypothesis, not only at the places that are tried one by one."""
    cuts = Cuts(tmp_path / "books", booking(three_entries(tmp_path)))
    await cuts.record()
    loop = asyncio.get_running_loop()

    @settings(max_examples=100)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        state = drawn(cuts.recording, data.draw)
        found = asyncio.run_coroutine_threadsafe(cuts.judged(state), loop).result()
        assert found == []

    await asyncio.to_thread(holds)


class FailingSync:
    """Fails the first sync of a folder after a file took its place."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._waits = True
        self._fails = False

    def before(self, effect: Effect) -> None:
        if effect.name == "beancount.sync_folder" and self._fails:
            self._fails = False
            raise OSError(errno.EIO, "Input/output error", effect.target)

    def after(self, effect: Effect) -> None:
        if (
            effect.name == "beancount.replace"
            and effect.target.endswith(self._file)
            and self._waits
        ):
            self._waits, self._fails = False, True


@pytest.mark.parametrize("file", ["main.beancount", "index.beancount", "2026-03.beancount"])
async def test_what_is_found_after_a_failed_sync_is_durable(
    ledger: LedgerFolder, file: str
) -> None:
    recording = Recording(ledger.root)
    with recording:
        async with ledger.books() as books:
            with observe(FailingSync(file)), suppress(BooksNotReady):
                assert isinstance((await books.record([entry()]))[0], Unknown)
            if not await look_up(books):
                await books.record([entry()])
            recording.mark("found")
    for state in states(recording):
        if state.steps >= recording.marks["found"]:
            assert 'include "counterfoil/' in str(state.tree["main.beancount"])
            assert COFFEE in str(state.tree["counterfoil/2026-03.beancount"])

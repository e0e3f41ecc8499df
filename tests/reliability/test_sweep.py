"""Killed before and after any effect, and at any two, everything is booked once and reported.

Wholly in memory; ``test_killed_anywhere`` does the same with real processes and real files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.reliability.stories import (
    ALL,
    AMENDING_DRAFTS,
    AMENDING_POSTED,
    BOOKING,
    PAIRED,
    RESTORED,
    TAKING_BACK,
    TROUBLED,
)
from tests.reliability.sweep import Story, effects_of, sweep_pairs, sweep_restored, sweep_singles

pytestmark = [pytest.mark.slow, pytest.mark.reliability, pytest.mark.timeout(600)]

Record: TypeAlias = "Callable[[str, int], None]"

SHARES = 4
"""How many tests the pairs of a story are cut into, so that they can run beside each other."""

BOOKED = {
    "memory.attach",
    "memory.post",
    "memory.record",
    "memory.settle",
    "pleo.get_job",
    "pleo.list_export_items",
    "pleo.list_job_items",
    "pleo.list_jobs",
    "pleo.put_items",
    "pleo.send_event",
    "receipts.download",
    "receipts.make_folder",
    "receipts.remove",
    "receipts.remove_folder",
    "register.bind",
    "register.claimed",
    "register.close_job",
    "register.fence",
    "register.intend",
    "register.intend_claim",
    "register.mark_reported",
    "register.remember_open_items",
    "register.save_job_items",
    "register.save_payloads",
    "register.settle",
    "register.settle_open_items",
}


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        (BOOKING, BOOKED),
        (AMENDING_DRAFTS, {"memory.void", "register.forget_open_items"}),
        (AMENDING_POSTED, {"memory.reverse"}),
        (TAKING_BACK, {"memory.reverse", "register.decide"}),
    ],
    # A set's own text differs from process to process.
    ids=lambda value: str(value) if isinstance(value, Story) else "",
)
async def test_every_effect_is_swept(story: Story, wanted: set[str]) -> None:
    """An export that makes further effects needs them here, too."""
    effects = await effects_of(story)
    assert wanted - effects == set()
    assert story is not BOOKING or effects == wanted


@pytest.mark.parametrize("story", [*ALL, *TROUBLED], ids=str)
async def test_killed_at_any_moment_it_ends_the_same(story: Story, record_property: Record) -> None:
    figures = await sweep_singles(story)
    record_property("effects", figures.effects)
    record_property("points", figures.points)
    record_property("runs", figures.runs)
    assert figures.violations == []
    assert figures.points


@pytest.mark.parametrize("story", RESTORED, ids=str)
async def test_killed_and_with_an_older_register_it_ends_the_same(
    story: Story, record_property: Record
) -> None:
    """Whoever puts a backup back takes over what is under way, as the drill says."""
    figures = await sweep_restored(story)
    record_property("points", figures.points)
    record_property("runs", figures.runs)
    assert figures.violations == []


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("story", PAIRED, ids=str)
async def test_killed_twice_at_any_moments_it_ends_the_same(
    story: Story, share: int, record_property: Record
) -> None:
    figures = await sweep_pairs(story, share, SHARES)
    record_property("pairs", figures.pairs)
    record_property("runs", figures.runs)
    assert figures.violations == []
    assert figures.pairs > figures.points

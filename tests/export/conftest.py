"""A world for each story."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from counterfoil.testing.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Start a sandbox with one company and empty books."""
    async with World() as started:
        yield started

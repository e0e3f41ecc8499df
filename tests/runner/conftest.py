"""Fixtures of what runs exports: a register to read and fill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from counterfoil.register import Register
from counterfoil.testing.register import memory_register


@pytest.fixture
def register() -> Iterator[Register]:
    """Give an empty register in memory."""
    with memory_register() as opened:
        yield opened

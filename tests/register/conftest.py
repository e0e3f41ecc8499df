"""A register in a temporary folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from counterfoil.register import Register, open_register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Say where the register lives."""
    return f"sqlite:///{tmp_path}/deep/counterfoil.db"


@pytest.fixture
def register(url: str) -> Iterator[Register]:
    """Open a new register."""
    with open_register(url) as opened:
        yield opened

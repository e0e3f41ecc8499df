"""A register in a temporary folder, and one on PostgreSQL: each story is told of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from counterfoil.register import Register, open_register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Say where a register in a file lives."""
    return f"sqlite:///{tmp_path}/deep/counterfoil.db"


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """Say where the register lives."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def register(url: str) -> Iterator[Register]:
    """Open a new register."""
    with open_register(url) as opened:
        yield opened

"""SQL compiled once for all tests of a process: each opens a register of its own, with its engine.

SQLAlchemy keeps what it compiled with an engine, under its dialect. So SQLite's engines are given
those of one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from counterfoil.register import sqlite
from counterfoil.testing import register
from tests.reliability import simulation_parts

STATEMENTS = 5000


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Let the engines of SQLite share a dialect and what it compiled."""
    first = create_engine("sqlite://", query_cache_size=STATEMENTS)
    first.connect().close()

    def shared(url: str, **options: object) -> Engine:
        engine = create_engine(url, **options)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        for module in (sqlite, register, simulation_parts):
            patch.setattr(module, "create_engine", shared)
        yield
    first.dispose()

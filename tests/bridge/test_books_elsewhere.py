"""Books that an old program keeps are neither read nor written, and whoever tries is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from counterfoil.systems.contract import BooksNotReady
from counterfoil.systems.elsewhere import KIND, Elsewhere


async def test_whoever_opens_them_is_told_of_the_bridge() -> None:
    books = KIND.open(KIND.options(), Path())
    (problem,) = await books.ready()
    assert "expenses bridge" in problem.message
    with pytest.raises(BooksNotReady, match="expenses bridge"):
        await books.__aenter__()
    with pytest.raises(BooksNotReady):
        async with books.reading():
            pass


async def test_nothing_is_found_or_written_in_them() -> None:
    books = Elsewhere()
    for asked in (
        books.chart(),
        books.find([]),
        books.record([]),
        books.post([]),
        books.reverse("id", date(2026, 1, 1)),
        books.note("id", "text"),
    ):
        with pytest.raises(BooksNotReady):
            await asked
    assert await books.check() == ()
    await books.__aexit__(None, None, None)

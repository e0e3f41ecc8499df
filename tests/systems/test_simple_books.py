"""The base for adapters of simple systems: what ``write`` raises is an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Entry
from counterfoil.errors import ItemFailure, JobFailureType, ReceiptUploadFailure, RefusedByBooks
from counterfoil.systems.contract import Booked, Refused, Unknown
from counterfoil.systems.simple import SimpleBooks, away
from tests.systems.ledgers import COFFEE, HOTEL, TAXI, document, entry


class Shoebox(SimpleBooks):
    """Takes coffees, refuses taxis, and loses the answer to everything else."""

    def __init__(self, *, lost: bool = False) -> None:
        self.lost = lost

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close nothing."""

    async def chart(self) -> Chart:
        if self.lost:
            raise away("the shoebox is lost")
        return Chart({})

    async def write(self, entry: Entry) -> None:
        id = entry.reference.entry_id
        if id == TAXI:
            raise RefusedByBooks("no taxis")
        if id != COFFEE:
            raise away("no answer")


async def test_each_entry_has_the_answer_that_writing_it_gave() -> None:
    async with Shoebox().reading() as books:
        booked, refused, unknown = await books.record([entry(), entry(TAXI), entry(HOTEL)])
    assert booked == Booked(reference=entry().reference)
    assert isinstance(refused, Refused)
    assert str(refused.failure) == "no taxis"
    assert unknown == Unknown(reference=entry(HOTEL).reference, why="no answer")


async def test_books_are_ready_when_their_chart_can_be_read() -> None:
    assert await Shoebox().ready() == []
    (problem,) = await Shoebox(lost=True).ready()
    assert problem.message == "the shoebox is lost"
    assert problem.passing
    assert problem.failure_type is JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda books: books.void("7"), "voids no drafts: take 7 out in the system itself"),
        (lambda books: books.reverse("7", date(2026, 3, 5)), "reverse 7 on 2026-03-05 in the"),
        (lambda books: books.note("7", "kept"), "keeps no remarks, so 7 goes without: kept"),
    ],
    ids=["void", "reverse", "note"],
)
async def test_what_it_cannot_do_it_says(
    step: Callable[[Shoebox], Awaitable[None]], words: str
) -> None:
    with pytest.raises(ItemFailure, match=words):
        await step(Shoebox())
    assert await Shoebox().check() == []


async def test_a_document_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ReceiptUploadFailure, match="was not added to 7"):
        await Shoebox().attach("7", document(tmp_path))

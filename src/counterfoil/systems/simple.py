"""A base for adapters of simple systems: one record at a time, and what they cannot do refused.

An adapter that inherits from ``SimpleBooks`` writes ``__aenter__``, ``__aexit__``, ``chart``,
``find``, ``all_records``, ``other_postings``, ``post``, ``settle`` and ``write``, and what else its
system can do. What it leaves to this class it must not declare in its ``Capabilities``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from types import TracebackType
from typing import NoReturn, Self

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.errors import ItemFailure, JobFailureType, ReceiptUploadFailure, RefusedByBooks
from counterfoil.systems.contract import (
    Booked,
    BooksNotReady,
    Problem,
    RecordResult,
    Refused,
    Unknown,
)

__all__ = ["SimpleBooks", "away"]


def away(words: str) -> BooksNotReady:
    """Return the error of a system that does not answer now and may do so later."""
    unreachable = JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE
    return BooksNotReady(Problem(message=words, failure_type=unreachable, passing=True))


class SimpleBooks(ABC):
    """Books without batches, which take no documents and no remarks, and take nothing back."""

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the connection."""

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close it."""

    @abstractmethod
    async def chart(self) -> Chart:
        """Read the master data; raises BooksNotReady."""

    @abstractmethod
    async def write(self, entry: Entry) -> None:
        """Write one entry, unless its reference is there already.

        Raises ItemFailure where the system refused it, and BooksNotReady where no answer came.
        """

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """Look by entering: for systems without a lock."""
        async with self:
            yield self

    async def ready(self) -> Sequence[Problem]:
        """Say why the chart cannot be read."""
        try:
            await self.chart()
        except BooksNotReady as error:
            return [error.problem]
        return []

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Write one entry after the other; one that got no answer is unknown."""
        return [await self._record(entry) for entry in entries]

    async def _record(self, entry: Entry) -> RecordResult:
        reference = entry.reference
        try:
            await self.write(entry)
        except ItemFailure as failure:
            return Refused(reference=reference, failure=failure)
        except BooksNotReady as error:
            return Unknown(reference=reference, why=str(error))
        return Booked(reference=reference)

    async def attach(self, id: str, document: Document) -> None:
        """Raise ReceiptUploadFailure."""
        raise ReceiptUploadFailure(
            f"This accounting system takes no documents, so {document.name} was not added to {id}"
        )

    async def void(self, id: str) -> None:
        """Raise RefusedByBooks."""
        self._refuse(f"voids no drafts: take {id} out in the system itself")

    async def reverse(self, id: str, on: date) -> None:
        """Raise RefusedByBooks."""
        self._refuse(f"reverses nothing: reverse {id} on {on} in the system itself")

    async def note(self, id: str, text: str) -> None:
        """Raise RefusedByBooks."""
        self._refuse(f"keeps no remarks, so {id} goes without: {text}")

    async def check(self) -> Sequence[str]:
        """Find no fault with any record."""
        return []

    def _refuse(self, what: str) -> NoReturn:
        raise RefusedByBooks(f"This accounting system {what}")

"""Books in memory that behave as a real system does: they refuse what their chart does not have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.errors import (
    JobFailureType,
    PeriodClosed,
    ReceiptUploadFailure,
    RefusedByBooks,
)
from counterfoil.systems.contract import BooksNotReady, Problem, RecordResult, Refused
from counterfoil.testing.memory import MemoryBooks, MemoryLedger

__all__ = ["StrictBooks", "StrictLedger"]


@dataclass
class StrictLedger(MemoryLedger):
    """A ledger that judges each entry by its chart, and may be away for a while."""

    away: bool = False
    """Whether it answers nothing."""

    def called(self, call: str, about: Sequence[str] = ()) -> None:
        """Note a call; raises BooksNotReady while it is away."""
        if self.away:
            problem = Problem(
                message=f"{self.name} does not answer",
                failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
                passing=True,
            )
            raise BooksNotReady(problem)
        super().called(call, about)

    def receive(self, entry: Entry) -> RecordResult:
        """Take one entry, unless the chart speaks against it."""
        if any(entry.date in span for span in self.chart.closed):
            failure: RefusedByBooks | PeriodClosed = PeriodClosed(f"{entry.date} is closed")
        elif against := next(self._against(entry), None):
            failure = RefusedByBooks(against)
        else:
            return super().receive(self._as_taken(entry))
        return Refused(reference=entry.reference, failure=failure)

    def _as_taken(self, entry: Entry) -> Entry:
        """Post what cannot be a draft, and leave out documents that are not taken."""
        able = self.capabilities
        documents = entry.documents[: able.attachments.limit] if able.attachments else ()
        return replace(entry, final=entry.final or not able.drafts, documents=documents)

    def _against(self, entry: Entry) -> Iterator[str]:
        dimensions = self.chart.dimensions
        for line in entry.lines:
            account = self.chart.accounts.get(line.account)
            if account is None:
                yield f"there is no account {line.account}"
            elif account.currencies and entry.currency not in account.currencies:
                yield f"account {line.account} takes no {entry.currency}"
            for group, value in line.dimensions:
                if dimensions is not None and value not in dimensions.get(group, ()):
                    yield f"there is no dimension {group} {value}"


class StrictBooks(MemoryBooks):
    """One job's connection to a strict ledger: batches are counted, and documents read."""

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Write a batch; raises ValueError for one that is larger than was declared."""
        if len(entries) > self.capabilities.batch_size:
            message = f"{len(entries)} entries, where a batch has {self.capabilities.batch_size}"
            raise ValueError(message)
        return await super().record(entries)

    async def attach(self, id: str, document: Document) -> None:
        """File a document that is what it was announced to be; raises ReceiptUploadFailure."""
        try:
            content = document.path.read_bytes()
        except OSError as error:
            raise ReceiptUploadFailure(f"{document.name} cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != document.sha256:
            raise ReceiptUploadFailure(f"{document.name} is not the file that was fetched")
        await super().attach(id, document)

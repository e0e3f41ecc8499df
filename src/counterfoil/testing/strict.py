"""Books in memory that refuse what their chart does not have, as a real system does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.errors import PeriodClosed, ReceiptUploadFailure, RefusedByBooks
from counterfoil.systems.contract import RecordResult, Refused
from counterfoil.testing.memory import MemoryBooks, MemoryLedger

__all__ = ["StrictBooks", "StrictLedger"]


@dataclass
class StrictLedger(MemoryLedger):
    """A ledger that judges each entry by its chart."""

    def receive(self, entry: Entry) -> RecordResult:
        """Take one entry, unless the chart speaks against it."""
        if any(entry.date in span for span in self.chart.closed):
            failure: RefusedByBooks | PeriodClosed = PeriodClosed(f"{entry.date} is closed")
        elif against := next(self._against(entry), None):
            failure = RefusedByBooks(against)
        else:
            return super().receive(entry)
        return Refused(reference=entry.reference, failure=failure)

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
    """One job's connection to a strict ledger: documents are read, too."""

    async def attach(self, id: str, document: Document) -> None:
        """File a document that is what it was announced to be; raises ReceiptUploadFailure."""
        try:
            content = document.path.read_bytes()
        except OSError as error:
            raise ReceiptUploadFailure(f"{document.name} cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != document.sha256:
            raise ReceiptUploadFailure(f"{document.name} is not the file that was fetched")
        await super().attach(id, document)

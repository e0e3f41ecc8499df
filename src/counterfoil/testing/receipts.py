"""The receipts that a sandbox holds, fetched without a request: a fake of the receipts' port.

Its effects are announced as those of the real store. The documents lie on no disk, so they are for
books in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from counterfoil.bookkeeping.entries import Attachments, Document
from counterfoil.effects import effect
from counterfoil.errors import ItemFailure

if TYPE_CHECKING:
    from counterfoil.pleo.models import ExportItem
    from counterfoil.sandbox.model import Receipt
    from counterfoil.sandbox.state import State
    from counterfoil.systems.contract import Attachments

__all__ = ["SandboxReceipts"]


class SandboxReceipts:
    """Fetches the documents of items from a sandbox's state; an async context manager."""

    def __init__(self, state: State) -> None:
        """Take the sandbox that has them."""
        self._state = state

    async def __aenter__(self) -> Self:
        """Make the folder, as it were."""
        with effect("receipts.make_folder"):
            return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        with effect("receipts.remove_folder"):
            return

    def fetch_ahead(self, items: Iterable[ExportItem]) -> None:
        """Fetch nothing ahead: nothing is gained."""

    async def fetch_each(self, item: ExportItem) -> Sequence[Document | ItemFailure]:
        """Return each of the item's documents, in order."""
        entry_id = item.accounting_entry_id
        documents = []
        for place, receipt in enumerate(self._state.entry(entry_id).receipts, 1):
            with effect("receipts.download", f"{entry_id}/{place}"):
                documents.append(_document(receipt))
        return documents

    async def fit(
        self, entry_id: str, documents: Sequence[Document], takes: Attachments
    ) -> Sequence[Document | ItemFailure]:
        """Return the documents as they are."""
        del entry_id, takes
        return documents

    def forget(self, entry_id: str) -> None:
        """Let the item's documents go."""
        for place, _ in enumerate(self._state.entry(entry_id).receipts, 1):
            with effect("receipts.remove", f"{entry_id}/{place}"):
                continue


def _document(receipt: Receipt) -> Document:
    digest = hashlib.sha256(receipt.data).hexdigest()
    return Document(
        path=Path(digest),
        sha256=digest,
        size=len(receipt.data),
        media_type=receipt.type,
        name=f"receipt-{digest[:8]}",
    )

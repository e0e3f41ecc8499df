"""Attach documents to a record in the books; attaching again what it holds changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterfoil.errors import ItemFailure, ReceiptUploadFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.systems.contract import AccountingSystem, Document, Found

__all__ = ["attach"]


async def attach(
    books: AccountingSystem,
    record: Found,
    documents: Sequence[Document],
    missing: list[str],
    *,
    required: bool,
) -> None:
    """Attach what the record lacks; add to ``missing`` why a document was not.

    Raises ItemFailure where it is ``required``, and whatever else fails.
    """
    lacking = [each for each in documents if each.sha256 not in record.receipts]
    for place, document in enumerate(lacking, len(record.receipts) + 1):
        try:
            await _attach_one(books, record, document, place)
        except Exception as error:
            missing.append(f"{document.name}: {error}")
            if required or not isinstance(error, ItemFailure):
                raise


async def _attach_one(
    books: AccountingSystem, record: Found, document: Document, place: int
) -> None:
    takes = books.capabilities.attachments
    if takes is not None and takes.limit is not None and place > takes.limit:
        raise ReceiptUploadFailure(
            f"{record.id} holds other documents already, and takes no more than {takes.limit}: "
            "replace them in the books by hand, then export again"
        )
    await books.attach(record.id, document)

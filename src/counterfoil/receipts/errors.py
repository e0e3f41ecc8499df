"""How fetching a receipt fails; all are told to Pleo as ``receipt_download_failure``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from counterfoil.errors import ReceiptDownloadFailure

__all__ = ["ReceiptExpired", "ReceiptNotAllowed", "ReceiptUnavailable", "answering"]


class ReceiptExpired(ReceiptDownloadFailure):
    """The URL is dead (403, 404, 410): fetch the item again for a fresh one, then try once more."""


class ReceiptNotAllowed(ReceiptDownloadFailure):
    """The URL, a redirect or an address behind it is a place receipts may not come from."""


class ReceiptUnavailable(ReceiptDownloadFailure):
    """The file did not come whole this time; trying again may help."""


@contextmanager
def answering() -> Iterator[None]:
    """Turn the faults of a host, and of the way to it, into ReceiptUnavailable."""
    try:
        yield
    except (OSError, HTTPException, ValueError) as error:
        # Its text may hold the URL, whose query is a secret.
        why = type(error).__name__
        raise ReceiptUnavailable(f"The receipt's host gave no whole answer ({why}).") from error

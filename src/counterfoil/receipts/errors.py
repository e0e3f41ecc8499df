"""How fetching a receipt fails; both are told to Pleo as ``receipt_download_failure``."""

from __future__ import annotations

from counterfoil.errors import ReceiptDownloadFailure

__all__ = ["ReceiptExpired", "ReceiptNotAllowed", "ReceiptUnavailable"]


class ReceiptExpired(ReceiptDownloadFailure):
    """The URL is dead (403, 404, 410): fetch the item again for a fresh one, then try once more."""


class ReceiptNotAllowed(ReceiptDownloadFailure):
    """The URL, a redirect or an address behind it is a place receipts may not come from."""


class ReceiptUnavailable(ReceiptDownloadFailure):
    """The file did not come whole this time; trying again may help."""

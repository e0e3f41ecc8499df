"""Fetch and inspect the documents that belong to an expense."""

from __future__ import annotations

from counterfoil.receipts.errors import ReceiptExpired, ReceiptNotAllowed, ReceiptUnavailable
from counterfoil.receipts.store import Limits, ReceiptStore

__all__ = ["Limits", "ReceiptExpired", "ReceiptNotAllowed", "ReceiptStore", "ReceiptUnavailable"]

"""What a connection wants done where there is a choice."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["OnChange", "ReceiptPolicy"]


class OnChange(StrEnum):
    """What to do with an item that is booked already and has changed in Pleo since."""

    FAIL = "fail"
    KEEP = "keep"
    AMEND = "amend"
    """A draft is voided, a posted entry reversed, and the item booked anew."""


class ReceiptPolicy(StrEnum):
    """Whether an item may be booked without its receipts."""

    REQUIRE = "require"
    BEST_EFFORT = "best_effort"

"""How one connection wants its items booked: the pure half of its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias
from zoneinfo import ZoneInfo

__all__ = [
    "AccountSetting",
    "Accounts",
    "ClosedPeriods",
    "NegativeTotals",
    "PostingMode",
    "Settings",
    "UnmatchedVendor",
]

AccountSetting: TypeAlias = "str | Mapping[str, str]"
"""An account's code or id for every currency, or one per wallet currency."""


class PostingMode(StrEnum):
    """Whether entries stay drafts or are posted."""

    DRAFT = "draft"
    FINAL = "final"


class ClosedPeriods(StrEnum):
    """What to do with an item whose day lies in a closed period."""

    FAIL = "fail"
    NEXT_OPEN = "next_open"


class NegativeTotals(StrEnum):
    """What to do with a total against its type's direction."""

    FAIL = "fail"
    REVERSE = "reverse"


class UnmatchedVendor(StrEnum):
    """What to do with a vendor that the books do not know."""

    FAIL = "fail"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The four accounts that Pleo's rules ask for; None where it is not configured."""

    wallet: AccountSetting | None = None
    out_of_pocket: AccountSetting | None = None
    contra: AccountSetting | None = None
    payable: AccountSetting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the rules need besides the item and the chart."""

    accounts: Accounts
    company_id: str | None = None
    """Pleo's company whose expenses are booked; None: whatever company an item names."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    posting: PostingMode = PostingMode.DRAFT
    closed: ClosedPeriods = ClosedPeriods.FAIL
    closed_through: date | None = None
    negative: NegativeTotals = NegativeTotals.FAIL
    unmatched_vendor: UnmatchedVendor = UnmatchedVendor.FAIL
    codes: Mapping[str, str] = field(default_factory=dict)
    """Pleo's account code or identifier to the books' account, where they differ."""
    description: str = "{supplier} {user} {note}"
    """Template of the narration."""
    narration_limit: int | None = None
    """The longest narration in characters that the accounting system takes; None: any."""
    table_overrides: Sequence[Mapping[str, object]] = ()
    """Rows that replace the booking table's rows for the same types, sub types and methods."""

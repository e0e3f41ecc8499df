"""Times in HTTP headers: a date, and how long a host asks us to wait. Source: RFC 9110."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["http_date", "retry_after"]


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP date as an aware UTC time; None where it is absent or unreadable."""
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Read a Retry-After header (seconds, or an HTTP date) as seconds from now, else None."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    moment = http_date(text)
    if moment is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())

"""The names of what can go wrong on Pleo's side, on purpose."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["WEBHOOKS", "Kind"]


class Kind(StrEnum):
    """What goes wrong; ``value`` of a fault means what is said here."""

    RATE_LIMIT = "rate_limit"
    """429 with Retry-After of ``value`` seconds; nothing happened."""
    UNAVAILABLE = "unavailable"
    """503; nothing happened."""
    SLOW = "slow"
    """The call happens after ``value`` seconds."""
    DROP_BEFORE = "drop_before"
    """The connection is cut; nothing happened."""
    DROP_AFTER = "drop_after"
    """The call happens, then the connection is cut without an answer."""
    ERROR_AFTER = "error_after"
    """The call happens, then 500 is answered."""
    PARTIAL = "partial"
    """``value`` rows of an update are not taken and come back under ``errors``."""
    REPEAT_PAGE = "repeat_page"
    """Where the next page is asked for, the one before comes again."""
    TORN = "torn"
    """The answer's body is cut in the middle."""
    CLAIM_FIRST = "claim_first"
    """Another integration starts the job just before ours does."""
    CLOSE_JOB = "close_job"
    """A person closes the job just before the call."""
    EXPIRE_JOB = "expire_job"
    """The job's time runs out just before the call."""
    URL_EXPIRED = "url_expired"
    """A receipt's URL is over: 403."""
    TRUNCATED = "truncated"
    """The second half of a receipt is missing."""
    WRONG_SIZE = "wrong_size"
    """A receipt is ``value`` bytes longer than announced."""
    WEBHOOK_LATE = "webhook_late"
    """A webhook is sent ``value`` seconds later."""
    WEBHOOK_TWICE = "webhook_twice"
    """A webhook that was taken is sent once more."""
    WEBHOOK_FORGED = "webhook_forged"
    """A webhook is signed with another key; where it is refused, it is sent again, genuine."""
    WEBHOOK_TORN = "webhook_torn"
    """The connection is cut in the middle of a webhook's body; it is sent again."""
    WEBHOOK_NEVER = "webhook_never"
    """A webhook is not sent at all."""


WEBHOOKS = frozenset(kind for kind in Kind if kind.startswith("webhook_"))
"""What strikes webhooks, each time that one is sent; all others strike calls."""

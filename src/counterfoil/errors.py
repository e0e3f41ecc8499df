"""Our error tree, by what happens next, and Pleo's failure reason types.

    CounterfoilError
    ├── ConfigurationError        nothing starts; fix the configuration (exit code 2)
    ├── ItemFailure               one export item fails, the others go on
    │   ├── InvalidItem, MissingSetting, InvalidSetting, UnknownAccount, UnknownTaxCode,
    │   │   UnknownTag, UnknownVendor                          (bookkeeping)
    │   ├── RefusedByBooks, PeriodClosed, BooksTimeout, BooksUnreachable, BooksRateLimit,
    │   │   BooksAuthentication, BooksAuthorization            (accounting system)
    │   ├── ReceiptDownloadFailure, ReceiptUploadFailure, ReceiptTooLarge, ReceiptNotConvertible
    │   └── UnexpectedFailure
    ├── JobFailure                the whole job fails, with a reason, before or between writes
    ├── ConnectionBroken          Pleo or the register refuses this connection; others go on
    └── JobLost                   the job is not ours to write for any more (expired, closed)
        └── FenceLost             another worker has taken the company

Errors of Pleo's wire have a tree of their own in ``counterfoil.pleo.errors``.
Source of the types: Pleo Export API v3, ``ExportJobItemFailureReasonType`` and
``ExportJobFailureReasonType``.
"""

from __future__ import annotations

from copy import copy
from enum import StrEnum
from typing import ClassVar

__all__ = [
    "BooksAuthentication",
    "BooksAuthorization",
    "BooksRateLimit",
    "BooksTimeout",
    "BooksUnreachable",
    "ConfigurationError",
    "ConnectionBroken",
    "CounterfoilError",
    "FenceLost",
    "InvalidItem",
    "InvalidSetting",
    "ItemFailure",
    "ItemFailureType",
    "JobFailure",
    "JobFailureType",
    "JobLost",
    "MissingSetting",
    "PeriodClosed",
    "ReceiptDownloadFailure",
    "ReceiptNotConvertible",
    "ReceiptTooLarge",
    "ReceiptUploadFailure",
    "RefusedByBooks",
    "UnexpectedFailure",
    "UnknownAccount",
    "UnknownTag",
    "UnknownTaxCode",
    "UnknownVendor",
    "shorten",
]

REASON_LIMIT = 500
"""The longest failureReason we send, in characters."""


class ItemFailureType(StrEnum):
    """Why an item failed, in Pleo's words."""

    RECEIPT_UPLOAD_FAILURE = "receipt_upload_failure"
    RECEIPT_DOWNLOAD_FAILURE = "receipt_download_failure"
    RECEIPT_FILE_SIZE_LIMIT_EXCEEDED = "receipt_file_size_limit_exceeded"
    RECEIPT_CONVERSION_FAILURE = "receipt_conversion_failure"
    UNEXPECTED_FAILURE = "unexpected_failure"
    INVALID_CONFIGURATION = "invalid_configuration"
    MISSING_CONFIGURATION = "missing_configuration"
    ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE = "accounting_system_authentication_failure"
    ACCOUNTING_SYSTEM_RATE_LIMIT = "accounting_system_rate_limit"
    ACCOUNTING_SYSTEM_UNREACHABLE = "accounting_system_unreachable"
    VALIDATION_FAILURE = "validation_failure"
    ACCOUNTING_SYSTEM_VALIDATION_FAILURE = "accounting_system_validation_failure"
    AUTHORIZATION_FAILURE = "authorization_failure"
    ACCOUNTING_SYSTEM_TIMEOUT = "accounting_system_timeout"
    VENDOR_UNKNOWN = "vendor_unknown"
    ACCOUNT_UNKNOWN = "account_unknown"
    TAX_CODE_UNKNOWN = "tax_code_unknown"
    TAG_UNKNOWN = "tag_unknown"


class JobFailureType(StrEnum):
    """Why a job failed, in Pleo's words."""

    INVALID_CONFIGURATION = "invalid_configuration"
    MISSING_CONFIGURATION = "missing_configuration"
    AUTHENTICATION_FAILURE = "authentication_failure"
    ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE = "accounting_system_authentication_failure"
    PLEO_RATE_LIMIT = "pleo_rate_limit"
    ACCOUNTING_SYSTEM_RATE_LIMIT = "accounting_system_rate_limit"
    SERVICE_UNREACHABLE = "service_unreachable"
    ACCOUNTING_SYSTEM_UNREACHABLE = "accounting_system_unreachable"
    VALIDATION_FAILURE = "validation_failure"
    AUTHORIZATION_FAILURE = "authorization_failure"
    INTEGRATION_UNUSABLE = "integration_unusable"
    JOB_EXPIRED = "job_expired"
    SERVICE_TIMEOUT = "service_timeout"
    ACCOUNTING_SYSTEM_TIMEOUT = "accounting_system_timeout"
    CANCELED_BY_USER = "canceled_by_user"


def shorten(text: str, limit: int = REASON_LIMIT) -> str:
    """Cut a text to at most ``limit`` characters, marking the cut with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


class CounterfoilError(Exception):
    """Anything Counterfoil raises on purpose; its text says what happened and what to do."""


class ConfigurationError(CounterfoilError):
    """The configuration cannot be used; ``problems`` lists every mistake at once."""

    def __init__(self, *problems: str) -> None:
        """Take each problem as one sentence with its key and the remedy."""
        super().__init__("\n".join(problems))
        self.problems = problems


class ItemFailure(CounterfoilError):
    """One export item cannot be booked; its text is the failureReason, for a bookkeeper."""

    failure_type: ClassVar[ItemFailureType]

    @property
    def reason(self) -> str:
        """The failureReason as sent to Pleo, at most 500 characters."""
        return shorten(str(self))

    def reworded(self, text: str) -> ItemFailure:
        """Return the same failure in other words."""
        again = copy(self)
        again.args = (text,)
        return again


class InvalidItem(ItemFailure):
    """The item's own figures, date, kind or shape do not allow an entry."""

    failure_type = ItemFailureType.VALIDATION_FAILURE


class MissingSetting(ItemFailure):
    """A setting, category or currency mapping that this item needs is not made."""

    failure_type = ItemFailureType.MISSING_CONFIGURATION


class InvalidSetting(ItemFailure):
    """Settings contradict the books or each other for this item."""

    failure_type = ItemFailureType.INVALID_CONFIGURATION


class UnknownAccount(ItemFailure):
    """The books have no such account."""

    failure_type = ItemFailureType.ACCOUNT_UNKNOWN


class UnknownTaxCode(ItemFailure):
    """The books have no such tax code, and the item names no tax account."""

    failure_type = ItemFailureType.TAX_CODE_UNKNOWN


class UnknownTag(ItemFailure):
    """The books have no such dimension or dimension value."""

    failure_type = ItemFailureType.TAG_UNKNOWN


class UnknownVendor(ItemFailure):
    """The vendor is not in the books, is blocked there, or is not the only candidate."""

    failure_type = ItemFailureType.VENDOR_UNKNOWN


class RefusedByBooks(ItemFailure):
    """The accounting system refused the entry, in its own words."""

    failure_type = ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE


class PeriodClosed(ItemFailure):
    """The posting date lies in a closed period of the books."""

    failure_type = ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE


class BooksTimeout(ItemFailure):
    """Time ran out, or it is not certain whether the entry was booked."""

    failure_type = ItemFailureType.ACCOUNTING_SYSTEM_TIMEOUT


class BooksUnreachable(ItemFailure):
    """The accounting system could not be reached."""

    failure_type = ItemFailureType.ACCOUNTING_SYSTEM_UNREACHABLE


class BooksRateLimit(ItemFailure):
    """The accounting system's rate limit holds us off."""

    failure_type = ItemFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT


class BooksAuthentication(ItemFailure):
    """The accounting system does not accept our credentials (401)."""

    failure_type = ItemFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE


class BooksAuthorization(ItemFailure):
    """The accounting system denies us a right (403)."""

    failure_type = ItemFailureType.AUTHORIZATION_FAILURE


class ReceiptDownloadFailure(ItemFailure):
    """A receipt could not be fetched whole."""

    failure_type = ItemFailureType.RECEIPT_DOWNLOAD_FAILURE


class ReceiptUploadFailure(ItemFailure):
    """The accounting system did not take a receipt."""

    failure_type = ItemFailureType.RECEIPT_UPLOAD_FAILURE


class ReceiptTooLarge(ItemFailure):
    """A receipt is larger than the accounting system takes."""

    failure_type = ItemFailureType.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED


class ReceiptNotConvertible(ItemFailure):
    """A receipt's format cannot be made into one the accounting system takes."""

    failure_type = ItemFailureType.RECEIPT_CONVERSION_FAILURE


class UnexpectedFailure(ItemFailure):
    """Something nobody foresaw; the text carries what is known."""

    failure_type = ItemFailureType.UNEXPECTED_FAILURE


class JobFailure(CounterfoilError):
    """The job fails as a whole; Pleo shows the reason to the bookkeeper."""

    def __init__(self, reason: str, failure_type: JobFailureType) -> None:
        """Take the failureReason and its type."""
        super().__init__(reason)
        self.failure_type = failure_type

    @property
    def reason(self) -> str:
        """The failureReason as sent to Pleo, at most 500 characters."""
        return shorten(str(self))


class ConnectionBroken(CounterfoilError):
    """The connection cannot work until a person acts; nothing was claimed."""


class JobLost(CounterfoilError):
    """The job is not ours any more: it expired, or was closed."""


class FenceLost(JobLost):
    """Another worker has taken the company, and with it the job; nothing more is written here."""

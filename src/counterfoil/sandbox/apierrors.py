"""Every error body the sandbox answers with: HTTP status, ``type`` and ``message``.

The seven documented ones carry Pleo's own words; 400, 401, 403 and 404 of what Pleo leaves
undocumented carry plain ones.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ApiError",
    "bad_request",
    "export_already_in_progress",
    "export_not_found",
    "finished_for_items",
    "finished_for_updates",
    "forbidden",
    "invalid_status_change",
    "missing_contra_accounts",
    "not_found",
    "too_many_updates",
    "unauthorized",
]


class ApiError(Exception):
    """A refusal, as it goes over the wire."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        """Take the HTTP status, ``ExceptionInfo.type`` and ``ExceptionInfo.message``."""
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def bad_request(message: str) -> ApiError:
    """Refuse a body or parameter that the contract does not allow."""
    return ApiError(400, "BAD_REQUEST", message)


def unauthorized() -> ApiError:
    """Refuse a missing credential, or one that is unknown, revoked or expired."""
    return ApiError(401, "UNAUTHORIZED", "The credential is missing, unknown, revoked or expired.")


def forbidden(message: str) -> ApiError:
    """Refuse a credential that lacks the scope or the company."""
    return ApiError(403, "FORBIDDEN", message)


def not_found(what: str) -> ApiError:
    """Say that there is no such resource."""
    return ApiError(404, "NOT_FOUND", f"{what} not found.")


def export_not_found() -> ApiError:
    """Say that there is no job with this id."""
    return ApiError(404, "EXPORT_NOT_FOUND", "Export job not found.")


def export_already_in_progress() -> ApiError:
    """Refuse a second job while the company has a pending or running one."""
    message = "Export Job already in progress for this company."
    return ApiError(409, "EXPORT_ALREADY_IN_PROGRESS", message)


def too_many_updates() -> ApiError:
    """Refuse more than 100 rows in one update."""
    message = "Number of items to update is more than 100."
    return ApiError(413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT", message)


def invalid_status_change() -> ApiError:
    """Refuse an event that the job's status does not allow."""
    return ApiError(422, "INVALID_EXPORT_JOB_STATUS_CHANGE", "Export Job status change failed")


def finished_for_updates() -> ApiError:
    """Refuse updates to the items of a job that is not running."""
    return ApiError(422, "EXPORT_JOB_STATUS_UNPROCESSABLE", "Export job is finished.")


def finished_for_items() -> ApiError:
    """Refuse to show the items of a finished job."""
    message = "Export Job is finished and can no longer be processed."
    return ApiError(422, "EXPORT_JOB_STATUS_UNPROCESSABLE", message)


def missing_contra_accounts(currencies: Iterable[str]) -> ApiError:
    """Refuse an export with wallet currencies that have no contra account."""
    names = ", ".join(sorted(currencies))
    message = f"Make sure you don't export {names} expenses before you set your contra accounts."
    return ApiError(400, "MISSING_CONTRA_ACCOUNTS", message)

"""What can go wrong on Pleo's wire, by what to do next.

    PleoError
    ├── PleoRefused               fix the credentials or their rights; nothing can be told to Pleo
    │   ├── PleoUnauthenticated   401: the key or token is not accepted
    │   ├── PleoForbidden         403: a scope or the company is missing
    │   ├── ClientRefused         OAuth: the client's id or secret is not accepted
    │   └── ConsentNeeded         OAuth: the consent is over, or was never given
    ├── PleoNotFound              404: look anew, the thing is gone or not this company's
    ├── PleoRejected              the same request would be rejected again; decide by its type
    │   ├── PleoBadRequest        400 and any other 4xx
    │   │   └── MissingContraAccounts   a person maps contra accounts in Pleo
    │   ├── PleoConflict          409: another export of this company is running
    │   ├── PleoTooLarge          413: send less at once
    │   └── PleoUnprocessable     422: the job's state does not allow it; read the job
    ├── PleoUnanswered            no clear answer (timeout, dropped connection, 5xx): it may or may
    │                             not have taken effect; read before anything is sent again
    ├── PleoRateLimited           429: nothing was done; wait
    └── PleoMalformed             an answer nobody can use (not JSON, wrong shape, endless pages)

GET and PUT have been repeated before one of these is raised; events and POST never are.
What an error means for an item, a job or a connection is decided in ``counterfoil.export``.
Source of the types: Pleo Export API v3, ``ExceptionInfo`` and the responses of each operation.
"""

from __future__ import annotations

from counterfoil.errors import CounterfoilError

__all__ = [
    "ClientRefused",
    "ConsentNeeded",
    "MissingContraAccounts",
    "PleoBadRequest",
    "PleoConflict",
    "PleoError",
    "PleoForbidden",
    "PleoMalformed",
    "PleoNotFound",
    "PleoRateLimited",
    "PleoRefused",
    "PleoRejected",
    "PleoTooLarge",
    "PleoUnanswered",
    "PleoUnauthenticated",
    "PleoUnprocessable",
]


class PleoError(CounterfoilError):
    """Anything that went wrong on Pleo's wire.

    ``status`` is the HTTP status (None without an answer), ``type`` and ``message`` are Pleo's
    own words (``ExceptionInfo``; empty without any), ``retry_after`` is in seconds, if it came.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        type: str = "",
        message: str = "",
        retry_after: float | None = None,
    ) -> None:
        """Take the whole sentence and what Pleo said."""
        super().__init__(text)
        self.status = status
        self.type = type
        self.message = message
        self.retry_after = retry_after


class PleoRefused(PleoError):
    """Pleo refuses our credentials or denies a right; a person must act."""


class PleoUnauthenticated(PleoRefused):
    """Pleo does not accept the API key or access token (401)."""


class PleoForbidden(PleoRefused):
    """The credentials lack a scope, or are not for this company (403)."""


class ClientRefused(PleoRefused):
    """Pleo's OAuth does not know the client, or not by this secret."""


class ConsentNeeded(PleoRefused):
    """Nobody has consented to the connection, or the consent is over: a person must consent."""


class PleoNotFound(PleoError):
    """Pleo has no such thing, or it is another company's (404)."""


class PleoRejected(PleoError):
    """Pleo understood and said no; the same request would be rejected again."""


class PleoBadRequest(PleoRejected):
    """Pleo rejects the request itself (400 and other 4xx)."""


class MissingContraAccounts(PleoBadRequest):
    """Contra accounts are not mapped in Pleo for every currency (400 MISSING_CONTRA_ACCOUNTS)."""


class PleoConflict(PleoRejected):
    """Another export of this company is running already (409)."""


class PleoTooLarge(PleoRejected):
    """Too many rows at once (413)."""


class PleoUnprocessable(PleoRejected):
    """The job's state does not allow this (422): started by another, finished, or expired."""


class PleoUnanswered(PleoError):
    """No clear answer came: the request may or may not have taken effect.

    ``sent`` is False only when the connection itself was never made, so nothing can have happened.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        type: str = "",
        message: str = "",
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        """Take the sentence, what Pleo said if anything, and whether the request left."""
        super().__init__(text, status=status, type=type, message=message, retry_after=retry_after)
        self.sent = sent


class PleoRateLimited(PleoError):
    """Pleo holds us off (429); nothing was done."""


class PleoMalformed(PleoError):
    """Pleo answered with something nobody can use.

    ``torn`` is True when the body was not JSON at all, as after a cut connection.
    """

    def __init__(self, text: str, *, status: int | None = None, torn: bool = False) -> None:
        """Take the sentence and whether the body broke off."""
        super().__init__(text, status=status)
        self.torn = torn

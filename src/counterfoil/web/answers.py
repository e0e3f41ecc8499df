"""What every endpoint answers with: JSON, errors as ``{"error": …}``; and who may ask."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["refusal", "refused"]


def refused(status: int, message: str, **headers: str) -> JSONResponse:
    """Answer with an error that says what to do."""
    return JSONResponse({"error": message}, status, headers)


def refusal(request: Request, token: str | None) -> JSONResponse | None:
    """Return why a request may not see what is not public; None where it may.

    ``token`` is the bearer token of ``[serve] token``; without one nobody may.
    """
    if token is None:
        return refused(403, 'This is closed: configure [serve] token = "env:…" to open it')
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and compare_digest(given.encode(), token.encode()):
        return None
    message = "The bearer token is missing or wrong"
    return refused(401, message, **{"WWW-Authenticate": "Bearer"})

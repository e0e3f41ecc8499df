"""How we say who we are to Pleo: an API key (HTTP Basic) or an access token (Bearer).

Secrets stay out of ``repr`` and of every error text. Where a secret comes from, and when a token is
refreshed, is left to others. Source: Pleo's developer pages, "API keys" and "OAuth".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import suppress
from http import HTTPStatus

import httpx

from counterfoil.errors import ConfigurationError

__all__ = ["ApiKeyAuth", "BearerAuth"]


def _checked(secret: str, what: str) -> str:
    """Refuse what no header can carry, without saying what it was."""
    if not secret or any(not "!" <= letter <= "~" for letter in secret):
        raise ConfigurationError(
            f"{what}: it is empty or has spaces or control characters; copy it again from Pleo"
        )
    return secret


class _HeaderAuth(httpx.Auth):
    """Send one ready-made Authorization header."""

    def __init__(self, header: str) -> None:
        self._header = header

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header to the request."""
        request.headers["Authorization"] = self._header
        yield request

    def __repr__(self) -> str:
        """Name the kind, never the secret."""
        return f"{type(self).__name__}(***)"


class ApiKeyAuth(_HeaderAuth):
    """An API key: HTTP Basic with the key as user and an empty password.

    Where Pleo refuses it (401), ``again`` is asked for the key as it is now, once a request: a key
    is replaced without stopping anything. A refused request had no effect, so it may be repeated.
    """

    def __init__(self, key: str, *, again: Callable[[], str] | None = None) -> None:
        """Take the key as Pleo shows it; raises ConfigurationError if no header can carry it."""
        super().__init__(_basic(key))
        self._again = again

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header to the request; to a refused one, that of a newer key."""
        sent = self._header
        request.headers["Authorization"] = sent
        response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED or self._again is None:
            return
        with suppress(ConfigurationError):
            self._header = _basic(self._again())
        if self._header != sent:
            request.headers["Authorization"] = self._header
            yield request


def _basic(key: str) -> str:
    pair = f"{_checked(key, 'the Pleo API key')}:"
    return "Basic " + b64encode(pair.encode()).decode()


class BearerAuth(_HeaderAuth):
    """An access token as issued by Pleo's OAuth; opaque, never parsed."""

    def __init__(self, token: str) -> None:
        """Take the token; raises ConfigurationError if no header can carry it."""
        super().__init__("Bearer " + _checked(token, "the Pleo access token"))

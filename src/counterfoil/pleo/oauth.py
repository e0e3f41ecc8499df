"""Pleo's OAuth 2.0 as requests: where to ask for consent, a code for tokens, new tokens, the end.

Each request is sent once. When tokens are refreshed, by whom, and where they are kept is left to
others. Tokens are opaque and never parsed; how long one lives comes from ``expires_in`` alone.
Source: Pleo's developer pages, "OAuth"; RFC 6749, 7636 (PKCE), 7009 (revocation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import BaseModel, BeforeValidator, Field

from counterfoil.pleo.errors import (
    ClientRefused,
    ConsentNeeded,
    PleoError,
    PleoRefused,
    PleoRejected,
)
from counterfoil.pleo.rights import SCOPES
from counterfoil.pleo.transport import FORM, Exchange, Request
from counterfoil.pleo.wire import Answer, parse_json, read_as

__all__ = ["OAuthClient", "Tokens", "new_secret"]

SHORTEST: Final = 300
"""Seconds that a token is taken to live where Pleo does not say."""
LONGEST: Final = 400 * 24 * 3600


def new_secret() -> str:
    """Make a random word of 64 letters and digits: a state, or a PKCE verifier (43 to 128)."""
    return str(generate_token(64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A pair of tokens as Pleo gave it; never in ``repr``."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: timedelta
    """Of the access token."""
    scopes: frozenset[str]


def _seconds(value: object) -> int:
    """Read ``expires_in``; what cannot be read must not cost us tokens that were rotated."""
    try:
        return max(1, min(int(str(value)), LONGEST))
    except ValueError:
        return SHORTEST


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class _TokenAnswer(BaseModel):
    access_token: Annotated[str, Field(pattern=r"^[!-~]+$")]
    refresh_token: Annotated[str, Field(pattern=r"^[!-~]+$")] | None = None
    expires_in: Annotated[int, BeforeValidator(_seconds)] = SHORTEST
    scope: Annotated[str | None, BeforeValidator(_text)] = None


class OAuthClient:
    """Our registration with one Pleo's OAuth.

    Every request may raise PleoError: ClientRefused for a wrong id or secret, ConsentNeeded where
    what we hold is over (``invalid_grant``), PleoUnanswered where nobody can know.
    """

    def __init__(
        self,
        auth_url: str,
        client_id: str,
        client_secret: str,
        *,
        timeout: float = 30.0,
        ca_file: Path | None = None,
    ) -> None:
        """Take where Pleo's OAuth is and who we are; ``timeout`` seconds bound each request."""
        self._auth_url = auth_url
        self._timeout = timeout
        self._ca_file = ca_file
        self._us = {"client_id": client_id, "client_secret": client_secret}

    def consent_url(self, *, redirect_uri: str, state: str, verifier: str) -> str:
        """Return where a person's browser asks for consent; the verifier itself is not in it."""
        return str(
            prepare_grant_uri(
                f"{self._auth_url}/oauth/authorize",
                self._us["client_id"],
                "code",
                redirect_uri=redirect_uri,
                scope=" ".join(sorted(SCOPES)),
                state=state,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Tokens:
        """Turn a consent's code into tokens."""
        fields = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        return await self._tokens("exchange_code", "authorization_code", fields, refresh="")

    async def refresh(self, refresh_token: str) -> Tokens:
        """Have both tokens made anew; the old ones are over as soon as Pleo has done so."""
        fields = {"refresh_token": refresh_token}
        return await self._tokens("refresh_tokens", "refresh_token", fields, refresh=refresh_token)

    async def revoke(self, refresh_token: str) -> None:
        """End the authorisation that a token belongs to."""
        fields = {"token": refresh_token, "token_type_hint": "refresh_token"}
        body = str(httpx.QueryParams(fields | self._us))
        await self._send("revoke_tokens", "/oauth/revoke", body)

    async def _tokens(
        self, operation: str, grant: str, fields: Mapping[str, str], *, refresh: str
    ) -> Tokens:
        body = prepare_token_request(grant, **fields, **self._us)
        given = parse_json(await self._send(operation, "/oauth/token", str(body)))
        read = read_as(_TokenAnswer, given, operation)
        scope = " ".join(SCOPES) if read.scope is None else read.scope
        return Tokens(
            access=read.access_token,
            refresh=read.refresh_token or refresh,
            lifetime=timedelta(seconds=read.expires_in),
            scopes=frozenset(scope.split()),
        )

    async def _send(self, operation: str, path: str, body: str) -> Answer:
        request = Request(
            operation=operation, method="POST", path=path, body=body.encode(), content_type=FORM
        )
        exchange = Exchange(
            self._auth_url,
            httpx.Auth(),
            timeout=self._timeout,
            transport=None,
            ca_file=self._ca_file,
        )
        try:
            async with exchange:
                return await exchange.send(request)
        except PleoError as error:
            raise _meant(error) from error


def _meant(error: PleoError) -> PleoError:
    """Tell what OAuth's own words in a refusal mean; anything else stays as it is."""
    said = f" ({error.message.rstrip('.')})" if error.message else ""
    if error.type == "invalid_grant" and isinstance(error, PleoRejected | PleoRefused):
        return ConsentNeeded(
            f"Pleo does not accept what we hold any more{said}",
            status=error.status,
            type=error.type,
        )
    if error.type in {"invalid_client", "unauthorized_client"}:
        return ClientRefused(
            f"Pleo does not know our OAuth client{said}: check client_id and client_secret in "
            "[pleo.oauth].",
            status=error.status,
            type=error.type,
        )
    return error

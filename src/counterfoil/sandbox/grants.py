"""The rules of Pleo's OAuth: clients, codes that work once, authorisations, tokens that rotate.

Its wire is ``oauth``'s. Source: Pleo's developer pages, "OAuth"; RFC 6749, 7636 (PKCE), 7009. Where
these are silent: an access token outlives the refresh tokens that a wrong one ended, and whatever a
code's own client does with it, it works once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest

from counterfoil.sandbox.clock import Clock, stamp
from counterfoil.sandbox.model import ApiKey, Item

__all__ = ["Asked", "Authorisation", "Code", "Grants", "OAuthClient", "OAuthRefused"]


class OAuthRefused(Exception):
    """A refusal as OAuth words it: ``error`` and ``error_description``."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """Take the error's code, a sentence, and the HTTP status at the token endpoint."""
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """An integration that is registered with Pleo."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]

    def as_json(self) -> Item:
        """Return what the integration must know."""
        return {"id": self.id, "secret": self.secret, "redirectUris": list(self.redirect_uris)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks a person to consent to; checked."""

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    """PKCE, S256."""
    state: str | None = None


@dataclass(slots=True)
class Code:
    """What a consent gives to the browser."""

    asked: Asked
    company_id: str
    expires_at: datetime
    used: bool = False
    authorisation_id: str | None = None
    """What its tokens belong to."""


@dataclass(slots=True)
class Authorisation:
    """A consent, and the one pair of tokens that is good for it now."""

    id: str
    client_id: str
    company_id: str
    scopes: frozenset[str]
    access_token: str = ""
    access_until: datetime | None = None
    refresh_token: str = ""
    refresh_until: datetime | None = None
    spent: list[str] = field(default_factory=list)
    """Refresh tokens that were used."""
    ended: str | None = None
    """Why it is over, or its refresh tokens are."""

    def as_json(self) -> Item:
        """Return it for the person at the sandbox, without its tokens."""
        return {
            "id": self.id,
            "clientId": self.client_id,
            "companyId": self.company_id,
            "scopes": sorted(self.scopes),
            "refreshes": len(self.spent),
            "accessUntil": self.access_until and stamp(self.access_until),
            "refreshUntil": self.refresh_until and stamp(self.refresh_until),
            "ended": self.ended,
        }


class Grants:
    """What one sandbox knows of OAuth; the lifetimes, in seconds, are for tests to set."""

    def __init__(self, clock: Clock) -> None:
        """Start without clients."""
        self.clock = clock
        self.clients: dict[str, OAuthClient] = {}
        self.codes: dict[str, Code] = {}
        self.authorisations: dict[str, Authorisation] = {}
        self.access_seconds = 3600
        self.refresh_seconds = 60 * 24 * 3600
        self.code_seconds = 60

    def add_client(
        self,
        redirect_uris: Iterable[str],
        *,
        client_id: str | None = None,
        secret: str | None = None,
    ) -> OAuthClient:
        """Register an integration with the exact addresses its users may come back to."""
        client = OAuthClient(
            client_id or f"client-{secrets.token_hex(8)}",
            secret or secrets.token_urlsafe(24),
            tuple(redirect_uris),
        )
        self.clients[client.id] = client
        return client

    def client(self, client_id: str, secret: str) -> OAuthClient:
        """Return the client that proves who it is."""
        known = self.clients.get(client_id)
        if known is None or not compare_digest(known.secret.encode(), secret.encode()):
            raise OAuthRefused("invalid_client", "The client or its secret is unknown.", 401)
        return known

    def consent(self, asked: Asked, company_id: str) -> str:
        """Return a code for what a person allowed for a company."""
        code = secrets.token_urlsafe(32)
        self.codes[code] = Code(asked, company_id, self._in(self.code_seconds))
        return code

    def exchange(
        self, client: OAuthClient, code: str, redirect_uri: str, verifier: str
    ) -> Authorisation:
        """Turn a code into an authorisation, once; a second try revokes it."""
        known = self.codes.get(code)
        if known is None or known.asked.client_id != client.id:
            raise _invalid_grant("The code is unknown, or another client's.")
        if known.used:
            self._revoke_code(known)
            raise _invalid_grant("The code was used before; what it gave is revoked.")
        known.used = True
        if self.clock.now() >= known.expires_at:
            raise _invalid_grant("The code has expired.")
        if known.asked.redirect_uri != redirect_uri:
            raise _invalid_grant("redirect_uri is not the one that the code was sent to.")
        if not compare_digest(_challenge_of(verifier).encode(), known.asked.challenge.encode()):
            raise _invalid_grant("code_verifier does not fit code_challenge.")
        made = Authorisation(secrets.token_hex(8), client.id, known.company_id, known.asked.scopes)
        known.authorisation_id = made.id
        self.authorisations[made.id] = made
        return self._issue(made)

    def refresh(self, client: OAuthClient, token: str) -> Authorisation:
        """Give both tokens anew; a token that is over ends the authorisation's refresh tokens."""
        found = self._by_refresh_token(client, token)
        if found is None:
            raise _invalid_grant("The refresh token is unknown.")
        if found.ended is not None:
            raise _invalid_grant(f"The refresh token is not valid: {found.ended}.")
        if token in found.spent:
            found.ended = "a refresh token was used twice"
            raise _invalid_grant("The refresh token was used before; all of them end with it.")
        if found.refresh_until is None or self.clock.now() >= found.refresh_until:
            found.ended = "an expired refresh token was used"
            raise _invalid_grant("The refresh token has expired; all of them end with it.")
        found.spent.append(token)
        return self._issue(found)

    def revoke_token(self, client: OAuthClient, token: str) -> Authorisation | None:
        """End whatever authorisation of the client's a token belongs to; unknown ones are none."""
        found = self._by_refresh_token(client, token) or next(
            (each for each in self._of(client) if each.access_token == token), None
        )
        if found is not None:
            self.revoke(found.id)
        return found

    def revoke(self, authorisation_id: str) -> None:
        """End an authorisation, as a person does in Pleo: no token of its works any more."""
        found = self.authorisations[authorisation_id]
        found.ended = "it was revoked"
        found.access_until = found.refresh_until = None

    def key_of(self, token: str) -> ApiKey | None:
        """Return what an access token that lives may do."""
        now = self.clock.now()
        for each in self.authorisations.values():
            if each.access_token == token and each.access_until and now < each.access_until:
                return ApiKey(token, each.company_id, each.scopes)
        return None

    def _issue(self, authorisation: Authorisation) -> Authorisation:
        authorisation.access_token = secrets.token_urlsafe(32)
        authorisation.access_until = self._in(self.access_seconds)
        authorisation.refresh_token = secrets.token_urlsafe(32)
        authorisation.refresh_until = self._in(self.refresh_seconds)
        return authorisation

    def _in(self, seconds: int) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)

    def _of(self, client: OAuthClient) -> Sequence[Authorisation]:
        return [each for each in self.authorisations.values() if each.client_id == client.id]

    def _by_refresh_token(self, client: OAuthClient, token: str) -> Authorisation | None:
        for each in self._of(client):
            if token and (token == each.refresh_token or token in each.spent):
                return each
        return None

    def _revoke_code(self, code: Code) -> None:
        if code.authorisation_id is not None:
            self.revoke(code.authorisation_id)


def _invalid_grant(description: str) -> OAuthRefused:
    return OAuthRefused("invalid_grant", description)


def _challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

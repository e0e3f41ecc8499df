"""A person consents to a connection: begun here, finished when Pleo sends the browser back; ended.

A consent is begun by whoever was given a one-time link, or by a person at a terminal. What Pleo
brings back is worth something once, for ten minutes, and, if a browser began it, in that browser.
Tokens are kept only when they are for the connection's own company and carry every scope that an
export needs; others are given back. The pages are ``web``'s, refreshing is ``refreshing``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import structlog

from counterfoil.config.addresses import CALLBACK
from counterfoil.errors import CounterfoilError
from counterfoil.pleo.auth import BearerAuth
from counterfoil.pleo.errors import PleoError, PleoRateLimited, PleoUnanswered
from counterfoil.pleo.oauth import Tokens, new_secret
from counterfoil.pleo.retry import Retries
from counterfoil.pleo.rights import SCOPES, company_told
from counterfoil.register import RegisterUnavailable
from counterfoil.register.authorisations import TokenPair
from counterfoil.register.consents import Consent, ConsentKind, digest_of
from counterfoil.runner.credentials import pleo_with
from counterfoil.runner.refreshing import (
    held_authorisation,
    oauth_client,
    pair_of,
    storing,
    utc_now,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from counterfoil.config import Connection, OAuthSettings
    from counterfoil.pleo.client import PleoClient
    from counterfoil.register import Register
    from counterfoil.register.authorisations import Authorisation

__all__ = ["Authoriser", "Begun", "ConsentFailed", "ConsentUnknown", "disconnect", "settings_of"]

log = structlog.get_logger(__name__)

LINK_LIVES: Final = timedelta(hours=24)
CONSENT_LIVES: Final = timedelta(minutes=10)


class ConsentFailed(CounterfoilError):
    """A consent did not come about; nothing that was there before has changed."""


class ConsentUnknown(ConsentFailed):
    """What came back belongs to no consent that is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A consent that was begun: where the browser goes, and what it must have when it returns."""

    url: str
    state: str = field(repr=False)
    """What Pleo brings back."""
    browser: str | None = field(repr=False)


class Authoriser:
    """Begins and finishes consents for the connections of a configuration that use OAuth."""

    def __init__(
        self,
        connections: Mapping[str, Connection],
        register: Register,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Take the connections by name, and where consents and tokens are kept."""
        self._connections = connections
        self._register = register
        self._clock = clock

    def link(self, name: str) -> str:
        """Return a link to the service by which somebody may consent, once, within a day.

        Raises KeyMissing where no consent could be kept.
        """
        settings = self._settings(name)
        _ = self._register.seal.prefix  # what it leads to has to be sealed
        ticket = new_secret()
        expires_at = self._clock() + LINK_LIVES
        consent = Consent(connection=name, expires_at=expires_at)
        self._register.consents.begin(ConsentKind.LINK, ticket, consent)
        service = settings.redirect_uri.removesuffix(CALLBACK)
        return f"{service}/connect/{quote(name)}?{urlencode({'link': ticket})}"

    def opens(self, name: str, ticket: str) -> Connection:
        """Return the connection that a link's ticket is for, and leave it; raises ConsentFailed."""
        found = self._register.consents.look(ConsentKind.LINK, ticket, now=self._clock())
        return self._of_link(name, found)

    def begin_by_link(self, name: str, ticket: str) -> Begun:
        """Begin a consent in a browser; the link is used up by it. Raises ConsentFailed.

        It raises KeyMissing, too, and leaves the link then.
        """
        _ = self._register.seal.prefix
        found = self._register.consents.take(ConsentKind.LINK, ticket, now=self._clock())
        self._of_link(name, found)
        return self.begin(name, browser=new_secret())

    def begin(
        self, name: str, *, redirect_uri: str | None = None, browser: str | None = None
    ) -> Begun:
        """Begin a consent; ``browser`` is what the browser must still have when it comes back."""
        settings = self._settings(name)
        state, verifier = new_secret(), new_secret()
        chosen = redirect_uri or settings.redirect_uri
        consent = Consent(
            connection=name,
            verifier=verifier,
            redirect_uri=chosen,
            browser=digest_of(browser) if browser else None,
            expires_at=self._clock() + CONSENT_LIVES,
        )
        self._register.consents.begin(ConsentKind.STATE, state, consent)
        client = oauth_client(settings)
        url = client.consent_url(redirect_uri=chosen, state=state, verifier=verifier)
        return Begun(url=url, state=state, browser=browser)

    async def finish(self, parameters: Mapping[str, str], *, browser: str | None = None) -> str:
        """Take what Pleo sent the browser back with; return the name of what is connected now.

        Raises ConsentFailed with a sentence for the person, and what the register raises.
        """
        now = self._clock()
        state = parameters.get("state", "")
        consent = await asyncio.to_thread(
            self._register.consents.take, ConsentKind.STATE, state, now=now
        )
        if consent is None:
            raise ConsentUnknown(
                "This consent is unknown, was used before, or took longer than ten minutes. "
                "Begin again."
            )
        name = consent.connection
        if consent.browser and not compare_digest(consent.browser, digest_of(browser or "")):
            raise ConsentFailed("This consent was begun in another browser. Begin again.")
        code = parameters.get("code")
        if not code:
            raise ConsentFailed(_denied(name, parameters))
        tokens = await self._exchange(name, code, consent)
        await self._check(name, tokens)
        await self._keep_or_give_back(name, tokens, now)
        await asyncio.to_thread(self._look, name)
        log.info("connected", connection=name)
        await self._activate(name, tokens)
        return name

    async def _keep_or_give_back(self, name: str, tokens: Tokens, now: datetime) -> None:
        """Keep tokens; those that cannot be kept are given back, else they would live on unseen."""
        try:
            await asyncio.to_thread(self._keep, name, pair_of(tokens, now))
        except CounterfoilError:
            await self._give_back(name, tokens)
            raise

    def _keep(self, name: str, pair: TokenPair) -> None:
        """Keep the tokens; nobody disconnects meanwhile and forgets them without revoking them."""
        settings = self._settings(name)
        where = {"auth_url": settings.auth_url, "client_id": settings.client_id}
        with held_authorisation(self._register, name):
            for attempt in storing():
                with attempt:
                    self._register.authorisations.consented(name, pair, **where)

    def _look(self, name: str) -> None:
        """Have whoever works for the company look at it; it is found a little later without."""
        company_id = self._connections[name].company_id
        try:
            if company_id:
                self._register.wakeups.look(company_id, now=self._clock())
        except RegisterUnavailable as error:
            log.warning("a new connection waits for the next look", reason=str(error))

    def _settings(self, name: str) -> OAuthSettings:
        connection = self._connections.get(name)
        if connection is None:
            raise ConsentFailed(f"There is no connection {name} in the configuration.")
        return settings_of(connection)

    def _of_link(self, name: str, found: Consent | None) -> Connection:
        if found is None or found.connection != name or name not in self._connections:
            raise ConsentFailed(
                "This link is unknown, was used before, or is older than a day. Ask whoever runs "
                "Counterfoil for a new one: counterfoil connections authorise NAME --link"
            )
        return self._connections[name]

    async def _exchange(self, name: str, code: str, consent: Consent) -> Tokens:
        try:
            return await oauth_client(self._settings(name)).exchange(
                code, redirect_uri=consent.redirect_uri, verifier=consent.verifier
            )
        except PleoError as error:
            log.warning("no tokens for a consent", connection=name, reason=str(error))
            raise ConsentFailed(
                f"Pleo gave no tokens for this consent: {error} Begin again."
            ) from error

    async def _check(self, name: str, tokens: Tokens) -> None:
        """Refuse tokens that lack a scope or are for another company, and give them back."""
        try:
            _check_scopes(tokens)
            await self._check_company(self._connections[name], tokens)
        except ConsentFailed:
            await self._give_back(name, tokens)
            raise

    async def _check_company(self, connection: Connection, tokens: Tokens) -> None:
        try:
            async with _pleo(connection, tokens) as pleo:
                company = await company_told(pleo)
        except PleoError as error:
            raise ConsentFailed(
                f"Pleo did not say which company the consent is for: {error} Begin again."
            ) from error
        if connection.company_id and company not in {None, connection.company_id}:
            raise ConsentFailed(
                f"The consent is for company {company}, and connection {connection.name} is for "
                f"{connection.company_id}. Begin again, and choose that company in Pleo."
            )

    async def _activate(self, name: str, tokens: Tokens) -> None:
        """Tell Pleo that the integration works; an export does not depend on it."""
        try:
            async with _pleo(self._connections[name], tokens) as pleo:
                await pleo.activate()
        except PleoError as error:
            log.warning("the installation is not activated", connection=name, reason=str(error))

    async def _give_back(self, name: str, tokens: Tokens) -> None:
        try:
            await oauth_client(self._settings(name)).revoke(tokens.refresh)
        except PleoError as error:
            log.warning("tokens that are not kept live on", connection=name, reason=str(error))


def _pleo(connection: Connection, tokens: Tokens) -> PleoClient:
    """Return a client with tokens that are not kept yet."""
    return pleo_with(connection, BearerAuth(tokens.access), retries=Retries(attempts=2))


def _check_scopes(tokens: Tokens) -> None:
    if lacking := set(SCOPES) - tokens.scopes:
        raise ConsentFailed(
            f"The consent lacks {', '.join(sorted(lacking))}. Begin again, and allow all that is "
            "asked for."
        )


def settings_of(connection: Connection) -> OAuthSettings:
    """Return a connection's OAuth; raises ConsentFailed for one with an API key."""
    if connection.oauth is None:
        raise ConsentFailed(
            f"Connection {connection.name} uses an API key, and needs no consent. To connect it by "
            "OAuth, write [pleo.oauth] and remove api_key."
        )
    return connection.oauth


async def disconnect(connection: Connection, register: Register) -> str:
    """Revoke a connection's authorisation at Pleo, then forget it; say what was done.

    Raises PleoUnanswered or PleoRateLimited where Pleo cannot be told now, and ConsentFailed where
    the configuration names another client than the consent is for; then nothing is forgotten.
    """
    name = connection.name
    with held_authorisation(register, name):
        held = register.authorisations.get(name)
        if held is None:
            register.authorisations.forget(name)
            return f"{name} was not connected"
        said = f"{name} is disconnected: Pleo has ended the authorisation, and its tokens are gone"
        if held.tokens is None:
            said = f"{name} is disconnected; its consent was over already"
        elif (refusal := await _revoke(connection, held, held.tokens.refresh)) is not None:
            said = (
                f"{name} is disconnected here and its tokens are gone, but Pleo did not end the "
                f"authorisation ({refusal}): remove the integration in Pleo, too"
            )
        register.authorisations.forget(name)
        return said


async def _revoke(
    connection: Connection, held: Authorisation, refresh_token: str
) -> PleoError | None:
    """End an authorisation at Pleo; return why Pleo would not. Raises what ``disconnect`` does."""
    settings = settings_of(connection)
    if (held.auth_url, held.client_id) != (settings.auth_url, settings.client_id):
        raise ConsentFailed(
            f"{connection.name}: its consent is for client {held.client_id} at {held.auth_url}. "
            f"[pleo.oauth] has client {settings.client_id} at {settings.auth_url}, which cannot "
            "end it: put the old one back"
        )
    try:
        await oauth_client(settings).revoke(refresh_token)
    except (PleoUnanswered, PleoRateLimited):
        raise
    except PleoError as refusal:
        return refusal
    return None


def _denied(name: str, parameters: Mapping[str, str]) -> str:
    """Say why Pleo sent no code."""
    error, said = parameters.get("error", ""), parameters.get("error_description", "")
    if error == "access_denied":
        return f"Nobody consented: {name} is as it was. Begin again when you want to."
    words = " ".join(f"{error} {said}".split())[:200]
    return f"Pleo sent no code ({words or 'without a reason'}): {name} is as it was. Begin again."

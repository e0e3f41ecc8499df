"""Keeps a connection's OAuth tokens good: refreshed at 80 % of their life, by one worker at a time.

Both tokens change with a refresh, and the old ones are over at once. So whoever refreshes holds the
authorisation's lock, which dies with its process, and stores both before it uses either; everybody
else waits and reads them again. Without a clear answer the same refresh token is tried again, less
and less often, while the access token lives; only ``invalid_grant`` ends it, and then nothing more
is asked until a person has consented. How consent comes about is ``authorising``'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx
import stamina
import structlog

from counterfoil.pleo.auth import BearerAuth
from counterfoil.pleo.errors import ClientRefused, ConsentNeeded, PleoError, PleoUnanswered
from counterfoil.pleo.oauth import OAuthClient, Tokens
from counterfoil.register import LockHeld, RegisterUnavailable
from counterfoil.register.authorisations import Authorisation, TokenPair, authorisation_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counterfoil.config import OAuthSettings
    from counterfoil.register import Register

__all__ = ["OAuthAuth", "TokenKeeper", "consent_needed", "held_authorisation", "oauth_client"]

log = structlog.get_logger(__name__)

WAIT_FOR_OTHERS: Final = 60.0
"""Seconds to wait for whoever holds an authorisation's lock."""
PAUSE_MAX: Final = 300.0
"""The longest pause between two tries to refresh, in seconds."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def oauth_client(settings: OAuthSettings) -> OAuthClient:
    """Return what speaks with Pleo's OAuth for us; the secret is read anew each time."""
    secret = settings.client_secret.again()
    return OAuthClient(settings.auth_url, settings.client_id, secret, ca_file=settings.ca_file)


def consent_needed(name: str, why: str) -> ConsentNeeded:
    """Say that a person must consent, and how."""
    return ConsentNeeded(
        f"Connection {name} needs consent: {why.rstrip('.')}. "
        f"Give it with counterfoil connections authorise {name}."
    )


def pair_of(tokens: Tokens, now: datetime) -> TokenPair:
    """Return tokens that were asked for at a moment as the register keeps them."""
    return TokenPair(
        access=tokens.access,
        refresh=tokens.refresh,
        issued_at=now,
        expires_at=now + tokens.lifetime,
    )


@contextmanager
def held_authorisation(register: Register, name: str) -> Iterator[None]:
    """Hold an authorisation's lock for the block, waiting for whoever has it; raises LockHeld."""
    for _ in _turns():
        with _held(register, name) as ours:
            if ours:
                yield
                return
    raise LockHeld(authorisation_lock(name))


def _turns() -> Iterator[None]:
    """Give turns, with pauses between, to wait for another worker; they end after a minute."""
    until, pause = time.monotonic() + WAIT_FOR_OTHERS, 0.05
    while time.monotonic() < until:
        yield
        time.sleep(pause)
        pause = min(0.5, pause * 1.5)


@contextmanager
def _held(register: Register, name: str) -> Iterator[bool]:
    """Hold the lock for the block where it is free, and say whether it was."""
    lock = register.locks.hold(authorisation_lock(name))
    try:
        lock.__enter__()
    except LockHeld:
        yield False
        return
    try:
        yield True
    finally:
        lock.__exit__(None, None, None)


def storing() -> Iterator[stamina.Attempt]:
    """Give tries to store tokens that exist nowhere else; they end after half a minute."""
    return iter(
        stamina.retry_context(on=RegisterUnavailable, attempts=8, timeout=30.0, wait_max=5.0)
    )


class TokenKeeper:
    """Gives one connection's access token, good for use now. Its calls block: use a thread.

    Raises ConsentNeeded, PleoUnanswered where the token is over and no new one is to be had now,
    and what the register raises.
    """

    def __init__(
        self,
        name: str,
        settings: OAuthSettings,
        register: Register,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Take the connection's name, our registration with Pleo, and where tokens are kept."""
        self._name = name
        self._settings = settings
        self._register = register
        self._clock = clock
        self._known: Authorisation | None = None

    def at_hand(self) -> str | None:
        """Return the access token that was read last, unless it is due: without waiting."""
        tokens = self._known.tokens if self._known else None
        return tokens.access if tokens and self._clock() < tokens.due_at else None

    def current(self) -> str:
        """Return the access token, refreshed where it is due."""
        return _access(self._settled(lambda held: not self._is_due(held)))

    def instead_of(self, refused: str) -> str | None:
        """Return another access token than one that Pleo refused; None where that is no help.

        Another worker may have refreshed it. If not it is refreshed, once: a token fresh from a
        refresh that is refused, too, is not refreshed again.
        """
        held = self._settled(lambda each: _access(each) != refused or each.refused)
        return None if held.refused or _access(held) == refused else _access(held)

    def refused_again(self) -> None:
        """Note that the token that came instead was refused, too."""
        if self._known is not None:
            self._register.authorisations.refuse(self._known)

    def _settled(self, good: Callable[[Authorisation], bool]) -> Authorisation:
        """Return the authorisation as soon as it is good; whoever holds the lock makes it so."""
        for _ in _turns():
            self._known = self._read()
            if good(self._known):
                return self._known
            with _held(self._register, self._name) as ours:
                if ours:
                    self._known = self._read()
                    if not good(self._known):
                        self._known = self._refreshed(self._known)
                    return self._known
        raise PleoUnanswered(
            f"Connection {self._name}: another worker has been refreshing its tokens for over "
            "a minute; run again.",
            sent=False,
        )

    def _is_due(self, held: Authorisation) -> bool:
        """Tell whether to refresh now: it is time, and the last try is long enough ago."""
        now = self._clock()
        if held.tokens is None or now < held.tokens.due_at:
            return False
        waits = held.try_again_at is not None and now < held.try_again_at
        return not (waits and now < held.tokens.expires_at)

    def _read(self) -> Authorisation:
        """Return what the register has, if it is of use with this Pleo and this client."""
        held = self._register.authorisations.get(self._name)
        if held is None:
            raise consent_needed(self._name, "nobody has consented yet")
        if held.tokens is None:
            raise consent_needed(self._name, held.why or "its tokens are gone")
        ours = self._settings.auth_url, self._settings.client_id
        if (held.auth_url, held.client_id) != ours:
            raise consent_needed(
                self._name,
                f"its consent is for client {held.client_id} at {held.auth_url}, and [pleo.oauth] "
                f"has client {ours[1]} at {ours[0]}",
            )
        return held

    def _refreshed(self, held: Authorisation) -> Authorisation:
        """Refresh under the lock; return the new authorisation, or the old one while it lives."""
        asked_at = self._clock()
        try:
            new = asyncio.run(oauth_client(self._settings).refresh(_refresh_token(held)))
        except ConsentNeeded as over:
            raise self._over(held, str(over)) from over
        except PleoError as error:
            return self._still(held, error, asked_at)
        self._store(held, pair_of(new, asked_at))
        log.info("tokens refreshed", connection=self._name, lifetime=str(new.lifetime))
        return self._read()

    def _over(self, held: Authorisation, why: str) -> ConsentNeeded:
        """Forget tokens that are over, so that nobody asks Pleo again before a person consents."""
        self._register.authorisations.end(held, why)
        log.error("consent is needed", connection=self._name, reason=why)
        return consent_needed(self._name, why)

    def _store(self, held: Authorisation, pair: TokenPair) -> None:
        """Keep new tokens, trying for a while: without them a person would have to consent."""
        for attempt in storing():
            with attempt:
                self._register.authorisations.refreshed(held, pair)

    def _still(self, held: Authorisation, error: PleoError, now: datetime) -> Authorisation:
        """Go on with what lives still; the same refresh token is tried again later.

        Whatever Pleo's OAuth says but ``invalid_grant`` is said of the refresh, and must not be
        taken for an answer to the request that needs the token.
        """
        pause = min(PAUSE_MAX, max(error.retry_after or 0.0, 2.0 ** min(held.tries, 10)))
        again_at = now + timedelta(seconds=pause)
        self._register.authorisations.unanswered(held, try_again_at=again_at)
        log.warning("tokens not refreshed", connection=self._name, reason=str(error))
        if held.tokens is not None and self._clock() < held.tokens.expires_at:
            return held
        if isinstance(error, ClientRefused):
            raise error
        raise PleoUnanswered(
            f"Connection {self._name}: its access token is over, and no new one came: {error}",
            retry_after=error.retry_after,
            sent=False,
        ) from error


def _access(held: Authorisation) -> str:
    return held.tokens.access if held.tokens else ""


def _refresh_token(held: Authorisation) -> str:
    return held.tokens.refresh if held.tokens else ""


class OAuthAuth(httpx.Auth):
    """Sends a connection's access token, and another one where Pleo refuses it (401).

    A refused request had no effect, so it may be repeated, events and POST as well.
    """

    def __init__(self, keeper: TokenKeeper) -> None:
        """Take what keeps the tokens good."""
        self._keeper = keeper

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the header; what is begun in a thread is finished even if the request is not."""
        keeper = self._keeper
        token = keeper.at_hand()
        if token is None:
            token = await asyncio.to_thread(keeper.current)
        response = yield _carrying(request, token)
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        other = await asyncio.to_thread(keeper.instead_of, token)
        if other is None:
            return
        response = yield _carrying(request, other)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            await asyncio.to_thread(keeper.refused_again)

    def __repr__(self) -> str:
        """Name the kind, never a token."""
        return f"{type(self).__name__}(***)"


def _carrying(request: httpx.Request, token: str) -> httpx.Request:
    return next(BearerAuth(token).auth_flow(request))

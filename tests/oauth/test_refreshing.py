"""Tokens that are due, refused or over: who refreshes, when, and what a lost reply costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from counterfoil.pleo.errors import (
    ClientRefused,
    ConsentNeeded,
    PleoUnanswered,
    PleoUnauthenticated,
)
from counterfoil.register import Register
from counterfoil.register.authorisations import Authorisation, authorisation_lock
from counterfoil.runner.refreshing import TokenKeeper, utc_now
from counterfoil.sandbox import Fault, Kind

if TYPE_CHECKING:
    from tests.oauth.conftest import Place

pytestmark = pytest.mark.slow


class Later:
    """A clock that is ahead by as much as a story wants."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.by


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
async def keeper(place: Place, register: Register, later: Later) -> TokenKeeper:
    """Connect, and return what keeps the tokens of an hour."""
    await place.consent(register)
    settings = place.connection.oauth
    assert settings is not None
    return TokenKeeper("acme", settings, register, clock=later)


def known(register: Register) -> Authorisation:
    held = register.authorisations.get("acme")
    assert held is not None
    return held


async def refreshed(keeper: TokenKeeper) -> str:
    """Ask for the token as a request does: the refresh has a loop and a thread of its own."""
    return await asyncio.to_thread(keeper.current)


async def test_a_token_is_refreshed_at_four_fifths_of_its_life(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    first = await refreshed(keeper)
    later.by = timedelta(minutes=47)
    assert await refreshed(keeper) == first == keeper.at_hand()
    later.by = timedelta(minutes=49)
    assert keeper.at_hand() is None
    second = await refreshed(keeper)
    assert (second != first, place.state.count("refreshed")) == (True, 1)
    assert keeper.at_hand() == second
    held = known(register)
    assert held.tokens is not None
    pleos = place.authorisation
    assert (held.tokens.access, held.tokens.refresh) == (pleos.access_token, pleos.refresh_token)


async def test_a_reply_lost_before_rotation_costs_nothing(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    first = await refreshed(keeper)
    later.by = timedelta(minutes=50)
    place.state.faults = [Fault(Kind.DROP_BEFORE, "token", times=1)]
    assert await refreshed(keeper) == first
    assert await refreshed(keeper) == first
    assert place.requests().count("/oauth/token") == 2
    assert known(register).tries == 1
    later.by += timedelta(seconds=2)
    assert await refreshed(keeper) != first
    assert (place.state.count("refreshed"), known(register).tries) == (1, 0)


async def test_tries_are_less_and_less_often(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    place.state.faults = [Fault(Kind.UNAVAILABLE, "token")]
    later.by = timedelta(minutes=50)
    pauses = []
    for _ in range(4):
        await refreshed(keeper)
        again_at = known(register).try_again_at
        assert again_at is not None
        pauses.append(round((again_at - later()).total_seconds()))
        later.by += timedelta(seconds=pauses[-1] + 1)
    assert pauses == [1, 2, 4, 8]


async def test_a_reply_lost_after_rotation_costs_the_consent_and_then_nothing_is_asked(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    await refreshed(keeper)
    later.by = timedelta(minutes=50)
    place.state.faults = [Fault(Kind.DROP_AFTER, "token", times=1)]
    await refreshed(keeper)
    later.by += timedelta(seconds=2)
    with pytest.raises(ConsentNeeded, match="connections authorise acme"):
        await refreshed(keeper)
    assert known(register).tokens is None
    asked = place.requests()
    for _ in range(2):
        with pytest.raises(ConsentNeeded):
            await place.ask(register)
    assert place.requests() == asked
    await place.consent(register)
    assert await place.ask(register) == 1


async def test_a_token_that_is_over_waits_for_pleo_and_is_never_given_up(
    place: Place, keeper: TokenKeeper, later: Later
) -> None:
    first = await refreshed(keeper)
    later.by = timedelta(hours=2)
    place.state.faults = [Fault(Kind.UNAVAILABLE, "token", times=2)]
    for _ in range(2):
        with pytest.raises(PleoUnanswered, match="its access token is over") as caught:
            await refreshed(keeper)
        assert not caught.value.sent
    assert await refreshed(keeper) != first


async def test_a_revoked_consent_ends_with_the_first_refresh(
    place: Place, keeper: TokenKeeper, register: Register
) -> None:
    await refreshed(keeper)
    place.state.oauth.revoke(place.authorisation.id)
    with pytest.raises(ConsentNeeded, match="it was revoked"):
        await place.ask(register)


async def test_another_secret_loses_no_tokens(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    del keeper
    place.environ["CLIENT_SECRET"] = "old"
    settings = place.connection.oauth
    assert settings is not None
    stranger = TokenKeeper("acme", settings, register, clock=later)
    later.by = timedelta(minutes=50)
    assert await refreshed(stranger) == place.authorisation.access_token
    later.by = timedelta(hours=2)
    with pytest.raises(ClientRefused, match=r"client_secret in \[pleo.oauth\]"):
        await refreshed(stranger)
    assert known(register).tokens is not None


async def test_a_wrong_address_of_oauth_is_no_answer_to_what_was_asked(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    await refreshed(keeper)
    settings = place.connection.oauth
    assert settings is not None
    elsewhere = replace(settings, auth_url=f"{settings.auth_url}/elsewhere")
    held = known(register)
    assert held.tokens is not None
    where = {"auth_url": elsewhere.auth_url, "client_id": elsewhere.client_id}
    register.authorisations.consented("acme", held.tokens, **where)
    later.by = timedelta(hours=2)
    with pytest.raises(PleoUnanswered, match="Pleo answered 404"):
        await refreshed(TokenKeeper("acme", elsewhere, register, clock=later))


async def test_a_live_token_that_is_refused_is_refreshed_once(
    place: Place, keeper: TokenKeeper, register: Register
) -> None:
    await refreshed(keeper)
    place.authorisation.access_until = None
    assert await place.ask(register) == 1
    assert place.state.count("refreshed") == 1


async def test_a_fresh_token_that_is_refused_is_not_refreshed_again(
    place: Place, keeper: TokenKeeper, register: Register
) -> None:
    await refreshed(keeper)
    place.state.clock.advance(timedelta(hours=1))
    place.state.oauth.access_seconds = -1  # whatever is issued is over at once
    for _ in range(2):
        with pytest.raises(PleoUnauthenticated):
            await place.ask(register)
    assert (place.state.count("refreshed"), known(register).refused) == (1, True)


async def test_what_another_worker_refreshed_is_read_again(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    settings = place.connection.oauth
    assert settings is not None
    another = TokenKeeper("acme", settings, register, clock=later)
    old = await refreshed(another)
    later.by = timedelta(minutes=50)
    new = await refreshed(keeper)
    assert another.instead_of(old) == new == another.current()
    assert place.state.count("refreshed") == 1


async def test_while_another_worker_refreshes_nobody_else_does(
    place: Place, keeper: TokenKeeper, later: Later, register: Register
) -> None:
    await refreshed(keeper)
    later.by = timedelta(minutes=50)
    with register.locks.hold(authorisation_lock("acme")):
        waiting = asyncio.create_task(refreshed(keeper))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert place.state.count("refreshed") == 0
    await waiting
    assert place.state.count("refreshed") == 1


async def test_tokens_of_another_client_are_not_used(place: Place, register: Register) -> None:
    await place.consent(register)
    text = place.path.read_text().replace("sandbox-client", "another-client")
    place.path.write_text(text)
    asked = place.requests()
    with pytest.raises(ConsentNeeded, match="for client sandbox-client"):
        await place.ask(register)
    assert place.requests() == asked

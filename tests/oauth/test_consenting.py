"""A person consents, or somebody tries to pass for one: what is kept, and what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from counterfoil.cli.connection_shown import shown_connection
from counterfoil.cli.connections_kept import remove
from counterfoil.errors import CounterfoilError
from counterfoil.export.ports import Silent
from counterfoil.pleo.errors import ConsentNeeded, PleoRateLimited, PleoUnanswered
from counterfoil.register import LockHeld, Register
from counterfoil.register.sealing import KeyMissing
from counterfoil.runner import refreshing
from counterfoil.runner.authorising import Authoriser, ConsentFailed, disconnect
from counterfoil.runner.examining.pleo import examine_pleo
from counterfoil.runner.once import run_connection
from counterfoil.runner.refreshing import held_authorisation, utc_now
from counterfoil.sandbox import Fault, Kind

if TYPE_CHECKING:
    from tests.oauth.conftest import Place

pytestmark = pytest.mark.slow


@pytest.fixture
def authoriser(place: Place, register: Register) -> Authoriser:
    return place.authoriser(register)


def connected(register: Register) -> bool:
    held = register.authorisations.get("acme")
    return held is not None and held.tokens is not None


async def test_a_consent_connects_and_an_export_can_work(place: Place, register: Register) -> None:
    with pytest.raises(ConsentNeeded, match=r"nobody has consented yet\. .* authorise acme"):
        await place.ask(register)
    await place.consent(register)
    assert await place.ask(register) == 1
    assert place.authorisation.as_json()["scopes"] == [
        "export-items:read",
        "export-jobs:read",
        "export-jobs:write",
    ]


async def test_what_pleo_brings_back_is_worth_something_once(
    place: Place, register: Register, authoriser: Authoriser
) -> None:
    back = place.allow(authoriser.begin("acme").url)
    await authoriser.finish(back)
    with pytest.raises(ConsentFailed, match="unknown, was used before"):
        await authoriser.finish(back)
    assert connected(register)
    assert await place.ask(register) == 1


@pytest.mark.parametrize("state", ["", "wrong"])
async def test_a_state_of_nobodys_asks_pleo_nothing(
    place: Place, register: Register, authoriser: Authoriser, state: str
) -> None:
    back = place.allow(authoriser.begin("acme").url)
    with pytest.raises(ConsentFailed, match="unknown"):
        await authoriser.finish(back | {"state": state})
    assert not connected(register)
    assert "/oauth/token" not in place.requests()


async def test_a_consent_takes_ten_minutes_at_most(place: Place, register: Register) -> None:
    def later() -> datetime:
        return utc_now() + timedelta(minutes=10)

    back = place.allow(place.authoriser(register).begin("acme").url)
    late = Authoriser({"acme": place.connection}, register, clock=later)
    with pytest.raises(ConsentFailed, match="longer than ten minutes"):
        await late.finish(back)


@pytest.mark.parametrize("browser", [None, "another"])
async def test_another_browser_cannot_finish_it(
    place: Place, register: Register, authoriser: Authoriser, browser: str | None
) -> None:
    begun = authoriser.begin("acme", browser="the one")
    with pytest.raises(ConsentFailed, match="another browser"):
        await authoriser.finish(place.allow(begun.url), browser=browser)
    assert not connected(register)


async def test_a_code_of_another_client_or_of_another_consent_gives_nothing(
    place: Place, register: Register, authoriser: Authoriser
) -> None:
    other = place.state.oauth.add_client(["http://127.0.0.1:1/oauth/callback"])
    theirs = place.allow(
        authoriser.begin("acme").url, client_id=other.id, redirect_uri=other.redirect_uris[0]
    )
    with pytest.raises(ConsentFailed, match="Pleo gave no tokens"):
        await authoriser.finish(theirs)
    first, second = (place.allow(authoriser.begin("acme").url) for _ in range(2))
    with pytest.raises(ConsentFailed, match="code_verifier"):
        await authoriser.finish(second | {"code": first["code"]})
    assert not connected(register)


async def test_a_consent_for_another_company_changes_nothing_and_is_given_back(
    place: Place, register: Register, authoriser: Authoriser
) -> None:
    await place.consent(register)
    kept = register.authorisations.get("acme")
    another = place.state.add_company("Other")
    with pytest.raises(ConsentFailed, match=f"for company {another.id}"):
        await authoriser.finish(place.allow(authoriser.begin("acme").url, another.id))
    assert register.authorisations.get("acme") == kept
    assert place.authorisation.ended == "it was revoked"
    assert await place.ask(register) == 1


async def test_a_consent_without_a_scope_is_given_back_and_names_it(
    place: Place, register: Register, authoriser: Authoriser
) -> None:
    back = place.allow(authoriser.begin("acme").url, scope="export-jobs:read export-items:read")
    with pytest.raises(ConsentFailed, match="lacks export-jobs:write"):
        await authoriser.finish(back)
    assert not connected(register)
    assert place.authorisation.ended == "it was revoked"


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ({"error": "access_denied"}, "Nobody consented"),
        ({"error": "server_error", "error_description": "Oh\n no"}, r"\(server_error Oh no\)"),
        ({}, "without a reason"),
    ],
)
async def test_a_person_may_say_no(
    register: Register, authoriser: Authoriser, brought: dict[str, str], said: str
) -> None:
    state = httpx.URL(authoriser.begin("acme").url).params["state"]
    with pytest.raises(ConsentFailed, match=said):
        await authoriser.finish({"state": state} | brought)
    assert not connected(register)


@pytest.mark.parametrize("kind", [Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.TORN])
async def test_a_lost_answer_to_the_code_is_told_and_the_code_not_sent_again(
    place: Place, register: Register, authoriser: Authoriser, kind: Kind
) -> None:
    place.state.faults = [Fault(kind, "token", times=1)]
    with pytest.raises(ConsentFailed, match="Begin again"):
        await authoriser.finish(place.allow(authoriser.begin("acme").url))
    assert place.requests().count("/oauth/token") == 1
    assert not connected(register)


def test_a_link_is_for_its_connection_and_for_one_consent(authoriser: Authoriser) -> None:
    link = httpx.URL(authoriser.link("acme"))
    assert str(link).startswith("http://127.0.0.1:8892/connect/acme?link=")
    ticket = link.params["link"]
    for _ in range(2):
        assert authoriser.opens("acme", ticket).name == "acme"
    with pytest.raises(ConsentFailed, match="connections authorise NAME --link"):
        authoriser.opens("other", ticket)
    assert authoriser.begin_by_link("acme", ticket).browser
    with pytest.raises(ConsentFailed, match="was used before"):
        authoriser.begin_by_link("acme", ticket)


def test_without_an_encryption_key_no_consent_is_begun_and_no_link_given(place: Place) -> None:
    del place.environ["COUNTERFOIL_KEY"]
    with place.config.open_register() as bare:
        for begin in (place.authoriser(bare).begin, place.authoriser(bare).link):
            with pytest.raises(KeyMissing, match="new-key"):
                begin("acme")


async def test_tokens_that_cannot_be_kept_are_given_back(
    place: Place, register: Register, authoriser: Authoriser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "WAIT_FOR_OTHERS", 0.1)
    back = place.allow(authoriser.begin("acme").url)
    with held_authorisation(register, "acme"), pytest.raises(LockHeld):
        await authoriser.finish(back)
    assert place.authorisation.ended == "it was revoked"
    assert not connected(register)


async def test_disconnecting_revokes_and_forgets(place: Place, register: Register) -> None:
    assert await disconnect(place.connection, register) == "acme was not connected"
    await place.consent(register)
    assert "Pleo has ended the authorisation" in await disconnect(place.connection, register)
    assert place.authorisation.ended == "it was revoked"
    assert register.authorisations.get("acme") is None


async def test_while_pleo_cannot_be_told_nothing_is_forgotten(
    place: Place, register: Register
) -> None:
    await place.consent(register)
    for kind, error in (
        (Kind.UNAVAILABLE, PleoUnanswered),
        (Kind.RATE_LIMIT, PleoRateLimited),
    ):
        place.state.faults = [Fault(kind, "revoke", times=1)]
        with pytest.raises(error):
            await disconnect(place.connection, register)
        assert connected(register)
    connection = place.connection
    assert connection.oauth is not None
    other = replace(connection, oauth=replace(connection.oauth, client_id="another"))
    with pytest.raises(ConsentFailed, match=r"client sandbox-client at .* put the old one back"):
        await disconnect(other, register)
    assert await place.ask(register) == 1
    place.environ["CLIENT_SECRET"] = "wrong"
    assert "remove the integration in Pleo" in await disconnect(place.connection, register)
    assert register.authorisations.get("acme") is None


async def test_removing_keeps_a_consent_that_pleo_cannot_be_told_of(
    place: Place, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environ.items():
        monkeypatch.setenv(name, value)
    await place.consent(register)
    place.state.faults = [Fault(Kind.UNAVAILABLE, "revoke", times=2)]

    async def removed(*, force: bool) -> None:
        await asyncio.to_thread(remove, "acme", yes=True, force=force, config=place.path)

    with pytest.raises(CounterfoilError, match=r"nothing is erased.* or give --force"):
        await removed(force=False)
    assert connected(register)
    await removed(force=True)
    assert not connected(register)


async def test_a_new_consent_is_not_overwritten_by_an_older_refresh(
    place: Place, register: Register
) -> None:
    await place.consent(register)
    old = register.authorisations.get("acme")
    assert old is not None
    await place.consent(register)
    new = register.authorisations.get("acme")
    assert new is not None
    assert new.tokens != old.tokens
    assert old.tokens is not None
    assert not register.authorisations.refreshed(old, old.tokens)
    assert register.authorisations.get("acme") == new


async def test_the_doctor_says_nothing_is_right_with_pleo_before_somebody_consents(
    place: Place, register: Register
) -> None:
    (found,) = [each async for each in examine_pleo(place.connection, register)]
    assert (found.check, found.passed) == ("Pleo", False)
    assert "connections authorise acme" in found.message
    assert place.requests() == []
    await place.consent(register)
    assert all([each.passed async for each in examine_pleo(place.connection, register)])


async def test_a_run_tells_a_lost_consent_and_shows_it_later(
    place: Place, register: Register
) -> None:
    await place.consent(register)
    place.state.oauth.revoke(place.authorisation.id)
    report = await run_connection(place.connection, register, progress=Silent())
    assert report.error is not None
    assert report.error.endswith("counterfoil connections authorise acme.")
    assert report.jobs == ()
    credential = str(shown_connection(place.connection, register)["credential"])
    assert "it was revoked" in credential
    assert "connections authorise acme" in credential

"""The sandbox as OAuth server: consent, codes that work once, tokens that rotate and end."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from counterfoil.sandbox import Fault, Kind, OAuthClient, SandboxServer, State, store

if TYPE_CHECKING:
    from counterfoil.sandbox import Company

BACK = "http://127.0.0.1:1/oauth/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43]


@pytest.fixture
def client(state: State) -> OAuthClient:
    return state.oauth.add_client([BACK], client_id="us", secret="s & p:ce")


@pytest.fixture
def browser(server: SandboxServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as opened:
        yield opened


def asking(**changed: str | None) -> dict[str, str]:
    """Return a right request for consent, with parameters changed or (None) left out."""
    right = {
        "client_id": "us",
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "export-jobs:read export-items:read",
        "state": "st&te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (right | changed).items() if value is not None}


@pytest.fixture
def consent(browser: httpx.Client, company: Company, client: OAuthClient) -> Callable[[], str]:
    """Return what lets a person say yes, and gives the code."""
    assert client.id == "us"

    def click() -> str:
        form = asking() | {"company": company.id, "decision": "allow"}
        answer = browser.post("/oauth/authorize", data=form)
        assert answer.status_code == 303
        query = httpx.URL(answer.headers["Location"]).params
        assert query["state"] == "st&te"
        return query["code"]

    return click


@pytest.fixture
def tell(browser: httpx.Client) -> Callable[..., httpx.Response]:
    """Return what asks the token endpoint as our client, with fields changed or left out."""

    def send(path: str = "token", **fields: str | None) -> httpx.Response:
        known: dict[str, str | None] = {"client_id": "us", "client_secret": "s & p:ce"}
        chosen = {name: value for name, value in (known | fields).items() if value is not None}
        return browser.post(f"/oauth/{path}", data=chosen)

    return send


@pytest.fixture
def exchange(tell: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    """Return what turns a code into tokens."""

    def send(code: str, **fields: str | None) -> httpx.Response:
        right = {"redirect_uri": BACK, "code_verifier": VERIFIER}
        return tell(grant_type="authorization_code", code=code, **right | fields)

    return send


@pytest.fixture
def refresh(tell: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    """Return what uses a refresh token."""
    return lambda token, **fields: tell(grant_type="refresh_token", refresh_token=token, **fields)


def works(browser: httpx.Client, tokens: dict[str, Any]) -> bool:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return browser.get("/v3/export-jobs", headers=headers).status_code == 200


def test_a_person_sees_what_is_asked_for_and_may_say_no(
    browser: httpx.Client, client: OAuthClient
) -> None:
    page = browser.get("/oauth/authorize", params=asking())
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    for word in (client.id, "export-jobs:read", "st&amp;te", 'value="allow"', 'value="deny"'):
        assert word in page.text
    answer = browser.post("/oauth/authorize", data=asking() | {"decision": "deny"})
    query = httpx.URL(answer.headers["Location"]).params
    assert (query["error"], query["state"]) == ("access_denied", "st&te")


@pytest.mark.parametrize(
    "changed", [{"client_id": "them"}, {"redirect_uri": f"{BACK}/"}, {"redirect_uri": None}]
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    browser: httpx.Client, client: OAuthClient, changed: dict[str, str | None]
) -> None:
    assert client.redirect_uris == (BACK,)
    answer = browser.get("/oauth/authorize", params=asking(**changed))
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "export-jobs:read all"}, "invalid_scope"),
    ],
)
def test_a_wrong_request_goes_back_with_its_error(
    browser: httpx.Client, client: OAuthClient, changed: dict[str, str | None], error: str
) -> None:
    assert client.id == "us"
    answer = browser.get("/oauth/authorize", params=asking(**changed))
    query = httpx.URL(answer.headers["Location"]).params
    assert (answer.status_code, query["error"], query["state"]) == (303, error, "st&te")


def test_a_code_gives_tokens_that_have_the_scopes_asked_for(
    browser: httpx.Client, consent: Callable[[], str], exchange: Callable[..., httpx.Response]
) -> None:
    answer = exchange(consent())
    tokens = answer.json()
    assert (tokens["expires_in"], tokens["token_type"]) == (3600, "Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    assert works(browser, tokens)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert browser.post("/v3/export-job-events", headers=headers).status_code == 403
    assert browser.get("/v3/export-jobs", auth=(tokens["access_token"], "")).status_code == 401
    made = browser.get("/v1/installations/me", headers=headers).json()
    assert made["status"] == "AUTHORIZED"
    activated = browser.post("/v1/installations/me:activate", headers=headers).json()
    assert (activated["id"], activated["status"]) == (made["id"], "ACTIVATED")


def test_a_client_may_say_who_it_is_in_the_header(
    browser: httpx.Client, consent: Callable[[], str], exchange: Callable[..., httpx.Response]
) -> None:
    fields = {"grant_type": "authorization_code", "code": consent(), "redirect_uri": BACK}
    fields |= {"code_verifier": VERIFIER}
    quoted = ("us", "s+%26+p%3Ace")
    assert browser.post("/oauth/token", data=fields, auth=quoted).status_code == 200
    wrong = browser.post("/oauth/token", data=fields, auth=("us", "s"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert exchange("x", client_secret="s").json()["error"] == "invalid_client"


def test_a_code_that_comes_twice_takes_back_what_it_gave(
    browser: httpx.Client,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
    refresh: Callable[..., httpx.Response],
) -> None:
    code = consent()
    tokens = exchange(code).json()
    assert exchange(code).json()["error"] == "invalid_grant"
    assert not works(browser, tokens)
    assert refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": BACK + "?x=1"},
        {"client_id": "them", "client_secret": "theirs"},
        {"code": "unknown"},
    ],
)
def test_a_code_is_for_its_client_its_address_and_its_verifier(
    state: State,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
    changed: dict[str, str],
) -> None:
    state.oauth.add_client([BACK], client_id="them", secret="theirs")
    answer = exchange(**{"code": consent()} | changed)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_and_an_access_token_expire(
    browser: httpx.Client,
    state: State,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
) -> None:
    code, tokens = consent(), exchange(consent()).json()
    state.clock.advance(timedelta(seconds=61))
    assert exchange(code).json()["error"] == "invalid_grant"
    assert works(browser, tokens)
    state.clock.advance(timedelta(hours=1))
    assert not works(browser, tokens)


def test_a_refresh_rotates_both_tokens_and_the_old_ones_die_at_once(
    browser: httpx.Client,
    state: State,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
    refresh: Callable[..., httpx.Response],
) -> None:
    first = exchange(consent()).json()
    second = refresh(first["refresh_token"]).json()
    assert (works(browser, first), works(browser, second)) == (False, True)
    assert state.count("refreshed") == 1
    assert refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert works(browser, second)


def test_an_expired_refresh_token_is_the_last(
    state: State,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
    refresh: Callable[..., httpx.Response],
) -> None:
    tokens = exchange(consent()).json()
    state.clock.advance(timedelta(days=60))
    assert refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert [each.ended for each in state.oauth.authorisations.values()] == [
        "an expired refresh token was used"
    ]


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_authorisation(
    browser: httpx.Client,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
    tell: Callable[..., httpx.Response],
    refresh: Callable[..., httpx.Response],
    which: str,
) -> None:
    tokens = exchange(consent()).json()
    assert tell("revoke", token="unknown").status_code == 200
    assert works(browser, tokens)
    assert tell("revoke", token=tokens[which]).status_code == 200
    assert not works(browser, tokens)
    assert refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_lost_reply_did_or_did_not_rotate(
    state: State,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
    refresh: Callable[..., httpx.Response],
) -> None:
    token = exchange(consent()).json()["refresh_token"]
    for kind in (Kind.DROP_BEFORE, Kind.DROP_AFTER):
        state.faults = [Fault(kind, "token", times=1)]
        with pytest.raises(httpx.TransportError):
            refresh(token)
    assert state.count("refreshed") == 1
    assert refresh(token).json()["error"] == "invalid_grant"


def test_what_is_no_form_or_says_a_thing_twice_is_refused(
    browser: httpx.Client, tell: Callable[..., httpx.Response], client: OAuthClient
) -> None:
    assert client.id == "us"
    assert browser.post("/oauth/token", json={"client_id": "us"}).status_code == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = browser.post("/oauth/token", content="client_id=us&client_id=us", headers=form)
    assert twice.json()["error"] == "invalid_request"
    assert tell(grant_type="password").json()["error"] == "unsupported_grant_type"


def test_authorisations_outlive_a_restart(
    tmp_path: Path,
    state: State,
    consent: Callable[[], str],
    exchange: Callable[..., httpx.Response],
) -> None:
    state.oauth.access_seconds = 7
    tokens = exchange(consent()).json()
    store.save(state, tmp_path / "pleo.json")
    again = store.load(tmp_path / "pleo.json")
    assert again.oauth.authorisations == state.oauth.authorisations
    assert again.oauth.clients == state.oauth.clients
    assert (again.oauth.access_seconds, again.oauth.code_seconds) == (7, 60)
    with SandboxServer(again) as server, httpx.Client(base_url=server.url) as browser:
        assert works(browser, tokens)

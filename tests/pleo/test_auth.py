"""Keys and tokens reach Pleo's host alone and no text of ours."""

from __future__ import annotations

import base64

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.errors import ConfigurationError
from counterfoil.pleo import ApiKeyAuth, BearerAuth, PleoClient
from tests.pleo.small_pleo import COMPANY

SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8)


def header_of(auth: httpx.Auth) -> str:
    request = next(auth.auth_flow(httpx.Request("GET", "https://external.pleo.io/")))
    return str(request.headers["Authorization"])


@given(SECRETS)
def test_an_api_key_is_the_user_with_an_empty_password(key: str) -> None:
    kind, _, pair = header_of(ApiKeyAuth(key)).partition(" ")
    assert (kind, base64.b64decode(pair).decode()) == ("Basic", f"{key}:")


@given(SECRETS)
def test_a_token_is_sent_as_it_is(token: str) -> None:
    assert header_of(BearerAuth(token)) == f"Bearer {token}"


def test_a_key_that_was_replaced_is_read_again_once() -> None:
    """The refused request goes again with the new key; without a new one, it stays refused."""
    kept = ["old"]
    auth = ApiKeyAuth("old", again=lambda: kept[0])

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if header_of(ApiKeyAuth("new")) in told(request) else 401)

    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as client:
        assert client.get("https://external.pleo.io/").status_code == 401
        kept[0] = "not a key"
        assert client.get("https://external.pleo.io/").status_code == 401
        kept[0] = "new"
        assert client.get("https://external.pleo.io/").status_code == 200
    assert header_of(auth) == header_of(ApiKeyAuth("new"))


def told(request: httpx.Request) -> str:
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("kind", [ApiKeyAuth, BearerAuth])
def test_no_secret_shows(kind: type[ApiKeyAuth | BearerAuth]) -> None:
    assert repr(kind("hush-hush")) == f"{kind.__name__}(***)"


@pytest.mark.parametrize("secret", ["", "hush hush", "hush\n", "hush\x00", "høsh"])
@pytest.mark.parametrize("kind", [ApiKeyAuth, BearerAuth])
def test_a_secret_no_header_can_carry_is_refused_without_being_told(
    kind: type[ApiKeyAuth | BearerAuth], secret: str
) -> None:
    with pytest.raises(ConfigurationError, match="copy it again") as caught:
        kind(secret)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "external.pleo.io",
        "ftp://external.pleo.io",
        "https://",
        "https://user:pass@external.pleo.io",
        "https://external.pleo.io/?key=1",
        "https://external.pleo.io/#top",
        "https://external.pleo.io:port",
    ],
)
def test_a_base_url_that_is_more_or_less_than_a_host_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        PleoClient(url, ApiKeyAuth("key"), company_id=COMPANY)


def test_a_base_url_may_end_with_a_slash_or_have_a_path() -> None:
    client = PleoClient("https://gateway.test/pleo/", ApiKeyAuth("key"), company_id=COMPANY)
    assert client.base_url == "https://gateway.test/pleo"

"""The two pages on the wire: what they send, and to whom; the browser's stories are elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.types import ASGIApp, Message

from counterfoil.register import Register
from counterfoil.web import consent
from counterfoil.web.app import create_app
from counterfoil.web.consent import consent_routes

if TYPE_CHECKING:
    from tests.oauth.conftest import Place

SERVICE = "https://counterfoil.example.com"


def pages(place: Place, register: Register) -> ASGIApp:
    oauth = place.connection.oauth
    assert oauth is not None
    routes = consent_routes(place.authoriser(register), oauth.auth_url, oauth.redirect_uri)
    return create_app(*routes)


@pytest.fixture
async def browser(place: Place, register: Register) -> AsyncIterator[httpx.AsyncClient]:
    """Reach the pages at an address with TLS, as through a proxy."""
    uri = f"{SERVICE}/oauth/callback"
    place.state.oauth.add_client([uri], client_id="sandbox-client", secret="sandbox-secret")
    place.configure(redirect_uri=uri)
    transport = httpx.ASGITransport(pages(place, register))
    async with httpx.AsyncClient(transport=transport, base_url=SERVICE) as client:
        yield client


async def test_a_cookie_ties_the_consent_to_the_browser_that_began_it(
    browser: httpx.AsyncClient, place: Place, register: Register
) -> None:
    link = httpx.URL(place.authoriser(register).link("acme"))
    page = await browser.get(link)
    assert link.params["link"] in page.text
    assert f"form-action 'self' {place.server.url};" in page.headers["Content-Security-Policy"]
    begun = await browser.post(link.path, data={"link": link.params["link"]})
    cookie = begun.headers["Set-Cookie"].lower()
    for word in ("httponly", "secure", "samesite=lax", "path=/oauth/callback", "max-age=600"):
        assert word in cookie
    assert begun.headers["Location"].startswith(f"{place.server.url}/oauth/authorize?")
    back = place.allow(begun.headers["Location"])
    async with httpx.AsyncClient(transport=browser._transport, base_url=SERVICE) as other:
        assert (await other.get("/connect/acme")).status_code == 403
    done = await browser.get("/oauth/callback", params=back)
    assert (done.status_code, "acme is connected" in done.text) == (200, True)
    assert place.company.installation is not None
    assert place.company.installation["status"] == "ACTIVATED"
    assert not browser.cookies


async def test_one_browser_may_have_two_consents_under_way(
    browser: httpx.AsyncClient, place: Place, register: Register
) -> None:
    begun = []
    for _ in range(2):
        link = httpx.URL(place.authoriser(register).link("acme"))
        answer = await browser.post(link.path, data={"link": link.params["link"]})
        begun.append(place.allow(answer.headers["Location"]))
    for back in begun:
        assert (await browser.get("/oauth/callback", params=back)).status_code == 200


@pytest.mark.parametrize("form", ["", "link=", "link=unknown", "link=" + "x" * 5000, "%ff=%fe"])
async def test_without_a_good_link_nothing_begins(
    browser: httpx.AsyncClient, register: Register, form: str
) -> None:
    answer = await browser.post("/connect/acme", content=form)
    assert (answer.status_code, "Location" in answer.headers) == (403, False)
    assert "Set-Cookie" not in answer.headers
    assert register.authorisations.get("acme") is None


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_form_that_does_not_come_is_not_waited_for(
    place: Place, register: Register, monkeypatch: pytest.MonkeyPatch, *, hangs_up: bool
) -> None:
    monkeypatch.setattr(consent, "FORM_SECONDS", 0.05)
    sent: list[Message] = []

    async def receive() -> Message:
        if not hangs_up:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/connect/acme", "headers": []}
    await pages(place, register)(scope | {"query_string": b""}, receive, send)
    assert sent[0]["status"] == 403
    assert ((b"connection", b"close") in sent[0]["headers"]) is not hangs_up


async def test_what_comes_from_the_wire_is_shown_as_text(
    browser: httpx.AsyncClient, place: Place, register: Register
) -> None:
    state = httpx.URL(place.authoriser(register).begin("acme").url).params["state"]
    said = {"state": state, "error": "<script>alert(1)</script>"}
    answer = await browser.get("/oauth/callback", params=said)
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_trouble_of_ours_is_not_shown_to_strangers(place: Place) -> None:
    with place.config.open_register() as sealed:
        link = httpx.URL(place.authoriser(sealed).link("acme"))
        state = httpx.URL(place.authoriser(sealed).begin("acme").url).params["state"]
        transport = httpx.ASGITransport(pages(place, sealed))
        place.environ["CLIENT_SECRET"] = "changed"
        async with httpx.AsyncClient(transport=transport, base_url=SERVICE) as browser:
            sealed.database.close()
            (place.folder / "counterfoil.db").unlink()
            (place.folder / "counterfoil.db").mkdir()
            for answer in (
                await browser.get(link.path, params=link.params),
                await browser.post(link.path, data={"link": link.params["link"]}),
                await browser.get("/oauth/callback", params={"state": state, "code": "c"}),
            ):
                assert (answer.status_code, "in its log why" in answer.text) == (503, True)
                assert str(place.folder) not in answer.text

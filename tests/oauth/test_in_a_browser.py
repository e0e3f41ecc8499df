"""The whole of OAuth in a real browser: from a link to booked expenses, and from a terminal."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from counterfoil.sandbox import DEFAULT_CLIENT, DEFAULT_SECRET
from tests.oauth.conftest import Place

# A browser, and programs beside it: a loaded machine takes its time.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 90
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")


@pytest.fixture
def page(debian_program: Callable[[str], str]) -> Iterator[Page]:
    """Open a page in Debian's Chromium, without a screen."""
    chromium = debian_program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield fresh(browser)
        browser.close()


def fresh(browser: Browser) -> Page:
    """Open a page with cookies of its own."""
    page = browser.new_context().new_page()
    page.set_default_timeout(SECONDS * 1000)
    return page


@pytest.fixture
def place(place: Place) -> Place:
    """Register an address on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}/oauth/callback"
    place.state.oauth.add_client([uri], client_id=DEFAULT_CLIENT, secret=DEFAULT_SECRET)
    place.configure(redirect_uri=uri)
    return place


@contextmanager
def counterfoil(place: Place, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process of its own, and end it."""
    with subprocess.Popen(
        [sys.executable, "-m", "counterfoil", *arguments],
        cwd=place.folder,
        env={**os.environ, **place.environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def address_in(process: subprocess.Popen[str]) -> str:
    """Read on until the command has printed an address on a line of its own."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.fullmatch(r"\s+(http://\S+)\s*", line):
            return found[1]
    raise AssertionError("no address was printed")


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def consents(page: Page) -> None:
    """Say yes on Pleo's page."""
    assert page.locator("li").all_inner_texts() == [
        "export-items:read",
        "export-jobs:read",
        "export-jobs:write",
    ]
    page.get_by_role("button", name="Allow").click()


def link(place: Place) -> str:
    with counterfoil(place, "connections", "authorise", "acme", "--link") as process:
        return address_in(process)


def another_link(place: Place) -> str:
    """Make one as the command does, without its start."""
    with place.config.open_register() as register:
        return place.authoriser(register).link("acme")


@pytest.mark.parametrize("more", [(), ("--link",)])
def test_a_place_to_come_back_to_that_is_not_on_this_machine_is_refused(
    place: Place, more: Sequence[str]
) -> None:
    back = "https://example.com/oauth/callback" if not more else "http://127.0.0.1:9/callback"
    with counterfoil(
        place, "connections", "authorise", "acme", "--redirect-uri", back, *more
    ) as process:
        assert process.wait(60) == 2


def test_a_link_leads_through_consent_to_booked_expenses(place: Place, page: Page) -> None:
    port = place.config.connections[0].oauth
    assert port is not None
    service = port.redirect_uri.removesuffix("/oauth/callback")
    job = next(iter(place.state.jobs))
    with counterfoil(place, "serve", "--port", service.rpartition(":")[2]) as process:
        assert process.stdout is not None
        assert "Serving 1 connection;" in process.stdout.readline()
        shown = connections(service)[0]
        assert "connections authorise acme" in shown["error"]
        first = link(place)
        page.goto(first)
        assert place.company.id in page.inner_text("main")
        page.get_by_role("button", name="Continue to Pleo").click()
        consents(page)
        page.get_by_role("heading", name="acme is connected").wait_for()
        assert page.url.startswith(f"{service}/oauth/callback?")
        assert page.context.cookies() == []
        wait_for(lambda: place.state.job(job).status == "completed")
        refused_afterwards(place, page, first)
        assert connections(service)[0]["error"] is None


TOKEN = {"Authorization": "Bearer serve-token"}


def connections(service: str) -> list[dict[str, str]]:
    """Ask the service how its connections are, as soon as one was looked at."""
    found: list[dict[str, str]] = []

    def looked_at() -> bool:
        nonlocal found
        found = httpx.get(f"{service}/connections", headers=TOKEN, timeout=SECONDS).json()["data"]
        return found[0]["lookedAt"] is not None

    wait_for(looked_at)
    return found


def refused_afterwards(place: Place, page: Page, used: str) -> None:
    """Try what was used up, a no, and somebody else's browser: nothing changes."""
    again = page.url
    for address in (used, again):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status in {400, 403}
        headers = answer.headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
        assert page.inner_text("h1") == "Not connected"
    page.goto(another_link(place))
    page.get_by_role("button", name="Continue to Pleo").click()
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("heading", name="Not connected").wait_for()
    page.goto(another_link(place))
    page.get_by_role("button", name="Continue to Pleo").click()
    browser = page.context.browser
    assert browser is not None
    other = fresh(browser)
    other.goto(page.url)
    consents(other)
    other.get_by_role("heading", name="Not connected").wait_for()
    assert "another browser" in other.inner_text("main")


def test_a_person_at_a_terminal_consents_in_a_browser(place: Place, page: Page) -> None:
    with counterfoil(place, "connections", "authorise", "acme") as process:
        page.goto(address_in(process))
        consents(page)
        page.get_by_role("heading", name="acme is connected").wait_for()
        assert process.wait(SECONDS) == 0
    with counterfoil(place, "run", "--once") as process:
        assert process.wait(SECONDS) == 0
    assert place.state.job(next(iter(place.state.jobs))).status == "completed"

"""Real processes that share one authorisation: one refreshes, whoever is killed when."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.oauth import worker
from tests.oauth.conftest import Place

pytestmark = pytest.mark.slow

WORKER = Path(worker.__file__)
WORKERS = 4


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, place: Place) -> Place:
    """Connect, with a register in a file or on PostgreSQL."""
    if request.param == "postgres":
        place.environ["REGISTER_URL"] = str(request.getfixturevalue("postgres_url"))
        place.configure(register="env:REGISTER_URL")
    return place


@pytest.fixture
def start(place: Place) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a worker, which waits until it is told to go."""
    with ExitStack() as running:

        def begin(*arguments: str) -> subprocess.Popen[str]:
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, str(WORKER), str(place.path), *arguments],
                    env={**os.environ, **place.environ},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            running.callback(process.kill)
            return process

        yield begin


def go(workers: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Wait until all are ready, let them go at once; return what each said in the end."""
    for each in workers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate(timeout=100)[0].splitlines() for each in workers]
    return [lines[-1] if lines else "" for lines in said]


def connect(place: Place, *, expired: bool) -> None:
    """Consent; an hour ago, as both sides have it, where the access token has to be over."""
    with place.config.open_register() as register:
        asyncio.run(place.consent(register))
        held = register.authorisations.get("acme")
        assert held is not None
        assert held.tokens is not None
        if expired:
            hour = timedelta(hours=1)
            issued_at, expires_at = held.tokens.issued_at - hour, held.tokens.expires_at - hour
            old = replace(held.tokens, issued_at=issued_at, expires_at=expires_at)
            where = {"auth_url": held.auth_url, "client_id": held.client_id}
            register.authorisations.consented("acme", old, **where)
            place.authorisation.access_until = place.state.clock.now()


def test_four_workers_make_exactly_one_refresh_at_expiry(
    shared: Place, start: Callable[..., subprocess.Popen[str]]
) -> None:
    connect(shared, expired=True)
    workers = [start("3") for _ in range(WORKERS)]
    assert go(workers) == ["1"] * WORKERS
    assert shared.state.count("refreshed") == 1
    assert shared.requests().count("/oauth/token") == 2
    refused = [entry for entry in shared.state.events if entry.status == 401]
    assert refused == []


def test_four_workers_whose_token_is_refused_make_exactly_one_refresh(
    place: Place, start: Callable[..., subprocess.Popen[str]]
) -> None:
    connect(place, expired=False)
    place.authorisation.access_until = None
    assert go([start("3") for _ in range(WORKERS)]) == ["1"] * WORKERS
    assert place.state.count("refreshed") == 1


@pytest.mark.parametrize(
    ("when", "name", "said"),
    [
        ("before", "pleo.refresh_tokens", "1"),
        ("before", "register.store_tokens", "ConsentNeeded"),
        ("after", "register.store_tokens", "1"),
    ],
)
def test_a_worker_killed_in_a_refresh_leaves_the_lock_and_perhaps_no_consent(
    place: Place,
    start: Callable[..., subprocess.Popen[str]],
    when: str,
    name: str,
    said: str,
) -> None:
    connect(place, expired=True)
    killed, next_one = start("1", when, name), start("1")
    assert go([killed]) == [""]
    assert killed.returncode == -signal.SIGKILL
    (words,) = go([next_one])
    assert words.split()[0] == said
    assert place.state.count("refreshed") == 1
    with place.config.open_register() as register:
        held = register.authorisations.get("acme")
    assert held is not None
    assert (held.tokens is None) == (said == "ConsentNeeded")

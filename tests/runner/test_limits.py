"""How often hosts are asked, and that a host that holds one off holds all off."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from counterfoil.config import load
from counterfoil.limits import HeldOff, Limits, hold_off, limited, on_behalf_of, turn
from counterfoil.pleo import PleoClient
from counterfoil.pleo.errors import PleoRateLimited, PleoUnanswered
from counterfoil.register import Register
from counterfoil.runner.around import working_for
from counterfoil.runner.once import run_once
from counterfoil.runner.serving import ConnectionState, State
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.telemetry import hearing
from counterfoil.testing.world import World
from tests.acme import Acme


class Still:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_second_s_worth_goes_at_once_and_the_rest_waits_its_turn() -> None:
    clock = Still()
    limits = Limits(per_host=4, clock=clock)
    assert [limits.reserve("pleo", str(name)) for name in range(7)] == [
        0, 0, 0, 0, 0.25, 0.5, 0.75,
    ]  # fmt: skip
    assert limits.reserve("tryton", "a") == 0
    clock.now += 10
    assert limits.reserve("pleo", "a") == 0


def test_each_connection_has_a_share_of_its_own() -> None:
    limits = Limits(per_connection=1, clock=Still())
    waits = [limits.reserve("pleo", name) for name in ("a", "b", "a", "b", "a")]
    assert waits == [0, 0, 1, 1, 2]


def test_less_than_one_a_second_is_a_rate_too() -> None:
    limits = Limits(per_host=0.5, clock=Still())
    assert [limits.reserve("pleo", "a") for _ in range(3)] == [0, 2, 4]


async def test_a_host_that_holds_one_off_holds_off_every_step_and_connection() -> None:
    told: list[tuple[str, float]] = []
    with limited(Limits(held=lambda host, seconds: told.append((host, seconds)))):
        hold_off("https://Pleo.example/v3/jobs", 429, 0.2)
        hold_off("https://pleo.example/v3/jobs", 500, 30)
        hold_off("https://other.example/", 429, None)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with on_behalf_of("another"):
            await turn("https://pleo.example/v3/items")
        assert loop.time() - began >= 0.19
        hold_off("https://pleo.example/", 503, 10**9)
        with pytest.raises(HeldOff, match=r"pleo\.example asks us to wait for 3600 seconds"):
            await turn("https://pleo.example/receipt", rated=False)
        await turn("https://other.example/")
    assert told == [("pleo.example", 0.2), ("pleo.example", 3600)]
    await turn("https://pleo.example/")


async def test_what_pleo_says_to_one_client_is_heard_by_the_next() -> None:
    heard: list[tuple[str, str]] = []
    async with World() as world:
        world.fault(Kind.RATE_LIMIT, "list_jobs", value=3000, times=1)
        with (
            limited(Limits()),
            hearing(lambda what, _, labels: heard.append((what, labels.get("name", "")))),
        ):
            for _ in range(2):
                async with world.ready() as (_, pleo):
                    with pytest.raises(PleoRateLimited, match="wait"):
                        await pleo.list_jobs(["pending"])
    assert heard.count(("effect", "pleo.list_jobs")) == 1
    assert heard.count(("held off", "")) == 1


def test_what_a_host_said_to_another_process_counts_here_too(register: Register) -> None:
    now = datetime.now(UTC)
    register.host_pauses.note("over", now - timedelta(minutes=1), now=now)
    register.host_pauses.note("pleo.example", now + timedelta(minutes=1), now=now)
    # What it said before, to somebody else, does not end it sooner.
    register.host_pauses.note("pleo.example", now + timedelta(seconds=5), now=now)
    limits = Limits()
    with limited(limits), working_for("acme", register):
        assert limits.held("pleo.example") == pytest.approx(60, abs=30)
        assert limits.held("over") == 0


async def test_a_connection_waits_where_pleo_asks_for_more_patience_than_a_run_has(
    acme: Acme,
) -> None:
    acme.export()
    acme.state.faults.append(Fault(Kind.RATE_LIMIT, "get_job", value=3000, times=1))
    config = load(acme.folder / "counterfoil.toml", os.environ)
    (report,) = await run_once(config)
    assert report.error is None
    assert "asks us to wait for 3000 seconds" in (report.waiting or "")
    assert (report.worked, report.books_away) == (False, False)
    state = ConnectionState(config.connections[0])
    state.note(report, datetime.now(UTC))
    assert (state.state, state.pause(300)) == (State.WAITING, 30)


async def test_what_can_be_resumed_waits_for_no_host_once_it_is_told_to_stop() -> None:
    told = iter([False, True])
    limits = Limits()
    limits.hold("pleo.example", 50)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with limited(limits), on_behalf_of("acme", lambda: next(told)), pytest.raises(HeldOff):
        await turn("https://pleo.example/", resumable=True)
    assert 0.9 < loop.time() - began < 5
    limits = Limits()
    limits.hold("files.example", 0.2)
    with limited(limits), on_behalf_of("acme", lambda: True):
        await turn("https://files.example/receipt", rated=False)


@pytest.mark.parametrize(("seconds", "waits"), [(120.0, True), (5.0, False), (None, False)])
async def test_where_pleo_is_away_for_a_time_that_it_names_the_connection_waits(
    acme: Acme, monkeypatch: pytest.MonkeyPatch, seconds: float | None, *, waits: bool
) -> None:
    async def away(*_: object) -> NoReturn:
        raise PleoUnanswered("503", status=503, retry_after=seconds)

    monkeypatch.setattr(PleoClient, "list_jobs", away)
    (report,) = await run_once(load(acme.folder / "counterfoil.toml", os.environ))
    assert (report.waiting, report.error) == (("503", None) if waits else (None, "503"))

"""What the simulated world is made of does what its real counterpart does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import PleoUnanswered
from counterfoil.pleo.retry import Retries
from counterfoil.register import Register, RegisterUnavailable
from counterfoil.register.connections import Binding
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.state import Company, State
from counterfoil.testing.inprocess import PLEO, InProcessPleo
from counterfoil.testing.virtualtime import (
    START,
    NothingToWaitFor,
    SandboxTime,
    VirtualClock,
    VirtualLoop,
)
from tests.reliability.simulation_parts import disk


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """Give a loop in virtual time."""
    with VirtualLoop() as virtual:
        yield virtual


@pytest.fixture
def company(loop: VirtualLoop) -> Company:
    """Give a company in a Pleo whose time is the loop's."""
    return State(clock=SandboxTime(loop), seed=1).add_company()


def client(company: Company) -> PleoClient:
    """Give a client that sends each request once."""
    return PleoClient(
        PLEO,
        ApiKeyAuth(company.api_key),
        company_id=company.id,
        transport=InProcessPleo(company.state),
        retries=Retries(attempts=1),
    )


def test_waiting_takes_no_time_and_happens_in_order(loop: VirtualLoop) -> None:
    clock, wrong = VirtualClock(loop), VirtualClock(loop, timedelta(hours=1))
    woken: list[float] = []

    async def wait(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(loop.time())

    async def wait_all() -> None:
        await asyncio.gather(wait(7200), wait(5), wait(60))

    loop.run_until_complete(wait_all())
    assert woken == [5, 60, 7200]
    assert clock.now() == START + timedelta(hours=2)
    assert wrong.now() == START + timedelta(hours=3)
    assert SandboxTime(loop).now() == clock.now()


def test_what_nobody_will_do_is_not_waited_for(loop: VirtualLoop) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingToWaitFor):
        loop.run_until_complete(wait())


@pytest.mark.parametrize("kind", [Kind.DROP_AFTER, Kind.ERROR_AFTER, Kind.TORN])
def test_an_answer_that_is_lost_leaves_its_effect(
    loop: VirtualLoop, company: Company, kind: Kind
) -> None:
    company.add_item()
    job = company.state.queue_job(company.id)
    company.state.faults.append(Fault(kind, "post_event"))

    async def start() -> None:
        async with client(company) as pleo:
            await pleo.send_event(job, "started")

    if kind is Kind.TORN:  # the status says it all
        loop.run_until_complete(start())
    else:
        with pytest.raises(PleoUnanswered):
            loop.run_until_complete(start())
    assert company.state.job(job).status == "in_progress"


def test_a_slow_request_lands_though_nobody_waits_for_it(
    loop: VirtualLoop, company: Company
) -> None:
    company.add_item()
    job = company.state.queue_job(company.id)
    company.state.faults.append(Fault(Kind.SLOW, "post_event", value=100))

    async def start() -> str:
        async with client(company) as pleo:
            with pytest.raises(PleoUnanswered):
                await pleo.send_event(job, "started")
        return company.state.job(job).status

    assert loop.run_until_complete(start()) == "pending"
    assert loop.time() == 30
    loop.run_until_complete(asyncio.sleep(100))
    assert company.state.job(job).status == "in_progress"


def write_much(register: Register) -> None:
    """Write until the disk is full."""
    for number in range(1000):
        binding = Binding(name=f"{number}", company_id="c", environment="e", target="t")
        register.connections.bind(binding, now=START)


def test_a_register_survives_a_full_disk_and_comes_back_from_its_copy() -> None:
    own = disk(0)
    register = own.fresh()
    kept = own.image()
    own.fill()
    with pytest.raises(RegisterUnavailable, match="full"):
        write_much(register)
    own.empty_out()
    register.connections.raise_fence("c")
    assert register.connections.all() != ()
    own.put_back(kept)
    kept.close()
    assert register.connections.all() == ()
    assert register.connections.raise_fence("c") == 1

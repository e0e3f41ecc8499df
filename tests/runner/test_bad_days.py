"""Pleo down for an hour, and a disk that is full: it is said clearly, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from counterfoil.config import load
from counterfoil.export.run import JobResult
from counterfoil.pleo.errors import PleoUnanswered
from counterfoil.register import RegisterUnavailable
from counterfoil.runner.drain import drain
from counterfoil.runner.reports import ConnectionReport
from counterfoil.runner.serving import ConnectionState, State
from counterfoil.sandbox.faults import Kind
from counterfoil.testing.world import World
from tests.acme import CONFIGURATION

COMPANY = "12abc3d4-e567-890e-1234-abc56e78fabc"


async def test_when_pleo_was_down_for_an_hour_the_job_is_done_once_it_is_back() -> None:
    async with World() as world:
        (entry,) = world.company.add_items(1, account="6100")
        job = world.queue()
        down = world.fault(Kind.UNAVAILABLE)
        for _ in range(50):
            with pytest.raises(PleoUnanswered, match="503"):
                await world.drain()
            world.state.clock.advance(timedelta(minutes=1))
        world.state.faults.remove(down)
        (result,), _ = await world.drain()
        assert (result.job_id, result.outcome) == (job, "completed")
        assert world.ledger.copies(entry) == 1


async def test_a_full_disk_stops_a_run_and_the_next_one_goes_on() -> None:
    async with World() as world:
        entries = world.company.add_items(30, account="6100", note="word " * 400)
        job = world.queue()
        async with world.ready() as (register, pleo):
            fence = register.connections.raise_fence(world.company.id)
            _fill(register.database.engine)
            results: list[JobResult] = []
            with pytest.raises(RegisterUnavailable, match=r"full.*Nothing is lost"):
                await drain(lambda: world.exporting(register, pleo, fence), results)
        assert world.status(job) == "in_progress"
        (result,), _ = await world.drain()
        assert (result.job_id, result.outcome) == (job, "completed")
        assert {world.ledger.copies(entry) for entry in entries} == {1}


def _fill(engine: Engine) -> None:
    """Let the register grow no more than a little, as on a disk that is nearly full."""
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 6}")  # type: ignore[attr-defined]

    event.listen(engine, "connect", limit)
    engine.dispose()


def test_a_broken_connection_is_looked_at_less_and_less_and_one_that_waits_soon(
    tmp_path: Path,
) -> None:
    path = tmp_path / "counterfoil.toml"
    path.write_text(CONFIGURATION.format(url="https://external.pleo.io", company_id=COMPANY))
    config = load(path, {"PLEO_API_KEY": "key"})
    state = ConnectionState(config.connections[0])
    now = datetime.now(UTC)
    broken = ConnectionReport(name="acme", error="Pleo does not answer")
    pauses = []
    for _ in range(60):
        state.note(broken, now)
        pauses.append(state.pause(300))
    assert (state.state, pauses[:3], pauses[-1]) == (State.BROKEN, [300, 600, 1200], 3600)
    state.note(replace(broken, error=None, waiting="the books are away"), now)
    assert (state.state, state.pause(300), state.pause(10)) == (State.WAITING, 30, 10)
    assert state.error == "the books are away"
    state.note(replace(broken, error=None), now)
    assert (str(state.state), state.pause(300)) == ("idle", 300)

"""A pooler between us and PostgreSQL: recognised, told of, and fine for all but locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from counterfoil.errors import ConfigurationError
from counterfoil.register import LockHeld, open_register, upgrade
from counterfoil.testing.world import World
from tests.register.pooler import pooled

REFUSED = (
    r"\[register\] url: postgresql://postgres@127.0.0.1:\d+/\w+ is a pooler that gives each .*"
)
REMEDY = 'direct_url = "postgresql://USER@HOST/DATABASE"'

Pooler = Callable[..., str]


@pytest.fixture
def through(debian_program: Callable[[str], str], postgres_url: str) -> Iterator[Pooler]:
    """Put a pooler before a fresh register."""
    program = debian_program("pgbouncer")
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(pooled(program, postgres_url, **how))


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("round_robin", [0, 1])
def test_a_pooler_that_changes_the_session_is_refused(
    through: Pooler, size: int, round_robin: int
) -> None:
    url = through(size=size, round_robin=round_robin)
    with pytest.raises(ConfigurationError, match=REFUSED + REMEDY):
        open_register(url)


@pytest.mark.parametrize("round_robin", [0, 1])
@pytest.mark.parametrize(("used", "busy"), [(2, 0), (3, 0), (3, 1), (5, 2)])
def test_a_pooler_is_recognised_among_others_that_use_it(
    through: Pooler, round_robin: int, used: int, busy: int
) -> None:
    """It has sessions already, of which some are busy; none of the free ones is ours by right."""
    url = through(size=used, round_robin=round_robin)
    with ExitStack() as stack:
        others = [stack.enter_context(psycopg.connect(url)) for _ in range(used)]
        for other in others:
            other.execute("SELECT 1")
        for idle in others[busy:]:
            idle.rollback()
        with pytest.raises(ConfigurationError, match=REFUSED):
            open_register(url)


def test_a_pooler_is_refused_as_the_way_past_a_pooler(through: Pooler) -> None:
    url = through()
    with pytest.raises(ConfigurationError, match=r"\[register\] direct_url: .* is a pooler"):
        upgrade(url, direct_url=url)


def test_a_pooler_that_keeps_sessions_is_as_good_as_none(through: Pooler) -> None:
    url = through(mode="session")
    with (
        open_register(url) as register,
        register.locks.hold("company 1"),
        pytest.raises(LockHeld),
        register.locks.hold("company 1"),
    ):
        pass


async def test_an_export_works_through_a_pooler_with_locks_past_it(
    through: Pooler, postgres_url: str
) -> None:
    """Each transaction has another session, and nothing of it is prepared in an earlier one."""
    async with World() as world:
        world.register_url = through(size=2, round_robin=1)
        world.register_direct_url = postgres_url
        entries = [world.company.add_item() for _ in range(3)]
        job_id = world.queue(*entries)
        await world.drain()
        assert world.status(job_id) == "completed"
        assert len(world.ledger.records) == len(entries)

"""More companies wait than may be drained at once: who is asked for goes first."""

from __future__ import annotations

import asyncio

import pytest

from counterfoil.runner.turns import Turns


class Company:
    """Has turns, and notes when."""

    def __init__(self, turns: Turns, had: list[str], name: str) -> None:
        self.turns = turns
        self.had = had
        self.name = name
        self.asked = asyncio.Event()
        self.ends = asyncio.Event()
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        async with self.turns.turn(self.asked.is_set):
            self.had.append(self.name)
            await self.ends.wait()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_is_asked_for_goes_before_those_that_wait_longer() -> None:
    turns, had = Turns(1), list[str]()
    first, second, third, fourth = (Company(turns, had, name) for name in "abcd")
    await settled()
    assert had == ["a"]
    third.asked.set()
    for each in (first, third, second, fourth):
        each.ends.set()
        await settled()
    assert had == ["a", "c", "b", "d"]


async def test_no_more_at_once_than_may() -> None:
    turns, had = Turns(2), list[str]()
    companies = [Company(turns, had, name) for name in "abcde"]
    for number, each in enumerate(companies):
        await settled()
        assert len(had) == min(2 + number, 5)
        each.ends.set()
    await asyncio.gather(*(each.task for each in companies))
    assert had == list("abcde")


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "when it had got it"])
async def test_a_turn_is_not_lost_with_who_is_cancelled(*, late: bool) -> None:
    turns, had = Turns(1), list[str]()
    async with turns.turn(bool):
        second, third = (Company(turns, had, name) for name in "bc")
        await settled()
        if not late:
            second.task.cancel()
            await settled()
    second.task.cancel()
    await settled()
    assert (had, second.task.cancelled()) == (["c"], True)
    third.ends.set()
    async with asyncio.timeout(5), turns.turn(bool):
        pass


async def test_a_turn_that_fails_is_given_on() -> None:
    turns = Turns(1)
    with pytest.raises(RuntimeError):
        async with turns.turn(bool):
            raise RuntimeError
    async with turns.turn(bool):
        pass

"""``bean-check``, started ahead, judges what it is given, and is never left behind."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from counterfoil.systems.beancount import programs
from counterfoil.systems.beancount.programs import Judge
from counterfoil.systems.contract import BooksNotReady
from tests.beancount_programs import loaded
from tests.systems.ledgers import COFFEE, LedgerFolder, entry, look_up

OPEN = "2020-01-01 open Assets:Cash EUR\n"
SOUND = OPEN + '2026-03-05 * "Lunch"\n  Assets:Cash  12.50 EUR\n  Assets:Cash  -12.50 EUR\n'
WRONG = OPEN + '2026-03-05 * "Lunch"\n  Assets:Cash  12.50 EUR\n'


@pytest_asyncio.fixture
async def judge(tmp_path: Path) -> AsyncIterator[Judge]:
    """Give a judge with nothing started."""
    made = Judge(tmp_path)
    yield made
    await made.close()


def waiting(judge: Judge) -> asyncio.subprocess.Process:
    """Return the program that was started ahead."""
    assert judge._waiting is not None
    return judge._waiting[0]


def held(folder: Path) -> list[Path]:
    """List what a folder holds."""
    return list(folder.iterdir())


@pytest.mark.parametrize("ahead", [True, False])
async def test_it_says_what_is_wrong_and_in_which_line(judge: Judge, *, ahead: bool) -> None:
    if ahead:
        await judge.start()
    assert await judge.judge(SOUND) == []
    (finding,) = await judge.judge(WRONG)
    assert "does not balance" in finding.message
    assert finding.line == 2


async def test_the_same_text_is_read_anew_each_time(judge: Judge, tmp_path: Path) -> None:
    for text, errors in ((SOUND, 0), (WRONG, 1), (SOUND, 0)):
        assert len(await judge.judge(text)) == errors
    assert held(tmp_path) == []


async def test_one_program_is_started_for_each_text_however_often_it_is_asked_to(
    judge: Judge,
) -> None:
    await judge.start()
    first = waiting(judge)
    await judge.start()
    assert waiting(judge) is first
    await judge.judge(SOUND)
    await judge.start()
    assert waiting(judge) is not first


async def test_more_than_a_pipe_holds_is_taken(judge: Judge) -> None:
    text = SOUND + "; a remark that is long\n" * 20_000
    assert await judge.judge(text + WRONG[len(OPEN) :]) != []


async def test_where_one_has_died_meanwhile_another_judges(judge: Judge) -> None:
    await judge.start()
    waiting(judge).send_signal(signal.SIGKILL)
    await waiting(judge).wait()
    assert len(await judge.judge(WRONG)) == 1


async def test_one_that_hangs_with_nothing_to_do_is_ended(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "ENDING", 0.1)
    await judge.start()
    hanging = waiting(judge)
    hanging.send_signal(signal.SIGSTOP)
    await judge.close()
    assert hanging.returncode == -signal.SIGKILL


async def test_one_that_hangs_is_given_up(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 0.1)
    await judge.start()
    hanging = waiting(judge)
    hanging.send_signal(signal.SIGSTOP)
    with pytest.raises(BooksNotReady, match="no answer"):
        await judge.judge(SOUND * 10_000)
    assert hanging.returncode == -signal.SIGKILL


async def test_a_session_that_only_looked_leaves_none_behind(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await look_up(books, COFFEE)
        started = waiting(books._session.judge)
    assert started.returncode == 0
    async with ledger.books().reading() as books:
        await look_up(books, COFFEE)
        assert books._session._judge is None


async def test_what_was_started_ahead_judges_what_is_recorded(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await look_up(books, COFFEE)
        started = waiting(books._session.judge)
        await books.record([entry(COFFEE)])
        assert started.returncode == 0
    assert ledger.errors() == ""


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = f"""
import asyncio, os, pathlib, signal
from counterfoil.systems.beancount import programs
programs._find = lambda name: {loaded()!r}[name]
async def main():
    judge = programs.Judge(pathlib.Path({str(tmp_path)!r}))
    await judge.start()
    print(judge._waiting[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    command = Path(f"/proc/{int(done.stdout)}/cmdline")
    until = time.monotonic() + 20
    while "bean-check" in running(command):
        assert time.monotonic() < until
        time.sleep(0.02)


def running(command: Path) -> str:
    """Read the command line of a process; nothing once it has ended."""
    try:
        return command.read_text()
    except OSError:
        return ""

"""Runs ``bean-check`` and ``bean-query``, and reads what they print.

Beancount and beanquery are GPL: they are programs beside us, never imported. What their answers
mean is left to ``loading``. Both may share one load of a big ledger through a pickle cache, which
is kept in a private folder so that nothing is written beside the ledger. Most of what a small file
costs is the program's start, so that a ``Judge`` is started ahead.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import shutil
import site
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from counterfoil.effects import effect
from counterfoil.errors import JobFailureType, shorten
from counterfoil.systems.contract import BooksNotReady, Problem

__all__ = ["Finding", "Judge", "check", "missing_programs", "query", "select"]

CHECK = "bean-check"
QUERY = "bean-query"
INPUT = "/dev/stdin"
PATIENCE = 900.0
"""Seconds after which a program is given up; a ledger of 100,000 entries needs about fifteen."""

ENDING = 10.0
"""Seconds in which a program ends that has nothing to do."""

csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """An error that Beancount reports: its words, the file, and the line (0: none)."""

    message: str
    file: Path
    line: int

    @property
    def place(self) -> str:
        """``FILE:LINE``, or an empty text where Beancount names none."""
        return f"{self.file}:{self.line}" if self.line else ""


def missing_programs() -> list[str]:
    """Name the programs that are neither beside this Python nor on the path."""
    return [name for name in (CHECK, QUERY) if _find(name) is None]


async def check(ledger: Path, scratch: Path) -> list[Finding]:
    """Let Beancount read and judge a ledger with all it includes."""
    with effect("beancount.check", str(ledger)):
        output = await _run([CHECK, "--json", f"./{ledger.name}"], ledger, scratch)
    return _findings(output, ledger)


class Judge:
    """``bean-check``, started ahead: it loads meanwhile, and judges what it gets as its input.

    It ends with its input, so that none is left behind by a process that dies.
    """

    def __init__(self, scratch: Path) -> None:
        """Take the private folder to work in."""
        self._scratch = scratch
        self._waiting: tuple[Process, int] | None = None

    async def start(self) -> None:
        """Start it, unless it waits already; raises BooksNotReady."""
        await self._ready()

    async def judge(self, text: str) -> list[Finding]:
        """Return what Beancount has against a ledger of this text, which names no other file."""
        said = Path(INPUT)
        with effect("beancount.check", INPUT):
            (process, given), self._waiting = await self._ready(), None
            pipe = os.fdopen(given, "wb")
            giving = asyncio.get_running_loop().run_in_executor(None, _give, pipe, text)
            try:
                output = await _answer(process, CHECK, said)
            finally:
                # What is not taken any more is given up once the program has ended.
                await asyncio.wait({giving})
        return _findings(output, said)

    async def _ready(self) -> tuple[Process, int]:
        """Return a program that waits, and where it reads from."""
        if self._waiting is not None and self._waiting[0].returncode is not None:
            await self.close()
        if self._waiting is None:
            # Without a cache: what is judged has no name by which it could be told apart.
            command = [CHECK, "--json", "--no-cache", INPUT]
            taken, given = os.pipe()
            try:
                with effect("beancount.start", CHECK):
                    process = await _started(command, self._scratch, self._scratch, taken)
            except BaseException:
                os.close(given)
                raise
            finally:
                os.close(taken)
            self._waiting = process, given
        return self._waiting

    async def close(self) -> None:
        """End it, if it waits."""
        if self._waiting is not None:
            (process, given), self._waiting = self._waiting, None
            os.close(given)
            with effect("beancount.end", CHECK), suppress(BooksNotReady):
                await _answer(process, CHECK, Path(INPUT), patience=ENDING)


def _give(pipe: IO[bytes], text: str) -> None:
    with suppress(BrokenPipeError), pipe:
        pipe.write(text.encode())


def _findings(output: str, ledger: Path) -> list[Finding]:
    try:
        errors = json.loads(output)["errors"]
    except (ValueError, KeyError) as error:
        raise _failed(CHECK, ledger, output) from error
    return [
        Finding(error["message"], Path(error["filename"] or ""), error["lineno"] or 0)
        for error in errors
    ]


async def query(ledger: Path, statement: str, scratch: Path) -> list[list[str]]:
    """Ask one question of a ledger; the rows come back as texts, without blanks around numbers."""
    with effect("beancount.query", str(ledger)):
        output = await _run(
            [QUERY, "-q", "-f", "csv", f"./{ledger.name}", statement], ledger, scratch
        )
    rows = list(csv.reader(io.StringIO(output, newline="")))
    if not rows:
        raise _failed(QUERY, ledger, output)
    return [[field.strip() for field in row] for row in rows[1:]]


def select(table: str, columns: Iterable[str], where: str = "") -> str:
    """Put a query into words."""
    condition = ["where", where] if where else []
    return " ".join(["select", ", ".join(columns), "from", table, *condition])


def _find(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


async def _run(command: Sequence[str], ledger: Path, scratch: Path) -> str:
    """Run a program in the ledger's folder, so that no character of its path is interpreted."""
    process = await _started(command, ledger.parent, scratch, DEVNULL)
    return await _answer(process, command[0], ledger)


async def _started(command: Sequence[str], folder: Path, scratch: Path, stdin: int) -> Process:
    program = _find(command[0])
    if program is None:
        raise BooksNotReady(_not_installed(command[0]))
    return await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        cwd=folder,
        env=_environment(scratch),
        stdin=stdin,
        stdout=PIPE,
        stderr=PIPE,
    )


async def _answer(process: Process, name: str, ledger: Path, patience: float | None = None) -> str:
    """Wait for what a program prints; raises BooksNotReady where it fails."""
    patience = PATIENCE if patience is None else patience
    try:
        output, complaint = await asyncio.wait_for(process.communicate(), patience)
    except TimeoutError as error:
        raise _failed(name, ledger, f"no answer in {patience:.0f} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in {0, 1} or (process.returncode == 1 and not output):
        raise _failed(name, ledger, complaint.decode("utf-8", "replace"))
    return output.decode("utf-8", "surrogateescape")


def _environment(scratch: Path) -> dict[str, str]:
    """Keep the user's own start files and caches out of the way, and the output in UTF-8."""
    ours = {
        "BEANCOUNT_LOAD_CACHE_FILENAME": str(scratch / "{filename}.picklecache"),
        "HOME": str(scratch),
        "PYTHONUSERBASE": site.getuserbase(),
        "PYTHONUTF8": "1",
    }
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"BEANCOUNT_DISABLE_LOAD_CACHE", "PYTHONWARNINGS", "PYTHONIOENCODING"}
    }
    return kept | ours


def _not_installed(name: str) -> Problem:
    return Problem(
        message=f"{name} was not found beside {sys.executable} nor on the path. "
        "Install it with: pip install beancount beanquery",
        failure_type=JobFailureType.INTEGRATION_UNUSABLE,
    )


def _failed(name: str, ledger: Path, words: str) -> BooksNotReady:
    last = shorten(words.strip().rpartition("\n")[2] or "no output", 300)
    return BooksNotReady(
        Problem(
            message=f"{name} failed on {ledger}: {last}",
            failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
        )
    )

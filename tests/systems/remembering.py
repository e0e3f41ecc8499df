"""Beancount's own answers, asked for once: the same ledger is read many times by crash stories."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterfoil.systems.beancount import programs
from counterfoil.systems.beancount.programs import Finding, Judge

__all__ = ["MOMENT", "remembered_answers"]

MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""A time as it stands in a ledger."""


@contextmanager
def remembered_answers() -> Iterator[dict[str, str]]:
    """Run ``bean-check`` and ``bean-query`` only for files and questions that are new.

    When something was booked makes no file a new one: these stories do not look at it.
    """
    answers: dict[str, str] = {}
    judged: dict[str, list[Finding]] = {}
    ask, judge = programs._run, Judge.judge

    async def remembered(command: Sequence[str], ledger: Path, scratch: Path) -> str:
        key = _key(command, ledger)
        if key not in answers:
            answers[key] = await ask(command, ledger, scratch)
        return answers[key]

    async def idle(_: Judge) -> None:
        """Start nothing ahead: it is seldom needed."""

    async def remembering(by: Judge, text: str) -> list[Finding]:
        key = MOMENT.sub(b"", text.encode()).decode()
        if key not in judged:
            judged[key] = await judge(by, text)
        return judged[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "_run", remembered)
        patch.setattr(Judge, "start", idle)
        patch.setattr(Judge, "judge", remembering)
        yield answers


def _key(command: Sequence[str], ledger: Path) -> str:
    digest = hashlib.sha256(repr(command).encode())
    digest.update(str(ledger).encode())
    for path in sorted(ledger.parent.rglob("[!.]*")):
        if path.is_file():
            digest.update(f"\0{path}\0".encode() + MOMENT.sub(b"", path.read_bytes()))
    return digest.hexdigest()

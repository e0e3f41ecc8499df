"""Books that another program keeps (``system = "expenses-bridge"``): nothing of ours.

A program written against Pleo's old Expenses API books by itself, behind ``counterfoil expenses
bridge``. Nothing can be planned, looked up or written here; whoever tries is told so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from pydantic import BaseModel, ConfigDict

from counterfoil.systems.contract import (
    AccountingSystem,
    BooksNotReady,
    Capabilities,
    Problem,
    SystemKind,
    Uniqueness,
)

__all__ = ["KIND", "TARGET", "Elsewhere"]

TARGET = "expenses-bridge"
"""The identity of all books of this kind: we know nothing of them."""

WHY = Problem(
    message="The books are kept by your own integration, which counterfoil expenses bridge serves: "
    "Counterfoil can neither read nor write them"
)


class NoOptions(BaseModel):
    """Books elsewhere take no options."""

    model_config = ConfigDict(extra="forbid")


class Elsewhere:
    """Books that are never opened."""

    capabilities = Capabilities(uniqueness=Uniqueness.PROBE_ONLY)
    target = TARGET

    async def __aenter__(self) -> Self:
        """Refuse."""
        raise BooksNotReady(WHY)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Release nothing."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """Refuse to be looked into."""
        await self.__aenter__()
        yield self

    async def ready(self) -> Sequence[Problem]:
        """Say why nothing can be booked."""
        return [WHY]

    async def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise BooksNotReady(WHY)

    chart = find = record = all_records = other_postings = _refuse
    post = attach = settle = void = reverse = note = _refuse

    async def check(self) -> Sequence[str]:
        """Fault nothing: there is nothing of ours."""
        return ()


def _open(_options: BaseModel, _folder: Path) -> AccountingSystem:
    return Elsewhere()


KIND = SystemKind(name=TARGET, options=NoOptions, open=_open)

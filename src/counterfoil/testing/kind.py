"""Books in memory as an adapter, the way entry points give one."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from counterfoil.systems.contract import AccountingSystem, SystemKind
from counterfoil.testing.memory import MemoryBooks, MemoryLedger

__all__ = ["memory_kind"]


class NoOptions(BaseModel):
    """A ledger in memory takes no options."""

    model_config = ConfigDict(extra="forbid")


def memory_kind(ledger: MemoryLedger) -> SystemKind:
    """Return an adapter that opens this ledger, as if found by entry point."""

    def open_ledger(_options: BaseModel, _base: Path) -> AccountingSystem:
        return MemoryBooks(ledger)

    return SystemKind(name="memory", options=NoOptions, open=open_ledger)

"""What must be remembered: connections, jobs, items, parts with intents and outcomes; and locks.

The register is written around every booking and never trusted alone: the accounting system is
asked first, always. It leaves to ``export`` what to do with what it remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterfoil.register.connections import Connections
from counterfoil.register.database import Database, open_file, sqlite_path
from counterfoil.register.decisions import Decision, DecisionKind, Decisions
from counterfoil.register.items import Items
from counterfoil.register.jobs import Jobs
from counterfoil.register.locks import FileLocks, LockHeld, Locks
from counterfoil.register.open_items import OpenItems
from counterfoil.register.parts import Parts
from counterfoil.register.records import (
    ItemOutcome,
    JobRecord,
    JobState,
    KeptItem,
    PartRecord,
    PartState,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = [
    "Decision",
    "DecisionKind",
    "ItemOutcome",
    "JobRecord",
    "JobState",
    "KeptItem",
    "LockHeld",
    "Locks",
    "PartRecord",
    "PartState",
    "Register",
    "open_register",
    "register_on",
]


@dataclass(frozen=True)
class Register:
    """An open register, by concern."""

    database: Database
    locks: Locks
    connections: Connections
    jobs: Jobs
    items: Items
    parts: Parts
    decisions: Decisions
    open_items: OpenItems

    def __enter__(self) -> Self:
        """Use it as a block; it is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        self.database.close()


def open_register(url: str) -> Register:
    """Open the register at a SQLAlchemy URL (``sqlite:///PATH``), making or migrating it."""
    path = sqlite_path(url)
    locks = FileLocks(path.with_name(path.name + ".locks"))
    return register_on(open_file(path), locks)


def register_on(database: Database, locks: Locks) -> Register:
    """Put a register together on an open database."""
    return Register(
        database=database,
        locks=locks,
        connections=Connections(database),
        jobs=Jobs(database),
        items=Items(database),
        parts=Parts(database),
        decisions=Decisions(database),
        open_items=OpenItems(database),
    )

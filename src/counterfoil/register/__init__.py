"""What must be remembered: connections, jobs, items, parts with intents and outcomes; and locks.

The register is written around every booking and never trusted alone: the accounting system is
asked first, always. It leaves to ``export`` what to do with what it remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterfoil.register.added import AddedConnections
from counterfoil.register.api_keys import ApiKeys
from counterfoil.register.authorisations import Authorisations
from counterfoil.register.backlogs import Backlog, Backlogs
from counterfoil.register.books_away import Away, BooksAway
from counterfoil.register.connections import Connections
from counterfoil.register.consents import Consents
from counterfoil.register.database import Database, RegisterUnavailable
from counterfoil.register.decisions import Decision, DecisionKind, Decisions
from counterfoil.register.fences import FencedDatabase
from counterfoil.register.figures import Figures
from counterfoil.register.host_pauses import HostPauses
from counterfoil.register.installations import Installations
from counterfoil.register.items import Items
from counterfoil.register.jobs import Jobs
from counterfoil.register.locks import FileLocks, Holder, LockHeld, Locks
from counterfoil.register.looks import Look, Looks
from counterfoil.register.missing_receipts import MissingReceipts, WithoutReceipt
from counterfoil.register.notices import Notices
from counterfoil.register.open_items import OpenItems
from counterfoil.register.parts import Parts
from counterfoil.register.pauses import Pauses
from counterfoil.register.records import (
    ItemOutcome,
    JobRecord,
    JobState,
    KeptItem,
    PartRecord,
    PartState,
)
from counterfoil.register.retention import Pruned, Retention
from counterfoil.register.sealing import Seal, confirm_key
from counterfoil.register.sqlite import open_file, sqlite_path, sqlite_version, upgrade_file
from counterfoil.register.versions import SchemaMismatch
from counterfoil.register.wakeups import Delivery, Wakeups
from counterfoil.register.webhooks import Subscriptions

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = [
    "Away",
    "Backlog",
    "Decision",
    "DecisionKind",
    "Delivery",
    "Holder",
    "ItemOutcome",
    "JobRecord",
    "JobState",
    "KeptItem",
    "LockHeld",
    "Locks",
    "Look",
    "PartRecord",
    "PartState",
    "Pruned",
    "Register",
    "RegisterUnavailable",
    "SchemaMismatch",
    "Seal",
    "WithoutReceipt",
    "is_server",
    "open_register",
    "register_on",
    "sqlite_version",
    "upgrade",
]


@dataclass(frozen=True)
class Register:
    """An open register, by concern."""

    database: Database
    locks: Locks
    connections: Connections
    added: AddedConnections
    api_keys: ApiKeys
    installations: Installations
    pauses: Pauses
    jobs: Jobs
    items: Items
    parts: Parts
    decisions: Decisions
    open_items: OpenItems
    missing_receipts: MissingReceipts
    retention: Retention
    looks: Looks
    backlogs: Backlogs
    books_away: BooksAway
    figures: Figures
    host_pauses: HostPauses
    notices: Notices
    wakeups: Wakeups
    subscriptions: Subscriptions
    authorisations: Authorisations
    consents: Consents
    seal: Seal
    """Seals what must not be read by whoever gets at the database."""

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

    def under(self, company_id: str, fence: int) -> Register:
        """Return this register as a run has it: it writes while the company's fence is this one.

        Each of its writes raises FenceLost, and changes nothing, once another worker has begun.
        """
        fenced = FencedDatabase.of(self.database, company_id, fence)
        return _together(fenced, self.locks, self.seal)


def is_server(url: str) -> bool:
    """Whether a register's URL names a database of PostgreSQL, and not a file."""
    return url.partition(":")[0].partition("+")[0] in {"postgresql", "postgres"}


def open_register(url: str, *, direct_url: str | None = None, seal: Seal | None = None) -> Register:
    """Open the register at ``sqlite:///PATH`` or ``postgresql://USER@HOST/DATABASE``.

    A file is made or migrated; a database of PostgreSQL must have our schema (``upgrade``), and may
    be reached through a pooler where ``direct_url`` goes past it. What is secret is kept under
    ``seal``, by default without a key. Raises RegisterUnavailable, SchemaMismatch, and
    ConfigurationError for what cannot be a register, or where the key is missing or another's.
    """
    if is_server(url):
        from counterfoil.register.postgres import open_server  # noqa: PLC0415 -- loads psycopg

        return register_on(*open_server(url, direct_url), seal)
    path = sqlite_path(url)
    locks = FileLocks(path.with_name(path.name + ".locks"))
    return register_on(open_file(path), locks, seal)


def upgrade(url: str, *, direct_url: str | None = None) -> tuple[str | None, str]:
    """Bring a register's schema up to ours; return the version it had (None: none) and has.

    Raises LockHeld while any process works with a register on PostgreSQL, and what
    ``open_register`` raises.
    """
    if is_server(url):
        from counterfoil.register.postgres import upgrade_server  # noqa: PLC0415 -- loads psycopg

        return upgrade_server(url, direct_url)
    return upgrade_file(sqlite_path(url))


def register_on(database: Database, locks: Locks, seal: Seal | None = None) -> Register:
    """Put a register together on an open database, which is closed where the key is not its own."""
    seal = seal or Seal()
    try:
        confirm_key(database, seal)
    except BaseException:
        database.close()
        raise
    return _together(database, locks, seal)


def _together(database: Database, locks: Locks, seal: Seal) -> Register:
    return Register(
        database=database,
        locks=locks,
        connections=Connections(database),
        added=AddedConnections(database, seal),
        api_keys=ApiKeys(database, seal),
        installations=Installations(database),
        pauses=Pauses(database),
        jobs=Jobs(database, locks),
        items=Items(database, seal),
        parts=Parts(database, locks, seal),
        decisions=Decisions(database),
        open_items=OpenItems(database),
        missing_receipts=MissingReceipts(database),
        retention=Retention(database),
        looks=Looks(database),
        backlogs=Backlogs(database),
        books_away=BooksAway(database),
        figures=Figures(database),
        host_pauses=HostPauses(database),
        notices=Notices(database),
        wakeups=Wakeups(database),
        subscriptions=Subscriptions(database, seal),
        authorisations=Authorisations(database, seal),
        consents=Consents(database, seal),
        seal=seal,
    )

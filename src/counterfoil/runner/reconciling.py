"""Reconcile a connection: read Pleo, the books and the register, pair, judge, sum up.

The books are read first and looked up once more at the end, so that what a run books meanwhile is
not taken for missing. Nothing is written and no lock is taken, unless a repair is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.accounts import find_setting
from counterfoil.errors import ConnectionBroken, CounterfoilError
from counterfoil.export.expecting import Planner
from counterfoil.export.ports import Export
from counterfoil.export.totals import totals
from counterfoil.export.validate import ready_chart
from counterfoil.export.verdicts import Finding, judge
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import PleoRefused
from counterfoil.receipts.store import ReceiptStore
from counterfoil.register.locks import company_lock
from counterfoil.runner.binding import binding_of
from counterfoil.runner.credentials import pleo_for
from counterfoil.runner.reconcile_memory import Memory
from counterfoil.runner.reconcile_pairs import Joined, join
from counterfoil.runner.reconcile_repair import repair
from counterfoil.runner.reconcile_report import Compared, Reconciliation, Repair, Stray
from counterfoil.runner.reconcile_sides import PleoSide, read_books, read_pleo, read_pleo_again

if TYPE_CHECKING:
    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.bookkeeping.settings import Accounts
    from counterfoil.config import Config, Connection
    from counterfoil.export.pairs import Pair
    from counterfoil.register import Register
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["reconcile", "reconcile_all"]

ITEMS_OWN = "item-contra-account"
"""The rule of a line on the account that Pleo names for a wallet itself."""


async def reconcile_all(
    config: Config,
    register: Register | None,
    *,
    only: str | None = None,
    since: date | None = None,
    repairing: bool = False,
) -> tuple[Reconciliation, ...]:
    """Reconcile every connection (or the one named ``only``); trouble is told, not raised.

    One that an old program exports is passed over, unless it is named.
    """
    found = []
    for connection in config.connections:
        if only != connection.name and (only is not None or connection.bridge is not None):
            continue
        try:
            each = await reconcile(connection, register, since=since, repairing=repairing)
        except PleoRefused as refusal:
            error = str(refusal)
            each = Reconciliation(name=connection.name, since=since, error=error)
        except (CounterfoilError, OSError) as trouble:
            each = Reconciliation(name=connection.name, since=since, error=str(trouble))
        found.append(each)
    return tuple(found)


async def reconcile(
    connection: Connection,
    register: Register | None,
    *,
    since: date | None = None,
    repairing: bool = False,
) -> Reconciliation:
    """Compare both sides from a day on (None: since ever); ``register`` None: it is lost.

    With ``repairing``, outcomes that Pleo missed are reported, under the company's lock. Raises
    CounterfoilError when Pleo or the books cannot be read, or the connection is bound to others.
    """
    if connection.bridge is not None:
        raise ConnectionBroken(
            f"connection {connection.name} has [connection.bridge]: your old program books its "
            "expenses, so nothing of ours is in the books to be compared"
        )
    if register is not None:
        register.connections.check(binding_of(connection))
    with _alone(connection, register if repairing else None):
        async with _open(connection, register) as (pleo, books):
            chart = await ready_chart(books, connection.settings)
            reconciling = _Reconciling(connection, register, pleo, books, chart, since)
            return await reconciling.reconcile(repairing=repairing)


@contextmanager
def _alone(connection: Connection, register: Register | None) -> Iterator[None]:
    """Hold the company's lock, where there is something to write."""
    if register is None:
        yield
        return
    with register.locks.hold(company_lock(connection.company_id)):
        yield


@asynccontextmanager
async def _open(
    connection: Connection, register: Register | None
) -> AsyncIterator[tuple[PleoClient, AccountingSystem]]:
    async with (
        pleo_for(connection, register) as pleo,
        connection.open_books().reading() as books,
    ):
        yield pleo, books


@dataclass(frozen=True, slots=True)
class _Reconciling:
    """One connection, with both sides open to be read."""

    connection: Connection
    register: Register | None
    pleo: PleoClient
    books: AccountingSystem
    chart: Chart
    since: date | None

    async def reconcile(self, *, repairing: bool) -> Reconciliation:
        """Read, compare, repair if that is asked for, and sum up."""
        records = await self.books.all_records(self.since)
        memory = Memory.read(self.register, self.books.target, self.connection.company_id)
        ids = memory.ids(self.moment)
        side = await self.read_pleo(records, ids, memory)
        held = await read_books(self.books, records, {*ids, *side.of_item}, self.since)
        joined = self.join(side, held, ids, memory)
        findings = self.judged(joined.pairs)
        repairs: tuple[Repair, ...] = ()
        if repairing and self.register is not None:
            repairs = await repair(self.reporting(self.register), side, memory, findings)
            touched = {each.job_id for each in repairs}
            side = await read_pleo_again(self.pleo, side, touched)
            joined = self.join(side, held, ids, memory)
            findings = self.judged(joined.pairs)
        strays = await self.strays(joined.pairs)
        return Reconciliation(
            name=self.connection.name,
            since=self.since,
            compared=Compared(
                jobs=len(side.rows),
                records=sum(len(pair.records) for pair in joined.pairs),
                register=memory.first_job is not None,
                foreign=joined.foreign,
            ),
            findings=findings,
            strays=strays,
            totals=totals(joined.pairs, [stray.posting for stray in strays]),
            repairs=repairs,
        )

    @property
    def moment(self) -> datetime | None:
        """When the first day begins, where the company is."""
        zone = self.connection.settings.zone
        return datetime.combine(self.since, time(), zone) if self.since else None

    async def read_pleo(self, records: Sequence[Found], ids: set[str], memory: Memory) -> PleoSide:
        """Read Pleo's side of all that the others name."""
        booked = {record.reference.entry_id for record in records if record.state.live}
        return await read_pleo(
            self.pleo,
            since=self.moment,
            wanted=booked | ids,
            booked=booked,
            claimed={job.job_id: job.first_sent_at for job in memory.jobs.values()},
        )

    def join(
        self, side: PleoSide, held: Mapping[str, Sequence[Found]], ids: set[str], memory: Memory
    ) -> Joined:
        """Pair what lies in the time that is asked about."""
        settings = self.connection.settings_for(self.books)
        planner = Planner(
            chart=self.chart,
            settings=settings,
            today=datetime.now(UTC).astimezone(settings.zone).date(),
            capabilities=self.books.capabilities,
        )
        joined = join(side, held, ids, memory, planner)
        return replace(joined, pairs=tuple(filter(self.concerns, joined.pairs)))

    def concerns(self, pair: Pair) -> bool:
        """Whether an item is booked, or should be, in the time that is asked about.

        Where nobody knows its day, that of its job decides.
        """
        if self.since is None or self.moment is None:
            return True
        if pair.days:
            return max(pair.days) >= self.since
        created = pair.told.created_at if pair.told else None
        return created is None or created >= self.moment

    def judged(self, pairs: Sequence[Pair]) -> tuple[Finding, ...]:
        """Judge every pair; by day."""
        findings = (judge(pair, self.books.capabilities) for pair in pairs)
        return tuple(sorted(findings, key=lambda each: (each.day or date.min, each.entry_id)))

    def reporting(self, register: Register) -> Export:
        """Put together what reporting needs; nothing is booked, so no fence is raised."""
        return Export(
            connection=self.connection.name,
            company_id=self.connection.company_id,
            fence=0,
            pleo=self.pleo,
            books=self.books,
            register=register,
            receipts=ReceiptStore(self.connection.base_url),
            settings=self.connection.settings,
        )

    async def strays(self, pairs: Sequence[Pair]) -> tuple[Stray, ...]:
        """Read what others posted on the connection's accounts, and on wallets that Pleo names."""
        roles = _configured(self.connection.settings.accounts, self.chart)
        for account in _named_by_pleo(pairs):
            roles.setdefault(account, "wallet")
        postings = await self.books.other_postings(roles.keys(), self.since)
        strays = (Stray(posting=posting, role=roles[posting.account]) for posting in postings)
        return tuple(sorted(strays, key=lambda each: (each.posting.date, each.posting.place)))


def _configured(accounts: Accounts, chart: Chart) -> dict[str, str]:
    """Say what the configured accounts (ids) are for; an account with two roles has the first."""
    roles: dict[str, str] = {}
    for role in ("wallet", "out_of_pocket", "contra", "payable"):
        setting = getattr(accounts, role)
        names = setting.values() if isinstance(setting, Mapping) else filter(None, [setting])
        for name in names:
            roles.setdefault(find_setting(chart, name).id, role)
    return roles


def _named_by_pleo(pairs: Sequence[Pair]) -> set[str]:
    entries = (entry for pair in pairs for entry in pair.entries)
    return {line.account for entry in entries for line in entry.lines if line.rule == ITEMS_OWN}

"""Settle payments with their bills, once both are posted; what stays open says why.

It runs at the end of every job, over all payments of the book that are open, so that it does not
matter in which job, or in which order, the two came. It fails nothing: what does not work now is
tried again by the next run. Settling again what is settled changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import CounterfoilError, FenceLost
from counterfoil.export.matching import match, relation
from counterfoil.register.open_items import Relation, Settlement
from counterfoil.systems.contract import BooksNotReady, EntryState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from counterfoil.export.ports import Export
    from counterfoil.register.open_items import ItemKey, OpenItem
    from counterfoil.systems.contract import AccountingSystem, Found

__all__ = ["settle_alone", "settle_payments"]

log = structlog.get_logger(__name__)

CHUNK = 100
ALONE_SECONDS = 3600
"""How long a settling without a job may take."""
NOT_POSTED = "it waits until it and what it pays are posted"
NEXT_RUN = "the next run settles it: the books were away"


async def settle_payments(export: Export, books: AccountingSystem) -> None:
    """Settle every open payment whose bill is known, as far as the job's time allows."""
    payments = export.register.open_items.payments(books.target)
    for start in range(0, len(payments), CHUNK):
        if not export.lease.may_write(export.clock.now()):
            return
        settling = _Settling(export, books)
        await settling.settle(payments[start : start + CHUNK])
        if settling.away:
            return


async def settle_alone(export: Export) -> None:
    """Settle without a job: people may have posted drafts since the last one."""
    if not export.register.open_items.payments(export.books.target):
        return
    now = export.clock.now()
    export.lease.start(expires_in=ALONE_SECONDS, updated_at=now)
    try:
        async with export.books as books:
            if not await books.ready():
                await settle_payments(export, books)
    except BooksNotReady as error:
        log.warning("the next run settles payments", reason=str(error))


@dataclass
class _Settling:
    """One chunk of payments on its way."""

    export: Export
    books: AccountingSystem
    live: dict[ItemKey, Found] = field(default_factory=dict)
    done: list[Settlement] = field(default_factory=list)
    away: bool = False
    """Whether nothing more is asked of the books for now."""

    async def settle(self, payments: Sequence[OpenItem]) -> None:
        """Match, look both sides up, settle, and keep what became of each payment."""
        register, target = self.export.register.open_items, self.books.target
        bills = register.bills(target, payments)
        if bills:
            payments, bills = await self._present(payments, bills)
        known = register.settled(target, payments)
        open_because = {
            payment.reference: await self._pay(payment, bills, known) for payment in payments
        }
        now = self.export.clock.now()
        register.settle(target, self.done, open_because=open_because, now=now)

    async def _present(
        self, payments: Sequence[OpenItem], bills: Sequence[OpenItem]
    ) -> tuple[list[OpenItem], list[OpenItem]]:
        """Look all up; what is in the books no more is forgotten, and pays or owes nothing."""
        keys = [item.key for item in (*payments, *bills)]
        try:
            found = await self.books.find(keys)
        except BooksNotReady as error:
            self._wait(error)
            return [], []
        for key, every in found.items():
            for one in every:
                if one.state.live:
                    self.live[key] = one
        gone = [key for key in keys if key not in self.live]
        self.export.register.open_items.forget(self.books.target, gone)
        return (
            [payment for payment in payments if payment.key in self.live],
            [bill for bill in bills if bill.key in self.live],
        )

    async def _pay(
        self, payment: OpenItem, bills: Sequence[OpenItem], known: AbstractSet[Settlement]
    ) -> str | None:
        """Do what a payment does to its bills; return why it is open still, if it is."""
        matched = match(payment, bills)
        reasons = []
        for bill in matched.bills:
            pair = Settlement(payment.reference, bill.reference, relation(payment, bill))
            if pair in known:
                continue
            why = None
            if pair.relation is Relation.SETTLES:
                why = await self._settle(payment, bill, alone=len(matched.bills) == 1)
            if why is None:
                self.done.append(pair)
            reasons.append(why)
        return next(filter(None, [*reasons, matched.why]), None)

    async def _settle(self, payment: OpenItem, bill: OpenItem, *, alone: bool) -> str | None:
        """Mark a bill as paid in the books; return why that is not done."""
        own, other = self.live[payment.key], self.live[bill.key]
        places = _accounts(payment, own), _accounts(bill, other)
        if not places[0] & places[1]:
            here, there = (", ".join(sorted(each)) for each in places)
            return f"it stands on {here}, and {other.id} on {there}: move one of them in the books"
        if {own.state, other.state} != {EntryState.POSTED}:
            return NOT_POSTED
        if alone and own.settled and other.settled:
            return None
        return await self._ask(own.id, other.id)

    async def _ask(self, payment: str, bill: str) -> str | None:
        """Ask the books; whatever they answer, nothing fails."""
        if self.away:
            return NEXT_RUN
        try:
            await self.books.settle(payment, bill)
        except BooksNotReady as error:
            self._wait(error)
            return NEXT_RUN
        except FenceLost:
            raise
        except CounterfoilError as error:
            log.warning("a payment stays open", payment=payment, bill=bill, reason=str(error))
            return f"the books do not settle it with {bill}: {error}"
        except Exception as error:
            log.exception("a payment could not be settled", payment=payment, bill=bill)
            return f"settling it with {bill} failed ({type(error).__name__}: {error})"
        return None

    def _wait(self, error: BooksNotReady) -> None:
        self.away = True
        log.warning("the next run settles payments", reason=str(error))


def _accounts(item: OpenItem, found: Found) -> set[str]:
    """Return the accounts that an item's debt may stand on in the books, as they are now."""
    return {account for account, amount in found.lines if amount * item.amount > 0}

"""Open items: the bills and payments that we booked, and which payment settled which bill.

An item is open until it is cleared. Which payment belongs to which bill is decided by ``export``;
here it is remembered, so that a payment in a later job finds its bill, and a bill that is booked
after its payment finds the payment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, bindparam, case, delete, select, tuple_, update

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.bookkeeping.names import code_key
from counterfoil.register.dialects import Insert, insert
from counterfoil.register.remainders import left_of
from counterfoil.register.schema import named_items, open_items, settlements

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Table

    from counterfoil.register.database import Database

__all__ = [
    "ItemKey",
    "ItemKind",
    "ListedItem",
    "OpenItem",
    "OpenItems",
    "Relation",
    "Settlement",
]

ItemKey: TypeAlias = tuple[str, Part]
"""Pleo's accounting entry id and the part."""

NOT_PAID = "no payment of it is known"
NOT_TRIED = "it was booked, and no run has come to its end since"


class ItemKind(StrEnum):
    """Which side of a debt an item is."""

    BILL = "bill"
    """It makes a debt: a vendor's bill, a credit note, an employee's own spending."""
    PAYMENT = "payment"
    """It moves money for one: a payment, money back, a reimbursement."""


class Relation(StrEnum):
    """What a payment does to a bill."""

    SETTLES = "settles"
    RETURNS = "returns"
    """The money came back, and the bill is open again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A bill or a payment in a book, with all that the other side may be found by."""

    target: str
    reference: Reference
    kind: ItemKind
    account: str
    """The account of the books that the debt stands on."""
    amount: Decimal
    """What it moves on that account, signed, in major units; debit positive."""
    currency: str
    reconciliation_id: str
    reconciled_entries: tuple[str, ...] = ()
    """The reconciliation ids that it names as the other side."""
    vendor: str | None = None
    invoice_number: str | None = None
    paid_within: bool = False
    """Whether its own expense carries the other side."""
    external_id: str = ""
    """Its id in the books; empty while it is not booked."""

    @property
    def key(self) -> ItemKey:
        """What stays the same over all attempts."""
        return self.reference.entry_id, self.reference.part

    @property
    def invoice_key(self) -> str | None:
        """Vendor and invoice number as they are compared; None where either is missing."""
        if not (self.vendor and self.invoice_number):
            return None
        return f"{self.vendor}\n{code_key(self.invoice_number)}"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a payment did to a bill."""

    payment: Reference
    bill: Reference
    relation: Relation = Relation.SETTLES


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item that is open: how much of it (signed, as its amount), and why."""

    item: OpenItem
    open_amount: Decimal
    why: str


class OpenItems:
    """The register's ``open_items`` and ``settlements``."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def remember(self, items: Sequence[OpenItem]) -> None:
        """Keep what was booked; a new attempt opens the item, and payments of the last, again."""
        if not items:
            return
        with self._database.write("remember_open_items") as connection:
            connection.execute(_remember(connection), [_row(item) for item in items])
            _name(connection, items)
            for item in items:
                if item.reference.attempt > 1:
                    _reopen_payments(connection, item.target, _earlier_attempts(item.reference))

    def payments(self, target: str) -> list[OpenItem]:
        """Return the payments that are open."""
        return self._fetch(
            open_items.c.target == target,
            open_items.c.kind == ItemKind.PAYMENT,
            open_items.c.cleared_at.is_(None),
        )

    def bills(self, target: str, payments: Sequence[OpenItem]) -> list[OpenItem]:
        """Return the bills that any of these payments may be meant for."""
        names = {name for each in payments for name in each.reconciled_entries}
        names |= {each.reconciliation_id for each in payments}
        invoices = {each.invoice_key for each in payments if each.invoice_key}
        own = {each.reference.entry_id for each in payments if each.paid_within}
        found: dict[ItemKey, OpenItem] = {}
        with self._database.read() as connection:
            for condition in (
                open_items.c.reconciliation_id.in_(names - {""}),
                open_items.c.invoice_key.in_(invoices),
                and_(open_items.c.target == target, open_items.c.entry_id.in_(own)),
                _names_any(target, {each.reconciliation_id for each in payments}),
            ):
                # Whose they are is looked at here: an index finds them by what they are sought by.
                for row in connection.execute(select(open_items).where(condition)):
                    if (row.target, row.kind) == (target, ItemKind.BILL):
                        bill = _item(row)
                        found[bill.key] = bill
        return sorted(found.values(), key=lambda bill: bill.key)

    def settled(self, target: str, payments: Sequence[OpenItem]) -> set[Settlement]:
        """Return what these payments are known to have done."""
        ids = {payment.reference.entry_id for payment in payments}
        with self._database.read() as connection:
            return set(_settlements(connection, target, settlements.c.payment_entry.in_(ids)))

    def settle(
        self,
        target: str,
        done: Sequence[Settlement],
        *,
        open_because: Mapping[Reference, str | None],
        now: datetime,
    ) -> None:
        """Keep what payments did, and why each is open still; None: nothing is left of it."""
        with self._database.write("settle_open_items") as connection:
            if done:
                rows = [_settlement_row(target, each, now) for each in done]
                new = insert(connection, settlements)
                connection.execute(new.on_conflict_do_nothing(), rows)
            if open_because:
                connection.execute(_OPEN_BECAUSE, _reasons(target, open_because, now))

    def forget(self, target: str, keys: Iterable[ItemKey]) -> None:
        """Let items go that are in the books no more, and all that was settled with them.

        What a bill's payments paid is open again, and so is what a payment paid.
        """
        keys = list(keys)
        if not keys:
            return
        with self._database.write("forget_open_items") as connection:
            _reopen_payments(connection, target, _among(settlements, keys, "bill_"))
            for side in ("bill_", "payment_"):
                gone = _among(settlements, keys, side)
                connection.execute(delete(settlements).where(settlements.c.target == target, gone))
            for table in (open_items, named_items):
                gone = _among(table, keys)
                connection.execute(delete(table).where(table.c.target == target, gone))

    def open(self, target: str) -> list[ListedItem]:
        """Return what is open: payments without a bill, and bills that are not paid in full."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(open_items)
                .where(open_items.c.target == target)
                .order_by(open_items.c.entry_id, open_items.c.part)
            ).all()
            done = list(_settlements(connection, target))
        items = {item.reference: item for item in map(_item, rows)}
        rest = left_of(items, done)
        return [
            ListedItem(item, rest[item.reference], row.why or _reason(item))
            for row, item in zip(rows, items.values(), strict=True)
            if row.cleared_at is None and rest[item.reference]
        ]

    def _fetch(self, *conditions: ColumnElement[bool]) -> list[OpenItem]:
        with self._database.read() as connection:
            found = connection.execute(select(open_items).where(*conditions))
            return sorted(map(_item, found), key=lambda item: item.key)


_OPEN_BECAUSE = (
    update(open_items)
    .where(open_items.c.target == bindparam("of_target"))
    .where(open_items.c.entry_id == bindparam("of_entry"))
    .where(open_items.c.part == bindparam("of_part"))
    .where(open_items.c.attempt == bindparam("of_attempt"))
    .values(why=bindparam("because"), cleared_at=bindparam("cleared"))
)


def _reasons(
    target: str, open_because: Mapping[Reference, str | None], now: datetime
) -> list[dict[str, object]]:
    return [
        {
            "of_target": target,
            "of_entry": reference.entry_id,
            "of_part": str(reference.part),
            "of_attempt": reference.attempt,
            "because": why,
            "cleared": now if why is None else None,
        }
        for reference, why in open_because.items()
    ]


def _reason(item: OpenItem) -> str:
    return NOT_PAID if item.kind is ItemKind.BILL else NOT_TRIED


def _is(target: str, key: ItemKey) -> ColumnElement[bool]:
    return and_(
        open_items.c.target == target,
        open_items.c.entry_id == key[0],
        open_items.c.part == str(key[1]),
    )


def _names_any(target: str, reconciliation_ids: Iterable[str]) -> ColumnElement[bool]:
    naming = select(named_items.c.target, named_items.c.entry_id, named_items.c.part).where(
        named_items.c.reconciliation_id.in_(list(reconciliation_ids)),
    )
    key = tuple_(open_items.c.target, open_items.c.entry_id, open_items.c.part)
    return and_(open_items.c.target == target, key.in_(naming))


def _among(table: Table, keys: Sequence[ItemKey], side: str = "") -> ColumnElement[bool]:
    entry = table.c[f"{side}entry" if side else "entry_id"]
    pairs = [(entry_id, str(part)) for entry_id, part in keys]
    # By entry, which an index finds; the pairs alone would be sought in every row of a book.
    ids = entry.in_({entry_id for entry_id, _ in pairs})
    return and_(ids, tuple_(entry, table.c[f"{side}part"]).in_(pairs))


def _earlier_attempts(bill: Reference) -> ColumnElement[bool]:
    return and_(
        settlements.c.bill_entry == bill.entry_id,
        settlements.c.bill_part == str(bill.part),
        settlements.c.bill_attempt < bill.attempt,
    )


def _reopen_payments(connection: Connection, target: str, settled: ColumnElement[bool]) -> None:
    """Open the payments of bills again that are gone from the books."""
    for each in list(_settlements(connection, target, settled)):
        key = (each.payment.entry_id, each.payment.part)
        connection.execute(
            update(open_items).where(_is(target, key)).values(cleared_at=None, why=None)
        )


def _settlements(
    connection: Connection, target: str, *conditions: ColumnElement[bool]
) -> Iterator[Settlement]:
    query = select(settlements).where(settlements.c.target == target, *conditions)
    for row in connection.execute(query):
        yield Settlement(
            Reference(row.payment_entry, Part(row.payment_part), row.payment_attempt),
            Reference(row.bill_entry, Part(row.bill_part), row.bill_attempt),
            Relation(row.relation),
        )


def _settlement_row(target: str, done: Settlement, now: datetime) -> dict[str, object]:
    return {
        "target": target,
        "payment_entry": done.payment.entry_id,
        "payment_part": str(done.payment.part),
        "payment_attempt": done.payment.attempt,
        "bill_entry": done.bill.entry_id,
        "bill_part": str(done.bill.part),
        "bill_attempt": done.bill.attempt,
        "relation": str(done.relation),
        "made_at": now,
    }


def _remember(connection: Connection) -> Insert:
    """Keep a booking anew; one that is adopted stays as open as it was."""
    new = insert(connection, open_items)
    same = new.excluded.attempt == open_items.c.attempt
    return new.on_conflict_do_update(
        index_elements=["target", "entry_id", "part"],
        set_={
            column.name: new.excluded[column.name]
            for column in open_items.columns
            if column.name not in {"target", "entry_id", "part", "cleared_at", "why"}
        }
        | {name: case((same, open_items.c[name]), else_=None) for name in ("cleared_at", "why")},
    )


def _name(connection: Connection, items: Sequence[OpenItem]) -> None:
    """Keep which reconciliation ids items name, so that they are found by them."""
    naming = [item for item in items if item.reconciled_entries]
    rows = [
        {
            "target": item.target,
            "entry_id": item.reference.entry_id,
            "part": str(item.reference.part),
            "reconciliation_id": name,
        }
        for item in naming
        for name in set(item.reconciled_entries)
    ]
    if rows:
        target, keys = naming[0].target, [item.key for item in naming]
        gone = _among(named_items, keys)
        connection.execute(delete(named_items).where(named_items.c.target == target, gone))
        connection.execute(insert(connection, named_items), rows)


_PLAIN = (
    "target",
    "account",
    "currency",
    "reconciliation_id",
    "vendor",
    "invoice_number",
    "paid_within",
    "external_id",
)


def _row(item: OpenItem) -> dict[str, object]:
    return {name: getattr(item, name) for name in _PLAIN} | {
        "entry_id": item.reference.entry_id,
        "part": str(item.reference.part),
        "attempt": item.reference.attempt,
        "kind": str(item.kind),
        "amount": format(item.amount, "f"),
        "reconciled_entries": json.dumps(item.reconciled_entries),
        "invoice_key": item.invoice_key,
    }


def _item(row: Row[Any]) -> OpenItem:
    return OpenItem(
        reference=Reference(row.entry_id, Part(row.part), row.attempt),
        kind=ItemKind(row.kind),
        amount=Decimal(row.amount),
        reconciled_entries=tuple(json.loads(row.reconciled_entries)),
        **{name: getattr(row, name) for name in _PLAIN},
    )

"""Takes records back: a draft is removed or cancelled, a posted one reversed or cancelled.

A draft move is deleted, as Tryton has no cancelled moves. A posted move gets a move of its own that
names it as its origin, on the day that is asked for. An invoice is cancelled by Tryton itself,
which dates the cancelling move as the invoice, or today where that period is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from counterfoil.errors import MissingSetting, RefusedByBooks
from counterfoil.systems.contract import EntryState
from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.exchange import Refusal
from counterfoil.systems.tryton.posting import press_and_accept
from counterfoil.systems.tryton.records import Record, record_id
from counterfoil.systems.tryton.values import INVOICE, MOVE, Setup
from counterfoil.systems.tryton.wire import Row

__all__ = ["reverse", "void"]

CLOSED_PERIOD = "cancel"
"""The warning that a cancelling move is dated today, as the invoice's period is closed."""
LINE_FIELDS = (
    *("account", "debit", "credit", "second_currency", "amount_second_currency", "party"),
    *("description", "maturity_date", "reconciliation"),
)


async def void(access: Access, record: Record) -> None:
    """Take a draft out; raises ItemFailure."""
    if record.state is EntryState.POSTED:
        raise RefusedByBooks(f"{record.id} is posted in Tryton; reverse it instead")
    try:
        if record.model == MOVE:
            await access.delete(MOVE, [record.number])
        else:
            await access.press(INVOICE, "cancel", [record.number])
    except Refusal as refusal:
        raise RefusedByBooks(f"Tryton does not let {record.id} go: {refusal}") from refusal


async def reverse(access: Access, setup: Setup, record: Record, on: date) -> None:
    """Take a posted record back; raises ItemFailure. It may be called again after it was killed."""
    try:
        await _open_again(access, record.lines)
        if record.model == INVOICE:
            accepted = {CLOSED_PERIOD}
            await press_and_accept(access, INVOICE, "cancel", [record.number], accepted)
        else:
            await _Reversing(access, setup, record, on).reverse()
    except Refusal as refusal:
        raise RefusedByBooks(f"Tryton does not take {record.id} back: {refusal}") from refusal


async def _open_again(access: Access, lines: Sequence[Row]) -> None:
    """Undo the reconciliations of a record's lines: what it paid or owed is open again."""
    settled = [line["id"] for line in lines if line["reconciliation"]]
    if settled:
        await access.open_again(settled)


class _Reversing:
    """Writes the move that takes another back."""

    def __init__(self, access: Access, setup: Setup, record: Record, on: date) -> None:
        self._access = access
        self._setup = setup
        self._record = record
        self._on = on

    async def reverse(self) -> None:
        number = await self._draft() or await self._create()
        await self._access.press(MOVE, "post", [number])
        await self._join(number)

    async def _draft(self) -> int | None:
        """Return the reversal that an earlier try left as a draft."""
        domain = [["origin", "=", self._record.id], ["state", "=", "draft"]]
        rows = await self._access.search_read(MOVE, domain, ("state",))
        return rows[0]["id"] if rows else None

    async def _create(self) -> int:
        master = self._setup.master
        period = master.period_at(self._on)
        if period is None:
            raise MissingSetting(f"Tryton has no period for {self._on.isoformat()}: create one.")
        values = {
            "company": master.company,
            "journal": self._setup.journal,
            "period": period.number,
            "date": self._on,
            "origin": self._record.id,
            "description": f"Reversal of {self._record.row['number']}",
            "lines": [["create", await self._lines()]],
        }
        if self._setup.module:
            values["external_id"] = f"{self._record.reference}/reversed"
        (number,) = await self._access.create(MOVE, [values])
        return number

    async def _lines(self) -> list[dict[str, Any]]:
        domain = [["move", "=", self._record.number]]
        lines = await self._access.search_read("account.move.line", domain, LINE_FIELDS)
        numbers = [line["id"] for line in lines]
        taxes = await self._beside("account.tax.line", numbers, ("tax", "type", "amount"))
        shares: Mapping[int, list[Row]] = {}
        if self._setup.master.dimensions:
            fields = ("account", "debit", "credit")
            shares = await self._beside("analytic_account.line", numbers, fields)
        return [
            self._turned(line, taxes.get(line["id"], []), shares.get(line["id"], []))
            for line in lines
        ]

    async def _beside(
        self, model: str, lines: Sequence[int], fields: Sequence[str]
    ) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {}
        domain = [["move_line", "in", list(lines)]]
        for row in await self._access.search_read(model, domain, ("move_line", *fields)):
            found.setdefault(row["move_line"], []).append(row)
        return found

    def _turned(self, line: Row, taxes: Sequence[Row], shares: Sequence[Row]) -> dict[str, Any]:
        """Turn a line round, with its taxes and its shares."""
        second: Decimal | None = line["amount_second_currency"]
        kept = ("account", "party", "description", "maturity_date", "second_currency")
        return {
            **{name: line[name] for name in kept},
            "debit": line["credit"],
            "credit": line["debit"],
            "amount_second_currency": None if second is None else -second,
            "origin": record_id("account.move.line", line["id"]),
            "tax_lines": [
                [
                    "create",
                    [
                        {"tax": tax["tax"], "type": tax["type"], "amount": -tax["amount"]}
                        for tax in taxes
                    ],
                ]
            ],
            **self._shares(shares),
        }

    def _shares(self, shares: Sequence[Row]) -> dict[str, Any]:
        if not shares:
            return {}
        turned = [
            {
                "account": share["account"],
                "debit": share["credit"],
                "credit": share["debit"],
                "date": self._on,
            }
            for share in shares
        ]
        return {"analytic_lines": [["create", turned]]}

    async def _join(self, number: int) -> None:
        """Reconcile the two on accounts that are, so that neither looks open."""
        master = self._setup.master
        wanted = [account.number for account in master.accounts.values() if account.reconcile]
        domain = [
            ["move", "in", [self._record.number, number]],
            ["account", "in", wanted],
            ["reconciliation", "=", None],
        ]
        rows = await self._access.search_read("account.move.line", domain, ("account", "party"))
        groups: dict[tuple[int, int | None], list[int]] = {}
        for row in rows:
            groups.setdefault((row["account"], row["party"]), []).append(row["id"])
        for lines in groups.values():
            await self._access.create(
                "account.move.reconciliation",
                [{"company": master.company, "date": self._on, "lines": [["add", lines]]}],
            )

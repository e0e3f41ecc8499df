"""Settles payments with bills: their open lines are reconciled once they sum to nothing.

Tryton reconciles whole lines of one account and one party. So a payment of several bills, or
several payments of one bill, are settled with the last of them; until then they stay open, with
both sums as the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from counterfoil.errors import RefusedByBooks
from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.exchange import Refusal
from counterfoil.systems.tryton.master import Master
from counterfoil.systems.tryton.records import Record
from counterfoil.systems.tryton.wire import Row

__all__ = ["Settling"]


class Settling:
    """What pays what, as far as one job was told."""

    def __init__(self, access: Access, master: Master) -> None:
        """Begin with nothing."""
        self._access = access
        self._master = master
        self._pairs: set[tuple[str, str]] = set()

    def members(self, payment: str, bill: str) -> set[str]:
        """Note a pair; return the ids of all that it hangs together with."""
        self._pairs.add((payment, bill))
        known = {payment, bill}
        while joined := {id for pair in self._pairs if known & {*pair} for id in pair} - known:
            known |= joined
        return known

    async def settle(self, records: Sequence[Record], payment: str, bill: str) -> None:
        """Reconcile the open lines of records that hang together; raises RefusedByBooks."""
        by_id = {record.id: record for record in records}
        pair = [by_id[id] for id in (payment, bill)]
        if all(record.settled for record in pair):
            return
        account, party = self._common(*pair)
        lines = [
            line
            for record in records
            for line in record.lines
            if not line["reconciliation"] and (line["account"], line["party"]) == (account, party)
        ]
        rest = sum((line["debit"] - line["credit"] for line in lines), Decimal(0))
        if rest:
            raise RefusedByBooks(self._uneven(lines, rest))
        values = {
            "company": self._master.company,
            "date": max(record.day for record in records),
            "lines": [["add", [line["id"] for line in lines]]],
        }
        try:
            await self._access.create("account.move.reconciliation", [values])
        except Refusal as refusal:
            raise RefusedByBooks(f"Tryton does not reconcile them: {refusal}") from refusal

    def _common(self, payment: Record, bill: Record) -> tuple[int, int | None]:
        """Return the account and the party that both stand on."""
        places = [
            {
                (line["account"], line["party"])
                for line in record.lines
                if self._reconciles(line["account"]) and not line["reconciliation"]
            }
            for record in (payment, bill)
        ]
        both = places[0] & places[1]
        if not both:
            raise RefusedByBooks(
                f"{payment.id} and {bill.id} have no open lines on one account that Tryton "
                "reconciles, with one party: correct one of them there"
            )
        return min(both, key=str)

    def _reconciles(self, number: int) -> bool:
        return any(
            account.reconcile
            for account in self._master.accounts.values()
            if account.number == number
        )

    def _uneven(self, lines: Sequence[Row], rest: Decimal) -> str:
        debit = sum((line["debit"] for line in lines), Decimal(0))
        own = self._master.own.code
        even = not sum((line["amount_second_currency"] or Decimal(0) for line in lines), Decimal(0))
        foreign = any(line["second_currency"] for line in lines)
        why = (
            "the rates of the two days differ, so book the difference in Tryton"
            if foreign and even
            else "the rest is still to come, or is settled in Tryton"
        )
        return f"{debit} {own} stand against {debit - rest} {own}: {why}"

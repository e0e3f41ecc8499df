"""Lists what others posted: lines of some accounts whose move is none of ours."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from decimal import Decimal

from counterfoil.systems.contract import OtherPosting
from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.master import Master, account_id
from counterfoil.systems.tryton.records import PAGE, Record, record_id
from counterfoil.systems.tryton.values import INVOICE, MOVE
from counterfoil.systems.tryton.wire import Row

__all__ = ["other_postings"]

FIELDS = (
    *("account", "debit", "credit", "second_currency", "amount_second_currency", "description"),
    *("move.number", "move.date", "move.description", "move.origin"),
)


async def other_postings(
    access: Access, master: Master, ours: Sequence[Record], accounts: Collection[int], url: str
) -> list[OtherPosting]:
    """Return the postings on these accounts that belong to no record of ours, of any day."""
    known = set(_ours(ours))
    codes = {each.number: each.code for each in master.currencies.values()}
    found: list[OtherPosting] = []
    last = 0
    while rows := await _page(access, accounts, last):
        last = rows[-1]["id"]
        for row in rows:
            move = row["move."]
            if record_id(MOVE, move["id"]) not in known and move["origin"] not in known:
                found.append(_posting(row, codes.get(row["second_currency"]), master, url))
    return found


async def _page(access: Access, accounts: Collection[int], last: int) -> list[Row]:
    domain = [["account", "in", sorted(accounts)], ["id", ">", last]]
    return await access.search_read("account.move.line", domain, FIELDS, PAGE)


def _ours(records: Sequence[Record]) -> Iterator[str]:
    """Name our moves, and what their reversals and cancellations have as their origin."""
    for record in records:
        yield record.id
        if record.model == INVOICE:
            for name in ("move", "cancel_move"):
                if record.row[name]:
                    yield record_id(MOVE, record.row[name])


def _posting(row: Row, second: str | None, master: Master, url: str) -> OtherPosting:
    move = row["move."]
    day: date = move["date"]
    own: Decimal = row["debit"] - row["credit"]
    number = move["id"]
    return OtherPosting(
        account=account_id(row["account"]),
        amount=own if second is None else row["amount_second_currency"],
        currency=master.own.code if second is None else second,
        date=day,
        text=" ".join(filter(None, (move["description"], row["description"]))),
        place=f"move {move['number'] or record_id(MOVE, number)}",
        url=f"{url}/model/{MOVE}/{number}",
    )

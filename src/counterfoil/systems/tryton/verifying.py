"""Reads back what was just written, and says what of it is otherwise than it was sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.posting import POSTED
from counterfoil.systems.tryton.values import MOVE, Draft
from counterfoil.systems.tryton.wire import Row

__all__ = ["Held", "difference", "read_back"]

LINE_FIELDS = ("move", "debit", "credit", "state")


@dataclass(frozen=True, slots=True)
class Held:
    """What Tryton holds of a record: as little as shows that it is as it was sent."""

    state: str
    number: str | None
    balance: Decimal
    valid: bool
    """Whether all its lines are part of a valid entry, by Tryton's own judgement."""
    tax: Decimal


async def read_back(
    access: Access, model: str, numbers: Sequence[int], taxed: Collection[int]
) -> dict[int, Held]:
    """Read records by their numbers; ``taxed`` are those with taxes. Raises BooksNotReady."""
    fields = ("state", "number") if model == MOVE else ("state", "number", "move", "tax_amount")
    rows = await access.search_read(model, [["id", "in", list(numbers)]], fields)
    moves = {row["id"]: row["id"] if model == MOVE else row["move"] for row in rows}
    lines = await _lines(access, [move for move in moves.values() if move])
    if model == MOVE:
        taxes = await _reported(access, taxed)
    else:
        taxes = {row["id"]: row["tax_amount"] for row in rows}
    return {
        row["id"]: _held(row, lines.get(moves[row["id"]], []), taxes.get(row["id"], Decimal(0)))
        for row in rows
    }


async def _lines(access: Access, moves: Sequence[int]) -> dict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    domain = [["move", "in", list(moves)]]
    for line in await access.search_read("account.move.line", domain, LINE_FIELDS) if moves else ():
        found[line["move"]].append(line)
    return dict(found)


async def _reported(access: Access, moves: Collection[int]) -> dict[int, Decimal]:
    """Return the taxes of moves as the tax report has them."""
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    domain = [["move_line.move", "in", sorted(moves)], ["type", "=", "tax"]]
    fields = ("amount", "move_line.move")
    for row in await access.search_read("account.tax.line", domain, fields) if moves else ():
        sums[row["move_line."]["move"]] += row["amount"]
    return dict(sums)


def _held(row: Row, lines: Sequence[Row], tax: Decimal) -> Held:
    return Held(
        state=row["state"],
        number=row["number"],
        balance=sum((line["debit"] - line["credit"] for line in lines), Decimal(0)),
        valid=all(line["state"] == "valid" for line in lines),
        tax=tax,
    )


def difference(draft: Draft, held: Held | None) -> str | None:
    """Say what Tryton holds otherwise than it was sent, with both figures; None if nothing."""
    if held is None:
        return "the record cannot be read back"
    if draft.entry.final and (why := _not_posted(held)):
        return why
    if held.balance:
        return f"it is out of balance by {held.balance}"
    return None if held.tax == draft.tax else f"its tax is {held.tax} where {draft.tax} was sent"


def _not_posted(held: Held) -> str | None:
    if held.state not in POSTED:
        return f"it is {held.state} where it was posted"
    if not held.number:
        return "it was posted without a number"
    return None if held.valid else "it was posted, and its lines are no valid entry"

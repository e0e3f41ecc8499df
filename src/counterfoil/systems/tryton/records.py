"""Reads our records back from Tryton: state, number, figures, receipts, and what they settled."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.systems.contract import EntryState, Found, PartKey
from counterfoil.systems.tryton.access import Access, Domain
from counterfoil.systems.tryton.master import Currency, Master, account_id
from counterfoil.systems.tryton.values import INVOICE, MARK, MOVE, key_of
from counterfoil.systems.tryton.wire import Row

__all__ = ["HASH", "Reader", "Record", "found_of", "receipts_of", "record_id"]

HASH = "sha256:"
"""What stands before a receipt's hash, in the description of an attachment."""
PARTS = "|".join(Part)
REFERENCE = re.compile(rf"(?P<entry>[^\s/\[\]]+)/(?P<part>{PARTS})(?:/(?P<attempt>\d+))?")
MARKED = re.compile(rf"\[{MARK} ({REFERENCE.pattern})\]")
MARKS = ("external_id", "external_data")
MOVE_FIELDS = ("number", "state", "date", "create_date", "description", "company", "origin")
INVOICE_FIELDS = (
    *("number", "state", "accounting_date", "invoice_date", "create_date", "description"),
    *("currency", "account", "party", "move", "cancel_move", "tax_amount", "company"),
)
LINE_FIELDS = (
    *("move", "account", "debit", "credit", "second_currency", "amount_second_currency"),
    *("party", "state", "reconciliation"),
)
BILLS = frozenset({Part.BILL, Part.CREDIT_NOTE})
PAGE = 500
"""How many ids one domain names."""


def record_id(model: str, number: int) -> str:
    """Return a record's id, as Tryton writes a reference to it."""
    return f"{model},{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One of our records as Tryton holds it."""

    model: str
    row: Row
    reference: Reference
    lines: Sequence[Row]
    """The lines of its move; of a draft invoice, its own lines in the same shape."""
    reversed: bool = False

    @property
    def number(self) -> int:
        """Its number in its model."""
        number: int = self.row["id"]
        return number

    @property
    def id(self) -> str:
        """Its id for everybody else."""
        return record_id(self.model, self.number)

    @property
    def day(self) -> date:
        """The day it is booked on."""
        name = "date" if self.model == MOVE else "accounting_date"
        day: date = self.row[name] or self.row["invoice_date"]
        return day

    @property
    def state(self) -> EntryState:
        """Its state in our words."""
        state = self.row["state"]
        if state == "cancelled":
            return EntryState.REVERSED if self.row["cancel_move"] else EntryState.VOIDED
        if self.reversed:
            return EntryState.REVERSED
        return EntryState.POSTED if state in {"posted", "paid"} else EntryState.DRAFT

    @property
    def settled(self) -> bool:
        """Whether what it owes or pays is settled."""
        if self.model == INVOICE:
            return bool(self.row["state"] == "paid")
        return any(line["reconciliation"] for line in self.lines)

    def currency(self, master: Master) -> Currency:
        """Return the currency it was sent in."""
        if self.model == INVOICE:
            number = self.row["currency"]
        else:
            second = (line["second_currency"] for line in self.lines)
            number = next((each for each in second if each), master.own.number)
        return next(each for each in master.currencies.values() if each.number == number)

    def amounts(self, master: Master) -> tuple[tuple[str, Decimal], ...]:
        """Return its accounts and amounts in the currency that it was sent in."""
        own = self.currency(master).number == master.own.number
        found = [
            (account_id(line["account"]), _own(line) if own else _second(line))
            for line in self.lines
        ]
        return tuple((account, amount) for account, amount in found if amount)


def _own(line: Row) -> Decimal:
    amount: Decimal = line["debit"] - line["credit"]
    return amount


def _second(line: Row) -> Decimal:
    """Return the second currency's amount; a difference of rates has none."""
    return line["amount_second_currency"] or Decimal(0)


class Reader:
    """Reads the records of one company."""

    def __init__(self, access: Access, master: Master, *, module: bool, earlier: bool) -> None:
        """Take the way in; ``earlier`` records were made before our module was there."""
        self._access = access
        self._master = master
        self._module = module
        self._earlier = earlier

    async def by_key(self, keys: Collection[PartKey]) -> dict[PartKey, list[Record]]:
        """Find every attempt at these parts, oldest first."""
        found: defaultdict[PartKey, list[Record]] = defaultdict(list)
        for model in (MOVE, INVOICE):
            wanted = [key for key in keys if model == MOVE or key[1] in BILLS]
            rows = [row async for row in self._rows(model, wanted)]
            for record in await self._completed(model, rows):
                key = (record.reference.entry_id, record.reference.part)
                if key in keys:
                    found[key].append(record)
        for records in found.values():
            records.sort(key=lambda record: (record.reference.attempt, record.number))
        return dict(found)

    async def by_number(self, model: str, numbers: Sequence[int]) -> list[Record]:
        """Read records by their numbers; those that are gone or not ours are left out."""
        rows = await self._search(model, [["id", "in", list(numbers)]])
        return await self._completed(model, rows)

    async def everything(self, since: date | None = None) -> list[Record]:
        """Read every record of ours in this company, dated on or after a day."""
        mark = [["description", "like", f"%[{MARK} %"]]
        named = [["external_id", "!=", None]]
        ours: Domain = [["OR", named, mark]] if self._module else mark
        found: list[Record] = []
        for model in (MOVE, INVOICE):
            last = 0
            while rows := await self._search(model, [*ours, ["id", ">", last]], limit=PAGE):
                last = rows[-1]["id"]
                found += await self._completed(model, rows)
        return [record for record in found if since is None or record.day >= since]

    async def _rows(self, model: str, keys: Sequence[PartKey]) -> AsyncIterator[Row]:
        if not keys:
            return
        names = [key_of(*key) for key in keys]
        if self._module:
            for row in await self._search(model, [["external_key", "in", names]]):
                yield row
        if not self._module or self._earlier:
            for start in range(0, len(names), PAGE):
                for row in await self._search(model, [_described(names[start : start + PAGE])]):
                    yield row

    async def _search(self, model: str, domain: Domain, limit: int | None = None) -> list[Row]:
        fields = MOVE_FIELDS if model == MOVE else INVOICE_FIELDS
        company = ["company", "=", self._master.company]
        marks = MARKS if self._module else ()
        return await self._access.search_read(model, [company, *domain], (*fields, *marks), limit)

    async def _completed(self, model: str, rows: Iterable[Row]) -> list[Record]:
        """Read what belongs to records: their lines, and whether they were reversed."""
        ours = {row["id"]: (row, found) for row in rows if (found := _reference(row))}
        if model == MOVE:
            lines = await self._move_lines(list(ours))
            taken = await self._reversals(
                [number for number, (row, _) in ours.items() if row["state"] == "posted"],
                lines,
            )
        else:
            lines, taken = await self._invoice_lines([row for row, _ in ours.values()]), set()
        return [
            Record(
                model=model,
                row=row,
                reference=reference,
                lines=lines.get(number, []),
                reversed=number in taken,
            )
            for number, (row, reference) in ours.items()
        ]

    async def _move_lines(self, moves: Sequence[int]) -> dict[int, list[Row]]:
        found: defaultdict[int, list[Row]] = defaultdict(list)
        for start in range(0, len(moves), PAGE):
            domain = [["move", "in", moves[start : start + PAGE]]]
            for line in await self._access.search_read("account.move.line", domain, LINE_FIELDS):
                found[line["move"]].append(line)
        return dict(found)

    async def _reversals(
        self, moves: Sequence[int], lines: Mapping[int, Sequence[Row]]
    ) -> set[int]:
        """Return the moves that another posted move, made of them, takes back whole."""
        origins = {record_id(MOVE, number): number for number in moves}
        pairs: list[tuple[int, int]] = []
        names = list(origins)
        for start in range(0, len(names), PAGE):
            domain = [["origin", "in", names[start : start + PAGE]], ["state", "=", "posted"]]
            rows = await self._access.search_read(MOVE, domain, ("origin",))
            pairs += [(origins[row["origin"]], row["id"]) for row in rows]
        backs = await self._move_lines([back for _, back in pairs])
        return {
            number for number, back in pairs if _cancels(lines.get(number, []), backs.get(back, []))
        }

    async def _invoice_lines(self, rows: Sequence[Row]) -> dict[int, list[Row]]:
        moves = {row["move"]: row["id"] for row in rows if row["move"]}
        found = {
            moves[move]: lines for move, lines in (await self._move_lines(list(moves))).items()
        }
        drafts = {row["id"]: row for row in rows if not row["move"]}
        return found | await self._draft_lines(drafts)

    async def _draft_lines(self, drafts: Mapping[int, Row]) -> dict[int, list[Row]]:
        """Return a draft invoice's lines as those that its move would have."""
        found: defaultdict[int, list[Row]] = defaultdict(list)
        for model in ("account.invoice.line", "account.invoice.tax"):
            domain = [["invoice", "in", list(drafts)]]
            fields = ("invoice", "account", "amount")
            for row in await self._access.search_read(model, domain, fields) if drafts else ():
                if row["account"]:
                    found[row["invoice"]].append(_as_line(row["account"], row["amount"]))
        for number, lines in found.items():
            total = sum((line["debit"] for line in lines), Decimal(0))
            lines.append(_as_line(drafts[number]["account"], -total))
        return dict(found)


def _as_line(account: int, amount: Decimal) -> Row:
    return {
        "account": account,
        "debit": amount,
        "credit": Decimal(0),
        "amount_second_currency": amount,
        "second_currency": None,
        "reconciliation": None,
        "state": "valid",
    }


def _cancels(lines: Sequence[Row], backs: Sequence[Row]) -> bool:
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in (*lines, *backs):
        sums[line["account"]] += _own(line)
    return bool(backs) and not any(sums.values())


def _described(names: Sequence[str]) -> Domain:
    """Return a domain that finds the references in descriptions; more may fit it, none less."""
    clauses = [["description", "like", f"%[{MARK} {_literal(name)}%"] for name in names]
    return ["OR", *clauses]


def _literal(text: str) -> str:
    """Let no letter of a text stand for others."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _reference(row: Row) -> Reference | None:
    """Read which part of which item a record is; None where it is not ours.

    A move that takes another back may have its description, and is no record of its own.
    """
    if (row.get("origin") or "").startswith(f"{MOVE},"):
        return None
    text = row.get("external_id")
    found = REFERENCE.fullmatch(text) if text else None
    if found is None:
        marked = MARKED.search(row["description"] or "")
        found = marked and REFERENCE.fullmatch(marked[1])
    if found is None:
        return None
    return Reference(found["entry"], Part(found["part"]), int(found["attempt"] or 1))


def _kept(row: Row) -> Mapping[str, str]:
    """Read what our module kept with a record."""
    try:
        kept = json.loads(row.get("external_data") or "{}")
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def found_of(
    record: Record, master: Master, url: str, receipts: frozenset[str] = frozenset()
) -> Found:
    """Return a record as the contract has it."""
    made: datetime = record.row["create_date"]
    return Found(
        reference=record.reference,
        id=record.id,
        url=f"{url}/model/{record.model}/{record.number}",
        state=record.state,
        booked_at=made.astimezone(UTC),
        date=record.day,
        currency=record.currency(master).code,
        lines=record.amounts(master),
        fingerprint=_kept(record.row).get("fingerprint", ""),
        receipts=receipts,
        settled=record.settled,
    )


async def receipts_of(access: Access, ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the hashes of the documents attached to records, by record."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for start in range(0, len(ids), PAGE):
        domain = [
            ["resource", "in", list(ids[start : start + PAGE])],
            ["description", "like", f"{HASH}%"],
        ]
        rows = await access.search_read("ir.attachment", domain, ("resource", "description"))
        for row in rows:
            found[row["resource"]].add(row["description"].removeprefix(HASH).strip())
    return {id: frozenset(hashes) for id, hashes in found.items()}

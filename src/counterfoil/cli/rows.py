"""Items as people look at them: what it was, what became of it, where the money went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from counterfoil.bookkeeping.money import is_currency, rounded
from counterfoil.register import JobRecord, KeptItem, PartRecord, PartState, Register
from counterfoil.register.records import load_payload

__all__ = [
    "FAILED",
    "SUCCESSFUL",
    "ItemRow",
    "failed_rows",
    "is_taken_back",
    "item_rows",
    "latest_row",
    "parts_of",
]

FAILED = "failed"
SUCCESSFUL = "successful"
TAKEN_BACK = "taken back"
AT_ONCE = 1000

LARGEST = Decimal(10**15)
"""In hundredths: anything larger is no amount to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """An item of a job; ``debits`` and ``credits`` name the accounts of its entries."""

    job_id: str
    entry_id: str
    date: str
    type: str
    supplier: str
    amount: Decimal | None
    """In major units of ``currency``, as Pleo has it."""
    currency: str
    status: str
    reported: bool
    debits: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    external_id: str | None = None
    external_url: str | None = None
    failure_type: str | None = None
    failure_reason: str | None = None
    taken_back: bool = False
    """Whether the booking that Pleo was told of is in the books no more."""

    @property
    def what(self) -> str:
        """Its type, and whom it was paid to."""
        return " · ".join(filter(None, (self.type, self.supplier)))

    @property
    def money(self) -> str:
        """Its amount and currency."""
        return "" if self.amount is None else f"{self.amount:,f} {self.currency}"

    @property
    def booking(self) -> str:
        """The accounts it went from and to, or why it went nowhere."""
        if self.failure_reason:
            return f"{self.failure_type}: {self.failure_reason}"
        if self.taken_back:
            return TAKEN_BACK
        return f"{' + '.join(self.credits)} → {' + '.join(self.debits)}" if self.debits else ""


def item_rows(register: Register, target: str, job_id: str) -> list[ItemRow]:
    """Read the items of a job from the register, with the accounts of their entries."""
    kept = register.items.all(job_id)
    parts = parts_of(register, target, [item.entry_id for item in kept])
    return [_row(item, parts.get(item.entry_id, [])) for item in kept]


def latest_row(register: Register, entry_id: str) -> ItemRow | None:
    """Read an item as the newest job held it; None where no job is known to have had it."""
    kept = register.items.of_entry(entry_id)
    return _row(kept[0], []) if kept else None


def parts_of(
    register: Register, target: str, entry_ids: Sequence[str]
) -> dict[str, list[PartRecord]]:
    """Read the parts of any number of items; a database takes so many parameters and no more."""
    found: dict[str, list[PartRecord]] = {}
    for start in range(0, len(entry_ids), AT_ONCE):
        found |= register.parts.of(target, entry_ids[start : start + AT_ONCE])
    return found


def is_taken_back(item: KeptItem, parts: Iterable[PartRecord]) -> bool:
    """Whether the booking that an item's job told Pleo of is in the books no more.

    The item may be booked again since, by a later job and as another attempt.
    """
    if item.outcome is None or item.outcome.external_id is None:
        return False
    states = {part.state for part in parts if part.external_id == item.outcome.external_id}
    return PartState.GONE in states and PartState.BOOKED not in states


def failed_rows(register: Register, jobs: Iterable[JobRecord]) -> list[ItemRow]:
    """Read the items whose outcome in the newest of these jobs (newest first) is a failure."""
    seen: set[tuple[str, str]] = set()
    rows: list[ItemRow] = []
    for job in jobs:
        for item in register.items.all(job.job_id):
            key = (job.target, item.entry_id)
            if key not in seen and item.outcome and item.outcome.status == FAILED:
                rows.append(_row(item, []))
            seen.add(key)
    return rows


def _row(item: KeptItem, parts: Sequence[PartRecord]) -> ItemRow:
    payload = load_payload(item.payload) if item.payload else {}
    outcome = item.outcome
    money = _at(payload, "amount", "inWalletCurrency")
    gone = is_taken_back(item, parts)
    debits, credits_ = _accounts(() if gone else parts)
    return ItemRow(
        job_id=item.job_id,
        entry_id=item.entry_id,
        date=_text(payload, "date")[:10],
        type=_text(payload, "type"),
        supplier=_text(payload, "supplier", "name"),
        amount=_amount(_at(money, "value"), _text(money, "currency")),
        currency=_text(money, "currency"),
        status=outcome.status if outcome else item.pleo_status,
        reported=item.reported,
        debits=debits,
        credits=credits_,
        external_id=outcome.external_id if outcome else None,
        external_url=outcome.external_url if outcome else None,
        failure_type=outcome.failure_type if outcome else None,
        failure_reason=outcome.failure_reason if outcome else None,
        taken_back=gone,
    )


def _amount(value: object, currency: str) -> Decimal | None:
    """Return Pleo's hundredths in major units, with the currency's digits where they suffice."""
    if not isinstance(value, int | Decimal) or abs(Decimal(value)) > LARGEST:
        return None
    amount = Decimal(value) / 100
    if is_currency(currency) and rounded(amount, currency) == amount:
        return rounded(amount, currency)
    return amount


def _accounts(parts: Sequence[PartRecord]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the debited and the credited accounts of all live entries, each once, in order."""
    sides: tuple[dict[str, None], dict[str, None]] = ({}, {})
    for account, amount in _lines(parts):
        sides[0 if amount > 0 else 1].setdefault(account)
    return tuple(sides[0]), tuple(sides[1])


def _lines(parts: Sequence[PartRecord]) -> Iterator[tuple[str, Decimal]]:
    for part in parts:
        if part.state is PartState.BOOKED and (entry := part.planned):
            yield from ((line.account, line.amount) for line in entry.lines)


def _at(value: object, *path: str) -> object:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(payload: object, *path: str) -> str:
    found = _at(payload, *path)
    return found if isinstance(found, str) else ""

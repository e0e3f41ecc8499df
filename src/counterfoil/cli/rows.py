"""Items as people look at them: what it was, what became of it, where the money went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from counterfoil.register import KeptItem, PartRecord, PartState, Register
from counterfoil.register.records import load_entry, load_payload

__all__ = ["COLUMNS", "ItemRow", "item_rows"]

COLUMNS = ("item", "date", "what", "amount", "outcome", "accounts or reason", "link")


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

    @property
    def cells(self) -> tuple[str, ...]:
        """Return what stands in each of the columns."""
        amount = "" if self.amount is None else f"{self.amount:,.2f} {self.currency}"
        what = " · ".join(filter(None, (self.type, self.supplier)))
        link = self.external_url or self.external_id or ""
        return (self.entry_id, self.date, what, amount, self.status, self._booking(), link)

    def _booking(self) -> str:
        if self.failure_reason:
            return f"{self.failure_type}: {self.failure_reason}"
        return f"{' + '.join(self.credits)} → {' + '.join(self.debits)}" if self.debits else ""


def item_rows(register: Register, target: str, job_id: str) -> list[ItemRow]:
    """Read the items of a job from the register, with the accounts of their entries."""
    kept = register.items.all(job_id)
    parts = register.parts.of(target, [item.entry_id for item in kept])
    return [_row(item, parts.get(item.entry_id, [])) for item in kept]


def _row(item: KeptItem, parts: Sequence[PartRecord]) -> ItemRow:
    payload = load_payload(item.payload) if item.payload else {}
    outcome = item.outcome
    amount = _at(payload, "amount", "inWalletCurrency", "value")
    debits, credits_ = _accounts(parts)
    return ItemRow(
        job_id=item.job_id,
        entry_id=item.entry_id,
        date=_text(payload, "date")[:10],
        type=_text(payload, "type"),
        supplier=_text(payload, "supplier", "name"),
        amount=Decimal(amount) / 100 if isinstance(amount, int | Decimal) else None,
        currency=_text(payload, "amount", "inWalletCurrency", "currency"),
        status=outcome.status if outcome else item.pleo_status,
        reported=item.reported,
        debits=debits,
        credits=credits_,
        external_id=outcome.external_id if outcome else None,
        external_url=outcome.external_url if outcome else None,
        failure_type=outcome.failure_type if outcome else None,
        failure_reason=outcome.failure_reason if outcome else None,
    )


def _accounts(parts: Sequence[PartRecord]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the debited and the credited accounts of all live entries, each once, in order."""
    sides: tuple[dict[str, None], dict[str, None]] = ({}, {})
    for account, amount in _lines(parts):
        sides[0 if amount > 0 else 1].setdefault(account)
    return tuple(sides[0]), tuple(sides[1])


def _lines(parts: Sequence[PartRecord]) -> Iterator[tuple[str, Decimal]]:
    for part in parts:
        if part.state is PartState.BOOKED:
            yield from ((line.account, line.amount) for line in load_entry(part.entry).lines)


def _at(value: object, *path: str) -> object:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(payload: object, *path: str) -> str:
    found = _at(payload, *path)
    return found if isinstance(found, str) else ""

"""An export item seen as the old ``Expense``, field by field, with what it lacks said by name.

Amounts are major units, exactly as Pleo's hundredths say; times are ``yyyy-mm-ddTHH:MM:SS.sssZ``.
What Pleo no longer tells is null, and ``SeenExpense.absent`` says why.
Source: Pleo's table of fields, in ``old_api``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID, uuid5

from counterfoil.bookkeeping.money import major
from counterfoil.bookkeeping.names import quoted
from counterfoil.bridge.old_api import old_api
from counterfoil.errors import InvalidItem
from counterfoil.pleo.models import NO_ID, Account, ExportItem, ItemLine, Money, ReceiptFile, Tag

__all__ = ["CARD", "OldJson", "SeenExpense", "as_expense", "files_of", "old_time", "receipt_id"]

OldJson: TypeAlias = "dict[str, OldJson] | list[OldJson] | str | int | Decimal | bool | None"
"""JSON of the old API; amounts are int or Decimal, never float."""

CARD = "CARD"
RECEIPTS = UUID("5d0f3c0e-6f0d-5a57-9d3e-0f5a5d1b7c11")
"""The namespace of receipt ids, made once: an id stays the same for ever."""

DIFFER = "The lines differ: see lines[]."


@dataclass(frozen=True, slots=True)
class SeenExpense:
    """An old expense as JSON, and why each null field that Pleo does not tell is null."""

    json: Mapping[str, OldJson]
    absent: Mapping[str, str]


def as_expense(item: ExportItem, status: str) -> SeenExpense:
    """Show an item as the old API did, with the old ``status`` that the caller keeps.

    Raises InvalidItem for a type without an old one, and for an amount that its currency cannot
    have: such an expense is not shown at all.
    """
    old_type = _old_type(item)
    moment = old_time(item.date)
    lines = item.accounting_entry_lines
    shown: dict[str, OldJson] = {
        "id": item.accounting_entry_id,
        "employeeId": item.user.id if item.user else None,
        "employeeCode": item.user.code if item.user else None,
        "departmentId": item.team.id if item.team else None,
        "performedAt": moment,
        "amountOriginal": None,
        "amountSettled": _amount(item.amount.in_wallet_currency, "the amount"),
        "note": item.note,
        "type": old_type,
        "accountId": _shared([_account_id(line.account) for line in lines]),
        "taxCodeId": _shared([line.tax.id if line.tax else None for line in lines]),
        "tagIds": _shared_tags(lines),
        "receiptIds": [receipt_id(item, place) for place, _ in files_of(item)],
        "settledExpenseIds": list(_settled(item)),
        "supplier": _supplier(item),
        "cardTransaction": _card_transaction(item, moment) if old_type == CARD else None,
        "lines": [_line(line, number) for number, line in enumerate(lines, 1)],
        "status": status,
        "createdAt": moment,
        "updatedAt": moment,
        "deletedAt": None,
    }
    return SeenExpense(shown, {**old_api().absent, **_differing(lines)})


def old_time(moment: datetime) -> str:
    """Write a time as the old API did: UTC, with milliseconds."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def files_of(item: ExportItem) -> Iterator[tuple[int, ReceiptFile]]:
    """Give an item's files with their places; a place that Pleo left empty is passed over."""
    for place, file in enumerate(item.files or ()):
        if file is not None:
            yield place, file


def receipt_id(item: ExportItem, place: int) -> str:
    """Return the id of a receipt: always the same for one place of one expense."""
    return str(uuid5(RECEIPTS, f"{item.accounting_entry_id}/{place}"))


def _old_type(item: ExportItem) -> str:
    found = old_api().old_types.get(item.type)
    if found is None:
        raise InvalidItem(
            f"The old Expenses API has no type for {quoted(item.type, 40)}: book this expense by "
            "hand, or move your integration to the Export API"
        )
    return found


def _amount(money: Money, what: str) -> dict[str, OldJson]:
    return {"value": _number(major(money, what)), "currency": money.currency}


def _number(amount: Decimal) -> int | Decimal:
    """Write an amount as JavaScript does: 12 and 12.5, without needless zeros."""
    return int(amount) if amount == amount.to_integral_value() else amount.normalize()


def _account_id(account: Account | None) -> str | None:
    return None if account is None or account.id == NO_ID else account.id


def _shared(values: Sequence[str | None]) -> str | None:
    return values[0] if len(set(values)) == 1 else None


def _tags(line: ItemLine) -> list[Tag]:
    return [tag for tag in line.tags or () if tag is not None]


def _tag(tag: Tag) -> dict[str, OldJson]:
    return {"id": tag.id, "tagGroupId": tag.group_code}


def _shared_tags(lines: Sequence[ItemLine]) -> list[OldJson]:
    """Return the tags that stand on every line: only those are the whole expense's."""
    if not lines:
        return []
    everywhere = set.intersection(*({tag.id for tag in _tags(line)} for line in lines))
    return [_tag(tag) for tag in _tags(lines[0]) if tag.id in everywhere]


def _settled(item: ExportItem) -> Iterator[str]:
    for entry in item.additional_information.reconciled_entries or ():
        if entry is not None:
            yield entry


def _supplier(item: ExportItem) -> dict[str, OldJson] | None:
    if item.supplier is None:
        return None
    return {"CIF": item.supplier.tax_identifier, "documentNumber": None}


def _card_transaction(item: ExportItem, settled_at: str) -> dict[str, OldJson]:
    supplier = item.supplier.name if item.supplier else None
    merchant: dict[str, OldJson] = {
        "id": item.vendor.id if item.vendor else None,
        "name": item.vendor.name if item.vendor else supplier,
    }
    return {
        "state": None,
        "merchant": merchant,
        "authorizedAt": None,
        "settledAt": settled_at,
        "reversedAt": None,
    }


def _line(line: ItemLine, number: int) -> dict[str, OldJson]:
    return {
        "amountSettled": _amount(line.line_amount.in_wallet_currency, f"line {number}"),
        "accountId": _account_id(line.account),
        "taxCodeId": line.tax.id if line.tax else None,
        "tagIds": [_tag(tag) for tag in _tags(line)],
    }


def _differing(lines: Sequence[ItemLine]) -> dict[str, str]:
    """Say which fields of the whole expense only its lines can tell."""
    tellers: Mapping[str, Collection[object]] = {
        "accountId": {_account_id(line.account) for line in lines},
        "taxCodeId": {line.tax.id if line.tax else None for line in lines},
        "tagIds": {frozenset(tag.id for tag in _tags(line)) for line in lines},
    }
    return {name: DIFFER for name, told in tellers.items() if len(told) > 1}

"""Has an item changed in Pleo since it was booked? A hash of its figures, and the differences.

What counts: kind, day, amounts, currency, accounts, tax, dimensions, vendor. Texts, files, people
and the order of lines do not. The hash stays in the books for years: its recipe must not change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import TypeAlias

from counterfoil.bookkeeping.dates import day_in
from counterfoil.bookkeeping.money import major, plain
from counterfoil.bookkeeping.names import quoted
from counterfoil.bookkeeping.settings import Settings
from counterfoil.errors import InvalidItem
from counterfoil.pleo.models import Account, ExportItem, ItemLine, Money, Tax, Vendor

__all__ = ["differences", "fingerprint"]

LENGTH = 16

Fact: TypeAlias = "tuple[str | None, ...]"
"""A figure as Pleo sent it, in comparable texts."""

Facts: TypeAlias = "dict[str, Fact]"
"""Figures by the name that a sentence gives them."""


def fingerprint(item: ExportItem, settings: Settings) -> str:
    """Return sixteen hex digits of a SHA-256 over the item's figures."""
    lines = [_line_facts(line) for line in item.accounting_entry_lines]
    if len(lines) > 1:
        lines.sort(key=json.dumps)
    text = json.dumps([_item_facts(item, settings), lines])
    return sha256(text.encode()).hexdigest()[:LENGTH]


def differences(old: ExportItem, new: ExportItem, settings: Settings) -> list[str]:
    """Say what changed between two versions of an item; empty where their fingerprints agree."""
    before, after = _item_facts(old, settings), _item_facts(new, settings)
    return [*_changes(before, after), *_line_changes(old, new)]


def _item_facts(item: ExportItem, settings: Settings) -> Facts:
    return {
        "type": (item.type,),
        "sub type": (item.sub_type,),
        "method": (item.bookkeeping.method if item.bookkeeping else None,),
        "date": (day_in(item.date, settings.zone).isoformat(),),
        "total": _money(item.amount.in_wallet_currency),
        "contra account": _account(item.contra_account),
        "vendor": _vendor(item.vendor),
    }


def _line_facts(line: ItemLine) -> Facts:
    tags = [tag for tag in line.tags or () if tag is not None]
    return {
        "amount": _money(line.line_amount.in_wallet_currency),
        "account": _account(line.account),
        **_tax_facts(line.tax),
        "tags": tuple(sorted(f"{tag.group_code}: {tag.code}" for tag in tags)),
    }


def _money(money: Money) -> Fact:
    return plain(money.value), money.currency


def _account(account: Account | None) -> Fact:
    return () if account is None else (account.code, account.identifier)


def _vendor(vendor: Vendor | None) -> Fact:
    if vendor is None:
        return ()
    return (
        vendor.code,
        vendor.external_id,
        vendor.registration_number,
        vendor.tax_registration_number,
    )


def _tax_facts(tax: Tax | None) -> Facts:
    if tax is None:
        return {}
    return {
        "tax code": (tax.code,),
        "tax rate": (plain(tax.rate),),
        "tax type": (tax.type,),
        "tax": _money(tax.amount.in_wallet_currency),
        "ingoing tax account": (tax.ingoing_tax_account,),
        "outgoing tax account": (tax.outgoing_tax_account,),
    }


def _changes(before: Facts, after: Facts) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, ()), after.get(name, ())
        if old != new:
            yield f"{name} {_shown(name, old, new)} became {_shown(name, new, old)}"


def _shown(name: str, fact: Fact, other: Fact) -> str:
    """Show a figure to a person; of several names of one thing, the first that differs."""
    if not any(fact):
        return "none"
    if name in {"amount", "total", "tax"}:
        return _amount(*fact)
    if name == "tags":
        return quoted(", ".join(filter(None, fact)))
    padded = (*other, *(None,) * len(fact))
    differing = [one for one, two in zip(fact, padded, strict=False) if one and one != two]
    return quoted((differing or [one for one in fact if one])[0])


def _amount(value: str | None, currency: str | None) -> str:
    try:
        amount = major(Money(currency=currency or "", value=Decimal(value or 0)), "it")
    except InvalidItem:
        return f"{value} hundredths of {quoted(currency or '')}"
    return f"{amount} {currency}"


def _line_changes(old: ExportItem, new: ExportItem) -> Iterator[str]:
    """Set equal lines aside, then compare the others by their ids, then in their order."""
    gone, come = _apart(old.accounting_entry_lines, new.accounting_entry_lines)
    several = max(len(old.accounting_entry_lines), len(new.accounting_entry_lines)) > 1
    for number, line in list(gone.items()):
        partner = _partner(line, come)
        prefix = f"line {number}: " if several else ""
        if partner is None:
            yield f"{prefix}{_whole(line)} was removed"
            continue
        for change in _changes(_line_facts(line), _line_facts(come.pop(partner))):
            yield prefix + change
    for number, line in come.items():
        yield f"line {number}: {_whole(line)} was added"


def _apart(
    old: Sequence[ItemLine], new: Sequence[ItemLine]
) -> tuple[dict[int, ItemLine], dict[int, ItemLine]]:
    """Return the lines that have no equal on the other side, by number."""
    come = dict(enumerate(new, start=1))
    gone = {}
    for number, line in enumerate(old, start=1):
        facts = _line_facts(line)
        equal = next((key for key, other in come.items() if _line_facts(other) == facts), None)
        if equal is None:
            gone[number] = line
        else:
            del come[equal]
    return gone, come


def _partner(line: ItemLine, come: dict[int, ItemLine]) -> int | None:
    for number, other in come.items():
        if other.accounting_entry_line_id == line.accounting_entry_line_id:
            return number
    return next(iter(come), None)


def _whole(line: ItemLine) -> str:
    facts = _line_facts(line)
    return f"{_amount(*facts['amount'])} on {_shown('account', facts['account'], ())}"

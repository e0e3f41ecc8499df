"""Sum what Pleo's export items should have moved, by a few rules of its own.

It shares nothing with Counterfoil: plain JSON, a plain reading of the ledger's ``open`` directives,
one direction for each type. Run it by hand beside a ledger's own balances:

    python tests/accounting/sums_from_items.py main.beancount counterfoil.toml ITEMS.json ...

where each ITEMS.json is what Pleo answered to ``GET /v3/export-items``, or a bare list of items.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Books", "Sums", "items_of", "sums"]

Json: TypeAlias = Mapping[str, Any]
Move: TypeAlias = tuple[str, str, Decimal]
Sums: TypeAlias = dict[tuple[str, str], Decimal]
"""The balance by account and currency, debit positive; those that are zero are left out."""

SIDES = {
    "card_purchase": ("lines", "wallet"),
    "card_invoice": ("lines", "wallet"),
    "fee": ("lines", "wallet"),
    "refund": ("wallet", "lines"),
    "chargeback": ("wallet", "lines"),
    "cashback": ("wallet", "lines"),
    "atm_withdrawal": ("lines", "wallet"),
    "personal_spend": ("lines", "wallet"),
    "out_of_pocket": ("lines", "employee"),
    "mileage": ("lines", "employee"),
    "per_diem": ("lines", "employee"),
    "direct_reimbursement": ("employee", "wallet"),
    "external_reimbursement": ("employee", "contra"),
    "invoice": ("lines", "vendor"),
    "invoice_payment": ("vendor", "wallet"),
    "wallet_topup": ("wallet", "contra"),
    "wallet_unload": ("contra", "wallet"),
}
"""Debit and credit of each type. A bill that its own payment settles leaves the vendor at nil, so
that an expense under accounts payable moves what it moves in a journal."""

THE_OTHER_WAY = {
    "reimbursement_to_company",
    "reimbursement_to_employee_refund",
    "invoice_payment_returned",
}
EITHER_SIGN = {"refund", "chargeback", "cashback"}
DIGITS = {"JPY": 0, "KWD": 3}


@dataclass(frozen=True)
class Books:
    """What the ledger's ``open`` directives and the configuration say of accounts."""

    named: Mapping[tuple[str, str], str]
    """Accounts by a key of their metadata and a value it has there."""
    configured: Json

    @classmethod
    def read(cls, ledger: Path, configuration: Path) -> Books:
        """Read both files; the configuration's first connection is the one meant."""
        named: dict[tuple[str, str], str] = {}
        for line in ledger.read_text("utf-8").splitlines():
            if opened := re.match(r"\d{4}-\d\d-\d\d open (\S+)", line):
                account = opened[1]
                named["name", account] = account
            elif noted := re.match(r'\s+(\w+): "(.*)"', line):
                values = noted[2].split() if noted[1].endswith("tax_codes") else [noted[2]]
                named |= {(noted[1], value): account for value in values}
        told = tomllib.loads(configuration.read_text("utf-8"))
        return cls(named, told["connection"][0]["accounts"])

    def coded(self, code: str) -> str:
        """Return the account with this code."""
        return self.named["code", code]

    def setting(self, name: str, currency: str) -> str:
        """Return the account that the configuration names, for all currencies or for this one."""
        found = self.configured[name]
        return self.coded(found if isinstance(found, str) else found[currency])

    def party(self, who: Json | None, **keys: str) -> str | None:
        """Return the account of a vendor or employee: ``keys`` are metadata=field of Pleo's."""
        for key, field in keys.items():
            found = self.named.get((key, (who or {}).get(field) or ""))
            if found:
                return found
        return None


def sums(items: Iterable[Json], books: Books) -> Sums:
    """Return the balance that these items give each account, by account and currency."""
    balances: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for item in items:
        for account, currency, amount in _moves(item, books):
            balances[account, currency] += amount
    return {key: amount for key, amount in balances.items() if amount}


def _moves(item: Json, books: Books) -> Iterator[Move]:
    kind, lines = item["type"], item["accountingEntryLines"]
    total = sum((_money(line["lineAmount"]) for line in lines), Decimal())
    currency = lines[0]["lineAmount"]["inWalletCurrency"]["currency"]
    turn = -1 if item.get("subType") in THE_OTHER_WAY else 1
    if kind in EITHER_SIGN and total < 0:
        turn = -1
    debit, credit = SIDES[kind]
    for side, sign in ((debit, turn), (credit, -turn)):
        if side == "lines":
            for line in lines:
                for account, amount in _line(line, currency, books):
                    yield account, currency, sign * amount
        else:
            yield _account(side, item, currency, books), currency, sign * total


def _line(line: Json, currency: str, books: Books) -> Iterator[tuple[str, Decimal]]:
    """Split a line into its cost and the taxes that stand on accounts of their own."""
    paid, account = _money(line["lineAmount"]), _category(line, books)
    if account is None:
        yield books.setting("out_of_pocket", currency), paid
        return
    tax, ingoing, outgoing = _tax(line, paid, currency, books)
    if outgoing:
        yield outgoing, -tax
        paid += tax
    if ingoing:
        yield ingoing, tax
        paid -= tax
    yield account, paid


def _category(line: Json, books: Books) -> str | None:
    told = line.get("account") or {}
    named = books.named.get(("name", told.get("identifier") or ""))
    return named or (books.coded(told["code"]) if told.get("code") else None)


def _tax(
    line: Json, paid: Decimal, currency: str, books: Books
) -> tuple[Decimal, str | None, str | None]:
    """Return a line's tax, and the accounts it goes to: in, and for a reverse charge out."""
    told = line.get("tax")
    if not told:
        return Decimal(), None, None
    amount, reverse = _money(told["amount"]), told["type"] == "reverse"
    if reverse and not amount:
        unit = Decimal(1).scaleb(-DIGITS.get(currency, 2))
        amount = (paid * told["rate"]).quantize(unit, ROUND_HALF_UP)
    ingoing = _tax_account(told, "ingoingTaxAccount", "tax_codes", books)
    outgoing = _tax_account(told, "outgoingTaxAccount", "reverse_tax_codes", books)
    return amount, ingoing, outgoing if reverse else None


def _tax_account(told: Json, field: str, key: str, books: Books) -> str | None:
    own = told.get(field)
    return books.coded(own) if own else books.named.get((key, told.get("code") or ""))


def _account(side: str, item: Json, currency: str, books: Books) -> str:
    payable = (item.get("bookkeeping") or {}).get("method") == "accounts_payable"
    match side:
        case "wallet":
            own = (item.get("contraAccount") or {}).get("code")
            return books.coded(own) if own else books.setting("wallet", currency)
        case "vendor":
            return _vendor(item, books) or books.setting("payable", currency)
        case "employee":
            own = books.party(item.get("user"), vendor_code="code") if payable else None
            return own or books.setting("out_of_pocket", currency)
        case _:
            return books.setting(side, currency)


def _vendor(item: Json, books: Books) -> str | None:
    if vendor := item.get("vendor"):
        return books.party(
            vendor,
            vendor_code="code",
            vendor_registration="registrationNumber",
            vendor_tax_id="taxRegistrationNumber",
        )
    return books.party(item.get("supplier"), vendor_code="code", vendor_tax_id="taxIdentifier")


def _money(pair: Json) -> Decimal:
    return Decimal(pair["inWalletCurrency"]["value"]) / 100


def items_of(text: str) -> list[Json]:
    """Read Pleo's answer, or a bare list of items; numbers become Decimal."""
    found = json.loads(text, parse_float=Decimal)
    items: list[Json] = found if isinstance(found, list) else found["data"]
    return items


def main(arguments: Sequence[str]) -> None:
    """Print the sums: account, currency and balance, between tabs."""
    ledger, configuration, *files = map(Path, arguments)
    items = [item for file in files for item in items_of(file.read_text("utf-8"))]
    for (account, currency), amount in sorted(
        sums(items, Books.read(ledger, configuration)).items()
    ):
        sys.stdout.write(f"{account}\t{currency}\t{amount}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

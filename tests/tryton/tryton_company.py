"""The company that tests book into: set up once over JSON-RPC, then copied as a template.

Its accounts, tax codes, vendors, employees and dimensions are those of the sandbox's demo company.
Fiscal years reach to the next; of the first, January is locked, February closed, and in March only
the journal of entries is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from counterfoil.sandbox.catalogue import CATEGORIES, PEOPLE, SUPPLIERS, TAGS, TAX_CODES, WALLETS
from counterfoil.sandbox.company import LAST_DAY
from tests.tryton.tryton_rpc import Rpc

__all__ = ["ADMIN", "COMPANY", "FALLBACK_PARTY", "FIRST_YEAR", "SERVICE", "WEAK", "set_up"]

ADMIN = ("admin", "admin-password")
SERVICE = ("counterfoil", "service-password")
WEAK = ("clerk", "a-clerk's-password")
"""May log in, and nothing more."""
COMPANY = "Acme Ltd"
FALLBACK_PARTY = "PLEO"
BEGINNING = dt.date(2015, 1, 1)
FIRST_YEAR = LAST_DAY.year - 2
"""The year of the closed periods, before all that the demo company did."""

RATES = {
    "GBP": Decimal(1),
    "EUR": Decimal("1.2"),
    "DKK": Decimal("8.9"),
    "JPY": Decimal(190),
    "KWD": Decimal("0.39"),
    "USD": Decimal("1.3"),
}
"""What one pound buys; SEK is in the books without a rate."""
DIGITS = {"JPY": 0, "KWD": 3}


@dataclass
class _SetUp:
    """What was made so far, by name or code."""

    rpc: Rpc
    currencies: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    company: int = 0


def set_up(rpc: Rpc, today: dt.date) -> None:
    """Make everything, as the administrator of an empty database."""
    made = _SetUp(rpc)
    _currencies(made)
    _company(made)
    _accounts(made)
    _taxes(made)
    for year in range(FIRST_YEAR, today.year + 2):
        _fiscal_year(made, year)
    _close(made, FIRST_YEAR)
    _parties(made)
    _dimensions(made)
    _users(made)


def _currencies(made: _SetUp) -> None:
    for code in (*RATES, "SEK"):
        digits = DIGITS.get(code, 2)
        made.currencies[code] = made.rpc.make(
            "currency.currency",
            name=code,
            symbol=code,
            code=code,
            digits=digits,
            rounding=Decimal(1).scaleb(-digits),
        )
    for code, rate in RATES.items():
        made.rpc.make(
            "currency.currency.rate", currency=made.currencies[code], date=BEGINNING, rate=rate
        )


def _company(made: _SetUp) -> None:
    rpc = made.rpc
    party = rpc.make("party.party", name=COMPANY, addresses=[["create", [{}]]])
    made.company = rpc.make("company.company", party=party, currency=made.currencies["GBP"])
    admin = rpc.one("res.user", ["login", "=", "admin"])
    rpc.write("res.user", admin, companies=[["add", [made.company]]], company=made.company)
    rpc.refresh()


ACCOUNT_TYPES: dict[str, dict[str, Any]] = {
    "assets": {"statement": "balance", "assets": True},
    "liabilities": {"statement": "balance"},
    "payable": {"statement": "balance", "payable": True},
    "expenses": {"statement": "income", "expense": True},
    "income": {"statement": "income", "revenue": True},
}
ACCOUNTS = (
    ("1899", "Pleo contra", "assets"),
    ("2000", "Payable", "payable"),
    ("2010", "Payable to employees", "payable"),
    ("2201", "VAT input", "assets"),
    ("2202", "VAT output", "liabilities"),
    ("2900", "Out of pocket", "liabilities"),
    ("7900", "Exchange differences", "expenses"),
)


def _accounts(made: _SetUp) -> None:
    for name, fields in ACCOUNT_TYPES.items():
        made.types[name] = made.rpc.make(
            "account.account.type", name=name, company=made.company, **fields
        )
    for wallet in WALLETS:
        _account(made, wallet.code, f"Wallet {wallet.currency}", "assets")
    for account in ACCOUNTS:
        _account(made, *account)
    for category in CATEGORIES.values():
        kind = {"1": "assets", "4": "income"}.get(category.code[0], "expenses")
        _account(made, category.code, category.name, kind)
    _account(made, "6999", "Given up", "expenses", end_date=BEGINNING)
    made.rpc.write(
        "account.configuration",
        1,
        default_account_payable=made.accounts["2000"],
        currency_exchange_credit_account=made.accounts["7900"],
        currency_exchange_debit_account=made.accounts["7900"],
    )


def _account(made: _SetUp, code: str, name: str, kind: str, **more: Any) -> None:  # noqa: ANN401 -- fields of any type
    owed = kind == "payable"
    made.accounts[code] = made.rpc.make(
        "account.account",
        code=code,
        name=name,
        company=made.company,
        type=made.types[kind],
        party_required=owed,
        reconcile=owed,
        **more,
    )


def _taxes(made: _SetUp) -> None:
    """Make each code, and a report that sums its base and its tax."""
    codes = {tax.code: tax for tax in TAX_CODES if tax.code}
    for code, tax in codes.items():
        reverse = tax.type == "reverse"
        parent = _tax(made, code, None if reverse else tax.rate, "2201")
        parts = {parent}
        if reverse:
            own = _tax(made, f"{code} in", tax.rate, "2201", parent)
            parts = {own, _tax(made, f"{code} out", -tax.rate, "2202", parent)}
        for amount in ("base", "tax"):
            for part in sorted(parts) if amount == "tax" else [min(parts)]:
                _report(made, f"{code} {amount} {part}", part, amount)
    _tax(made, "EMPTY", None, "2201")


def _tax(
    made: _SetUp, name: str, rate: Decimal | None, account: str, parent: int | None = None
) -> int:
    accounts = {}
    if rate is not None:
        accounts = {
            "rate": rate,
            "invoice_account": made.accounts[account],
            "credit_note_account": made.accounts[account],
        }
    return made.rpc.make(
        "account.tax",
        name=name,
        description=name,
        company=made.company,
        type="none" if rate is None else "percentage",
        parent=parent,
        **accounts,
    )


def _report(made: _SetUp, code: str, tax: int, amount: str) -> None:
    lines = [
        {"operator": sign, "tax": tax, "amount": amount, "type": kind}
        for sign, kind in (("+", "invoice"), ("-", "credit"))
    ]
    made.rpc.make(
        "account.tax.code",
        name=code,
        code=code,
        company=made.company,
        lines=[["create", lines]],
    )


def _fiscal_year(made: _SetUp, year: int) -> None:
    rpc = made.rpc
    moves = _sequence(made, "Account Move", f"Moves {year}")
    invoices = _sequence(made, "Invoice", f"Invoices {year}")
    sequences = {
        f"{side}_{kind}_sequence": invoices
        for side in ("in", "out")
        for kind in ("invoice", "credit_note")
    }
    id = rpc.make(
        "account.fiscalyear",
        name=str(year),
        start_date=dt.date(year, 1, 1),
        end_date=dt.date(year, 12, 31),
        company=made.company,
        move_sequence=moves,
        invoice_sequences=[["create", [{"company": made.company, **sequences}]]],
    )
    rpc.model("account.fiscalyear", "create_period", [id])


def _sequence(made: _SetUp, kind: str, name: str) -> int:
    return made.rpc.make(
        "ir.sequence.strict",
        name=name,
        sequence_type=made.rpc.one("ir.sequence.type", ["name", "=", kind]),
        company=made.company,
    )


def _close(made: _SetUp, year: int) -> None:
    rpc = made.rpc
    january, february, march = (
        rpc.one("account.period", ["start_date", "=", dt.date(year, month, 1)])
        for month in (1, 2, 3)
    )
    rpc.model("account.period", "close", [january, february])
    rpc.model("account.period", "lock_", [january])
    journal = rpc.one("account.journal", ["code", "=", "MISC"])
    closed = rpc.make("account.journal.period", journal=journal, period=march)
    rpc.model("account.journal.period", "close", [closed])


def _parties(made: _SetUp) -> None:
    _party(made, "Suppliers at large", FALLBACK_PARTY)
    for supplier in SUPPLIERS:
        if supplier.is_vendor:
            numbers = [number for number in (supplier.tax_number, supplier.registration) if number]
            _party(made, supplier.name, supplier.code, *numbers)
    _party(made, "Gone GmbH", "V099", active=False)
    for person in PEOPLE:
        if person.account:
            payable = made.accounts["2010"]
            party = _party(made, person.name, person.code, account_payable=payable)
            made.rpc.make("company.employee", party=party, company=made.company)


def _party(made: _SetUp, name: str, code: str | None, *numbers: str, **more: Any) -> int:  # noqa: ANN401 -- fields of any type
    values = {"name": name, "addresses": [["create", [{}]]], **more}
    if code is not None:
        values["code"] = code
    if numbers:
        values["identifiers"] = [["create", [{"type": None, "code": each} for each in numbers]]]
    return made.rpc.make("party.party", **values)


def _dimensions(made: _SetUp) -> None:
    for axis, values in TAGS.items():
        base = {"company": made.company, "state": "opened"}
        root = made.rpc.make("analytic_account.account", name=axis, code=axis, type="root", **base)
        for value in values:
            made.rpc.make(
                "analytic_account.account",
                name=value,
                code=value,
                type="normal",
                root=root,
                parent=root,
                **base,
            )


def _users(made: _SetUp) -> None:
    rpc = made.rpc
    accounting = rpc.one("res.group", ["name", "=", "Accounting"])
    for (login, password), groups in ((SERVICE, [accounting]), (WEAK, [])):
        rpc.make(
            "res.user",
            name=login,
            login=login,
            password=password,
            groups=[["add", groups]],
            companies=[["add", [made.company]]],
            company=made.company,
        )

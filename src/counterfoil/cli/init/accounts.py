"""The books' chart as a person is asked about it: suggestions for a role, the check of one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from counterfoil.bookkeeping.accounts import find_setting, named, setting_problem
from counterfoil.bookkeeping.chart import Chart, ChartAccount
from counterfoil.cli.init.questions import Answer, Wrong

__all__ = [
    "ROLES",
    "candidates",
    "check_account",
    "likeliest",
    "shown",
    "wallet_currencies",
    "written",
]

ROLES: Mapping[str, str] = {
    "wallet": "Money on Pleo's cards",
    "out_of_pocket": "What you owe employees who paid themselves",
    "contra": "Money on its way between your bank and Pleo",
    "payable": "What you owe suppliers",
}
"""The four accounts that Pleo's rules ask for, as a bookkeeper says them."""

_WORDS: Mapping[str, Sequence[str]] = {
    "wallet": ("pleowallet", "wallet", "pleo", "prepaid", "cards"),
    "out_of_pocket": ("outofpocket", "employee", "reimburs", "staff", "expensespayable"),
    "contra": ("contra", "clearing", "intransit", "transit", "suspense", "intermediate"),
    "payable": ("accountspayable", "tradepayable", "payable", "creditor", "supplier"),
}
"""What such an account is often called, the surest words first."""

SHOWN = 8
"""So many accounts are shown for a role."""


def candidates(chart: Chart, role: str, currency: str | None = None) -> list[ChartAccount]:
    """Return the accounts that may be meant, best first; vendors' own accounts are not."""
    scored = [
        (score, account)
        for account in chart.accounts.values()
        if account.active and account.id not in chart.vendors_by_account
        if (score := _score(account, role, currency)) > 0
    ]
    scored.sort(key=lambda each: (-each[0], each[1].code or "", each[1].id))
    return [account for _, account in scored]


def _score(account: ChartAccount, role: str, currency: str | None) -> int:
    """Say how much an account looks like its role; 0: not at all."""
    if currency and account.currencies and currency not in account.currencies:
        return 0
    looks = re.sub(r"[^a-z0-9]", "", f"{account.id} {account.name}".lower())
    words = _WORDS[role]
    best = max((len(words) - place for place, word in enumerate(words) if word in looks), default=0)
    return 2 * best + (1 if best and currency and currency in account.currencies else 0)


def likeliest(chart: Chart, role: str) -> list[ChartAccount]:
    """Return the accounts that look like a role more than all others."""
    likely = candidates(chart, role)
    return [each for each in likely if _score(each, role, None) == _score(likely[0], role, None)]


def wallet_currencies(chart: Chart) -> list[str]:
    """Return the currencies that the accounts which look like wallets are limited to."""
    wallets = likeliest(chart, "wallet")
    return sorted({currency for account in wallets for currency in account.currencies})


def shown(accounts: Collection[ChartAccount], most: int = SHOWN) -> list[str]:
    """Put accounts in lines: code, name, currencies."""
    rows = list(accounts)[:most]
    lines = [f"  {written(each):<12} {_title(each)}{_limits(each)}" for each in rows]
    more = len(accounts) - len(rows)
    return [*lines, f"  … and {more} more"] if more else lines


def written(account: ChartAccount) -> str:
    """Return what is written in the configuration for an account."""
    return account.code or account.id


def _title(account: ChartAccount) -> str:
    """Return what people know an account by: its id where that has the name in it."""
    return account.id if account.id.endswith(account.name) else account.name


def _limits(account: ChartAccount) -> str:
    return f" ({', '.join(sorted(account.currencies))})" if account.currencies else ""


def check_account(chart: Chart, text: str, currencies: Collection[str]) -> Answer:
    """Return the account that a text names by code or id, if it takes these currencies.

    Raises Wrong, with the accounts whose code or name has the text in it.
    """
    if text == "?":
        raise Wrong(*shown(chart.accounts.values(), len(chart.accounts)))
    problem = setting_problem(chart, text, "")
    if problem is not None:
        raise Wrong(problem.removeprefix(": "), *shown(_like(chart, text)))
    account = find_setting(chart, text)
    if not account.active:
        raise Wrong(f"{named(account)} is inactive in the books.")
    if account.closed is not None and account.closed <= datetime.now(UTC).date():
        raise Wrong(f"{named(account)} is closed since {account.closed}.")
    refused = sorted(set(currencies) - account.currencies) if account.currencies else []
    if refused:
        takes = ", ".join(sorted(account.currencies))
        raise Wrong(f"{named(account)} takes only {takes}, and not {', '.join(refused)}.")
    return Answer(value=text, text=text, note=_title(account))


def _like(chart: Chart, text: str) -> list[ChartAccount]:
    wanted = text.lower()
    return [
        account
        for account in chart.accounts.values()
        if wanted in f"{account.code or ''} {account.id} {account.name}".lower()
    ]

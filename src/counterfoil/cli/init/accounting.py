"""What is asked once the chart is known: currencies, the four accounts, days and drafts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from counterfoil.bookkeeping.chart import Chart, ChartAccount
from counterfoil.bookkeeping.money import is_currency
from counterfoil.bookkeeping.settings import PostingMode
from counterfoil.cli.init.accounts import (
    ROLES,
    candidates,
    check_account,
    likeliest,
    shown,
    wallet_currencies,
    written,
)
from counterfoil.cli.init.machine import time_zone
from counterfoil.cli.init.questions import Answer, Question, Wrong, shape_value
from counterfoil.cli.init.state import State
from counterfoil.config.shape import ConnectionShape

__all__ = ["account_questions", "day_questions"]

EACH = "each"


def account_questions(state: State, chart: Chart) -> Iterator[Question]:
    """Ask the wallets' currencies, then an account for each role, of each currency where needed."""
    yield Question(
        key="currencies",
        words="The currencies of your Pleo wallets, such as DKK, EUR",
        check=_currencies,
        suggestion=", ".join(wallet_currencies(chart)),
    )
    for role in ROLES:
        yield from _role_questions(state, chart, role)


def _role_questions(state: State, chart: Chart, role: str) -> Iterator[Question]:
    """Ask for one account for all currencies, or for one of each."""
    key = f"accounts.{role}"
    each = len(state.currencies) > 1 and _needs_each(state, chart, role)
    if not each:
        yield _account(state, chart, role, key, state.currencies)
        each = state.text(key) == EACH
    if each:
        for currency in state.currencies:
            yield _account(state, chart, role, f"{key}.{currency}", [currency])


def _needs_each(state: State, chart: Chart, role: str) -> bool:
    """Whether no account that looks like the role takes all currencies, or each was answered."""
    likely = likeliest(chart, role)
    none = likely and not any(_takes(each, state.currencies) for each in likely)
    given = any(f"accounts.{role}.{currency}" in state.given for currency in state.currencies)
    return bool(none) or (given and f"accounts.{role}" not in state.given)


def _takes(account: ChartAccount, currencies: list[str]) -> bool:
    return not account.currencies or account.currencies >= set(currencies)


def _account(state: State, chart: Chart, role: str, key: str, currencies: list[str]) -> Question:
    one = currencies[0] if len(currencies) == 1 else None
    likely = [each for each in candidates(chart, role) if _takes(each, currencies)]
    single = one and len(state.currencies) > 1
    words = f"{ROLES[role]}{f', {one}' if single else ''}: {role}"

    def check(text: str) -> Answer:
        if text == EACH and not one:
            return Answer(value=None, text=EACH)
        return check_account(chart, text, currencies)

    return Question(
        key=key,
        words=f"{words} (code or name; ? shows all{'' if one else '; each: one a currency'})",
        check=check,
        suggestion=written(likely[0]) if likely else "",
        about=("", *shown(likely)),
    )


def _currencies(text: str) -> Answer:
    codes = [code for code in re.split(r"[][\"'\s,;]+", text.upper()) if code]
    strangers = [code for code in codes if not is_currency(code)]
    if strangers or not codes:
        raise Wrong(f"{', '.join(strangers) or 'That'} is no currency of ISO 4217 (such as EUR).")
    told = ", ".join(dict.fromkeys(codes))
    return Answer(value=None, text=told)


def day_questions(state: State) -> Iterator[Question]:
    """Ask which day an expense belongs to, and whether entries stay drafts."""
    yield Question(
        key="timezone",
        words="Your time zone: it says which day an expense of late evening belongs to",
        check=lambda text: _shaped(state, text),
        suggestion=time_zone(state.around.environ),
    )
    yield Question(
        key="posting",
        words="Are entries drafts that a person looks at, or final",
        check=_posting,
        suggestion=str(PostingMode.DRAFT),
        sure=True,
    )


def _shaped(state: State, text: str) -> Answer:
    shape_value(ConnectionShape, "timezone", text, state.around)
    return Answer(value=text, text=text)


def _posting(text: str) -> Answer:
    found = next((mode for mode in PostingMode if mode.startswith(text.lower()[:1])), None)
    if found is None:
        raise Wrong("It is draft or final.")
    return Answer(value=str(found), text=str(found))

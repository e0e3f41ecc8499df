"""Do the settings fit the books? Asked once a job, before any item is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from counterfoil.bookkeeping.accounts import find_setting, setting_problem
from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.money import is_currency
from counterfoil.bookkeeping.roles import ACCOUNT_PREFIX
from counterfoil.bookkeeping.settings import AccountSetting, Settings
from counterfoil.bookkeeping.table import booking_table, check_overrides
from counterfoil.bookkeeping.texts import template_problem

__all__ = ["settings_problems"]


def settings_problems(chart: Chart, settings: Settings) -> list[str]:
    """Say what is wrong, one sentence each with its key and the remedy; empty if all is well.

    An account that is not set is no problem yet: it fails the items that need it.
    """
    problems = [
        *_account_problems(chart, settings),
        *_code_problems(chart, settings.codes),
        *_table_problems(chart, settings),
    ]
    template = template_problem(settings.description)
    return [*problems, template] if template else problems


def _account_problems(chart: Chart, settings: Settings) -> Iterator[str]:
    accounts = settings.accounts
    named: dict[str, AccountSetting | None] = {
        "wallet": accounts.wallet,
        "out_of_pocket": accounts.out_of_pocket,
        "contra": accounts.contra,
        "payable": accounts.payable,
    }
    for key, value in named.items():
        place = f"[connection.accounts] {key}"
        if isinstance(value, Mapping):
            for currency, name in value.items():
                yield from _currency_problems(place, currency)
                yield from _name_problems(chart, name, f"{place}.{currency}")
        elif value is not None:
            yield from _name_problems(chart, value, place)


def _currency_problems(place: str, currency: str) -> Iterator[str]:
    if not is_currency(currency):
        yield f'{place}: "{currency}" is no currency of ISO 4217; write it as three capitals (EUR).'


def _name_problems(chart: Chart, name: str, place: str) -> Iterator[str]:
    problem = setting_problem(chart, name, place)
    if problem is not None:
        yield problem
    elif not find_setting(chart, name).active:
        yield f'{place}: account "{name}" is inactive in the books; open it there, or name another.'


def _code_problems(chart: Chart, codes: Mapping[str, str]) -> Iterator[str]:
    for code, name in codes.items():
        yield from _name_problems(chart, name, f'[connection.codes] "{code}"')


def _table_problems(chart: Chart, settings: Settings) -> Iterator[str]:
    problems = check_overrides(settings.table_overrides)
    if problems:
        yield from problems
        return
    own = {row for row in booking_table(settings.table_overrides).rows.values() if row.own}
    for side in sorted({side for row in own for part in row.parts for side in part.sides}):
        if side.startswith(ACCOUNT_PREFIX):
            name = side.removeprefix(ACCOUNT_PREFIX).strip()
            yield from _name_problems(chart, name, "[[connection.booking]]")

"""Which account of the books is meant: by Pleo's code and identifier, or by a setting.

An account is matched by ``identifier`` if the chart has it, else by ``code``;
``[connection.codes]`` comes before both, being a person's word. Whether an account takes a posting
on a day and in a currency is asked by ``check_usable``. Which account an item needs is left to
``costs`` and ``counters``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from counterfoil.bookkeeping.chart import Chart, ChartAccount
from counterfoil.bookkeeping.names import given, quoted
from counterfoil.bookkeeping.settings import AccountSetting, Settings
from counterfoil.errors import (
    InvalidSetting,
    MissingSetting,
    RefusedByBooks,
    UnknownAccount,
)
from counterfoil.pleo.models import NO_ID, Account

__all__ = [
    "Books",
    "Choice",
    "account_setting",
    "find_setting",
    "is_missing",
    "named",
    "setting_problem",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An account chosen for a posting, the rule that chose it, and the fields that rule read."""

    account: ChartAccount
    rule: str
    fields: tuple[str, ...] = ()
    role: str
    """What the account is for, as a bookkeeper says it: ``the category of line 1``."""
    setting: str | None = None
    """The setting that named it, if a setting did: ``[connection.accounts] wallet``."""


def named(account: ChartAccount) -> str:
    """Name an account as people find it: code and name where both are known."""
    label = account.name or account.id
    return f"{account.code} ({label})" if account.code and label != account.code else label


@dataclass(frozen=True, slots=True)
class Books:
    """The chart as one item's currency and one connection's settings see it."""

    chart: Chart
    settings: Settings
    currency: str

    def configured(self, key: str) -> Choice:
        """Return the account that ``[connection.accounts]`` names under this key.

        Raises MissingSetting where it is not set for the currency, InvalidSetting where the
        books do not have it.
        """
        setting = f"[connection.accounts] {key}"
        name = account_setting(getattr(self.settings.accounts, key), self.currency)
        if name is None:
            raise MissingSetting(
                f"No {key.replace('_', ' ')} account is set for {self.currency}: add {setting} = "
                f'{{ {self.currency} = "…" }}, or one account for every currency.'
            )
        account = self.by_setting(name, setting)
        rule = key.replace("_", "-")
        return Choice(
            account=account,
            rule=rule,
            fields=(setting,),
            role=f"the {key.replace('_', ' ')} account",
            setting=setting,
        )

    def by_setting(self, name: str, setting: str) -> ChartAccount:
        """Return the account that a setting names by code or id; raises InvalidSetting."""
        problem = setting_problem(self.chart, name, setting)
        if problem:
            raise InvalidSetting(problem)
        return find_setting(self.chart, name)

    def knows(self, identifier: str | None) -> bool:
        """Whether an identifier means an account, in the chart or by ``[connection.codes]``."""
        return identifier in self.chart.accounts or identifier in self.settings.codes

    def by_reference(self, account: Account, role: str) -> tuple[ChartAccount, str | None]:
        """Return the account that Pleo's code and identifier mean, and the setting that mapped it.

        Raises UnknownAccount, or InvalidSetting where identifier and code point at different
        accounts.
        """
        identifier, code = given(account.identifier), given(account.code)
        mapped = self._mapped(identifier, code)
        if mapped is not None:
            return mapped
        by_identifier = self.chart.accounts.get(identifier) if identifier else None
        if by_identifier is not None and by_identifier.id in self._claims(code):
            return by_identifier, None
        by_code = self._coded(code) if code else None
        if by_identifier is not None:
            self._agree(by_identifier, by_code, account, role)
            return by_identifier, None
        if by_code is not None:
            return by_code, None
        raise self._unknown(identifier, code, role)

    def by_text(self, text: str, role: str) -> ChartAccount:
        """Return the account that one text means, be it identifier or code."""
        mapped = self._mapped(text, None)
        if mapped is not None:
            return mapped[0]
        account = self.chart.accounts.get(text) or self._coded(text)
        if account is None:
            raise self._unknown(None, text, role)
        return account

    def _mapped(self, identifier: str | None, code: str | None) -> tuple[ChartAccount, str] | None:
        """Look ``[connection.codes]`` up; both mapped must mean the same account."""
        codes = self.settings.codes
        if not codes:
            return None
        found = []
        for name in (identifier, code):
            if name is not None and name in codes:
                setting = f'[connection.codes] "{name}"'
                found.append((self.by_setting(codes[name], setting), setting))
        if len({account.id for account, _ in found}) > 1:
            raise InvalidSetting(
                f'[connection.codes] maps identifier "{identifier}" and code "{code}" of one '
                "account to different accounts: make them agree."
            )
        return found[0] if found else None

    def _claims(self, code: str | None) -> tuple[str, ...]:
        """Return the accounts that claim one code, if there are several."""
        return self.chart.ambiguous_codes.get(code, ()) if code else ()

    def _coded(self, code: str) -> ChartAccount | None:
        """Find a code; books without codes are asked for an account of that name."""
        account = self.chart.by_code.get(code)
        if account is not None:
            return account
        claims = self._claims(code)
        if claims:
            raise InvalidSetting(
                f"Code {quoted(code)} belongs to several accounts of the books "
                f"({', '.join(claims[:4])}): give each its own code, or choose one with "
                f'[connection.codes] "{quoted(code)}".'
            )
        named_so = self.chart.accounts.get(code)
        return named_so if named_so is not None and named_so.code is None else None

    @staticmethod
    def _agree(
        by_identifier: ChartAccount, by_code: ChartAccount | None, account: Account, role: str
    ) -> None:
        if by_code is not None and by_code.id != by_identifier.id:
            raise InvalidSetting(
                f'Pleo names {role} by identifier "{quoted(account.identifier or "")}" and code '
                f'"{quoted(account.code or "")}", but in the books these are two accounts, '
                f"{named(by_identifier)} and {named(by_code)}: correct the account in Pleo."
            )

    @staticmethod
    def _unknown(identifier: str | None, code: str | None, role: str) -> UnknownAccount:
        names = [f"code {quoted(code)}"] if code else []
        names += [f"identifier {quoted(identifier)}"] if identifier else []
        key = quoted(code or identifier or "")
        return UnknownAccount(
            f"The books have no account with {' or '.join(names)}, which Pleo names as {role}: "
            f'open it in the books, correct it in Pleo, or map it with [connection.codes] "{key}".'
        )

    def check_usable(self, choice: Choice, day: date) -> None:
        """Check that an account takes a posting of the item's currency on this day.

        Raises MissingSetting for the currency, InvalidSetting or RefusedByBooks for the rest.
        """
        account = choice.account
        if not account.active:
            raise self._refused(choice, "is inactive in the books")
        if account.opened is not None and day < account.opened:
            raise self._refused(choice, f"is open only from {account.opened} on")
        if account.closed is not None and day >= account.closed:
            raise self._refused(choice, f"is closed from {account.closed} on")
        if account.currencies and self.currency not in account.currencies:
            raise self._wrong_currency(choice)

    @staticmethod
    def _refused(choice: Choice, what: str) -> InvalidSetting | RefusedByBooks:
        sentence = f"Account {named(choice.account)}, {choice.role}, {what}: "
        if choice.setting is None:
            return RefusedByBooks(
                f"{sentence}open it for the day of the expense, or choose another in Pleo."
            )
        return InvalidSetting(
            f"{sentence}open it for the day of the expense, or change {choice.setting}."
        )

    def _wrong_currency(self, choice: Choice) -> MissingSetting:
        takes = ", ".join(sorted(choice.account.currencies))
        if choice.setting is None:
            code = choice.account.code or choice.account.id
            remedy = (
                f"choose an account that takes {self.currency} in Pleo, or with "
                f'[connection.codes] "{code}"'
            )
        else:
            remedy = f'set {choice.setting} = {{ {self.currency} = "…" }}'
        return MissingSetting(
            f"Account {named(choice.account)}, {choice.role}, takes {takes}, not "
            f"{self.currency}: let it take {self.currency} in the books, or {remedy}."
        )


def is_missing(account: Account | None) -> bool:
    """Whether a line has no category: null, Pleo's all-zero id, or neither code nor identifier."""
    if account is None or account.id == NO_ID:
        return True
    return given(account.code) is None and given(account.identifier) is None


def account_setting(setting: AccountSetting | None, currency: str) -> str | None:
    """Return what a setting names for a currency; None where it names nothing."""
    if isinstance(setting, Mapping):
        return given(setting.get(currency))
    return given(setting)


def find_setting(chart: Chart, name: str) -> ChartAccount:
    """Find an account that a setting names by its code, else by its id; raises KeyError."""
    account = chart.by_code.get(name)
    return account if account is not None else chart.accounts[name]


def setting_problem(chart: Chart, name: str, setting: str) -> str | None:
    """Say why the books cannot serve a setting; None where they can."""
    if name in chart.by_code:
        return None
    claims = chart.ambiguous_codes.get(name)
    if claims:
        return (
            f'{setting}: "{quoted(name)}" is the code of several accounts of the books '
            f"({', '.join(claims[:4])}); name one of them by its id."
        )
    if name in chart.accounts:
        return None
    return (
        f'{setting}: the books have no account "{quoted(name)}"; open it there, or name one that '
        "they have by its code or id."
    )

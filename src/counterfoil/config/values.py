"""The kinds of value in a configuration, and the check of each.

A check takes what the TOML file says and returns the value as the program uses it, or raises
``Mistake``. Addresses and secrets have a module of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, InstanceOf, PlainValidator, ValidationInfo

from counterfoil.bookkeeping.settings import AccountSetting
from counterfoil.bookkeeping.table import check_overrides
from counterfoil.bookkeeping.texts import template_problem
from counterfoil.config.mistakes import KeyPath, Mistake, Mistakes, close_to, spoken_list
from counterfoil.config.model import OnChange
from counterfoil.config.surroundings import surroundings
from counterfoil.systems.contract import SystemKind

__all__ = [
    "Account",
    "BookingRows",
    "Codes",
    "CompanyId",
    "ConnectionName",
    "Description",
    "HostName",
    "KeepItems",
    "Kind",
    "OnChangeSetting",
    "Pause",
    "Timezone",
    "Word",
    "text",
]

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CURRENCY = re.compile(r"[A-Z]{3}")
HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
PAUSE = re.compile(r"([1-9]\d{0,4}) (second|minute|hour)s?")
DAYS = re.compile(r"([1-9]\d{0,4}) days?")
ROW = re.compile(r"\[\[\S+\]\] row (\d+): (.*?)\.?")
NUMBERS = (int, float)


def text(value: object, right: str) -> str:
    """Return the text without space around it; raises Mistake, which says what is right."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, NUMBERS) and not isinstance(value, bool):
        raise Mistake("is a number", "write it as text, in quotes")
    raise Mistake("is empty" if isinstance(value, str) else "is not a text", right)


def _word(value: object) -> str:
    right = "one word of plain letters, as Pleo shows it, would be right"
    word = text(value, right)
    if any(not "!" <= letter <= "~" for letter in word):
        raise Mistake("is not one word", right)
    return word


def _connection_name(value: object) -> str:
    right = 'a short name of letters, digits, "-", "_" and "." would be right, such as "acme"'
    name = text(value, right)
    if not NAME.fullmatch(name):
        raise Mistake("is not a name", right)
    return name


def _company_id(value: object) -> str:
    right = "Pleo's id of the company, such as 12abc3d4-e567-890e-1234-abc56e78fabc, would be right"
    company_id = text(value, right).lower()
    if not UUID.fullmatch(company_id):
        raise Mistake("is not a UUID", right)
    return company_id


def _timezone(value: object) -> ZoneInfo:
    name = text(value, 'a name such as "Europe/Copenhagen" would be right')
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Mistake(f'"{name}" is not a time zone', _zone_meant(name)) from None


def _zone_meant(name: str) -> str:
    zones = {zone.lower(): zone for zone in available_timezones()}
    meant = zones.get(close_to(name, list(zones)) or "")
    return f'did you mean "{meant}"?' if meant else '"Europe/Copenhagen" would be one'


def _account(value: object) -> AccountSetting:
    right = 'an account\'s code such as "1800", or { EUR = "1801", GBP = "1800" }, would be right'
    if not isinstance(value, dict):
        return text(value, right)
    if not value:
        raise Mistake("names no currency", right)
    strangers: list[tuple[KeyPath, str]] = [
        ((currency,), str(Mistake("is not a currency", "an ISO 4217 code such as EUR is")))
        for currency in value
        if not CURRENCY.fullmatch(currency)
    ]
    return _texts(value, "an account's code would be right", strangers)


def _codes(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise Mistake("is not a table", 'lines such as "6100" = "6105" would be right')
    return _texts(value, "the code or name of an account in the books would be right", [])


def _booking_rows(value: object) -> tuple[Mapping[str, object], ...]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Mistake("is not a list of tables", "[[connection.booking]] above each would be right")
    problems = check_overrides(value)
    if problems:
        raise Mistakes([_placed(problem) for problem in problems])
    return tuple(value)


def _placed(problem: str) -> tuple[KeyPath, str]:
    """Read ``[[KEY]] row 2: SENTENCE.`` as a mistake at the second row."""
    found = ROW.fullmatch(problem)
    return ((int(found[1]) - 1,), found[2]) if found else ((), problem)


def _description(value: object) -> str:
    template = text(value, 'a template such as "{supplier} {note}" would be right')
    problem = template_problem(template)
    if problem:
        raise ValueError(problem.removeprefix("[connection] description: ").removesuffix("."))
    return template


def _texts(
    table: Mapping[str, object], right: str, mistakes: list[tuple[KeyPath, str]]
) -> Mapping[str, str]:
    """Check that every value of a table is a text; raises all mistakes together."""
    texts: dict[str, str] = {}
    for name, value in table.items():
        try:
            texts[name] = text(value, right)
        except Mistake as mistake:
            mistakes.append(((name,), str(mistake)))
    if mistakes:
        raise Mistakes(mistakes)
    return texts


def _host(value: object) -> str:
    right = 'a host such as "files.example.com", without https:// and path, would be right'
    host = text(value, right)
    if not HOST.fullmatch(host):
        raise Mistake("is not a host", right)
    return host.lower()


def _pause(value: object) -> timedelta:
    right = 'a time such as "5 minutes" or "30 seconds" would be right'
    found = PAUSE.fullmatch(text(value, right))
    if found is None:
        raise Mistake(f"{value!r} is not a time", right)
    return timedelta(**{f"{found[2]}s": int(found[1])})


def _keep_items(value: object) -> timedelta:
    right = 'a number of days such as "400 days" would be right'
    found = DAYS.fullmatch(text(value, right))
    if not found:
        raise Mistake("is not a number of days", right)
    return timedelta(days=int(found[1]))


def _kind(value: object, info: ValidationInfo) -> SystemKind:
    systems = surroundings(info).systems
    installed = f"installed: {spoken_list(sorted(systems)) if systems else 'none'}"
    name = text(value, installed)
    if name not in systems:
        meant = close_to(name, list(systems))
        remedy = f'did you mean "{meant}"? ({installed})' if meant else installed
        raise Mistake(f'"{name}" is not an accounting system that is installed', remedy)
    try:
        return systems[name]
    except (ImportError, AttributeError, TypeError) as error:
        raise Mistake(f'"{name}" cannot be loaded ({error})', "install it again") from error


Word: TypeAlias = Annotated[str, BeforeValidator(_word)]
ConnectionName: TypeAlias = Annotated[str, BeforeValidator(_connection_name)]
CompanyId: TypeAlias = Annotated[str, BeforeValidator(_company_id)]
Timezone: TypeAlias = Annotated[InstanceOf[ZoneInfo], BeforeValidator(_timezone)]
Account: TypeAlias = Annotated[str | Mapping[str, str], PlainValidator(_account)]
Codes: TypeAlias = Annotated[Mapping[str, str], PlainValidator(_codes)]
BookingRows: TypeAlias = Annotated[tuple[Mapping[str, object], ...], PlainValidator(_booking_rows)]
HostName: TypeAlias = Annotated[str, BeforeValidator(_host)]
Description: TypeAlias = Annotated[str, BeforeValidator(_description)]
Pause: TypeAlias = Annotated[timedelta, BeforeValidator(_pause)]
KeepItems: TypeAlias = Annotated[timedelta, BeforeValidator(_keep_items)]
OnChangeSetting: TypeAlias = Annotated[OnChange, Field(strict=False)]
Kind: TypeAlias = Annotated[InstanceOf[SystemKind], BeforeValidator(_kind)]

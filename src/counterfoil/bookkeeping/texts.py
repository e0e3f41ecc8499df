"""The texts of an entry: payee, narration from the connection's template, and details to keep.

Texts stay as Pleo has them, inside; what a system cannot take (control characters, length of other
fields) is left to its adapter. Source: Pleo, "Data mapping".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Context
from functools import lru_cache
from string import Formatter
from zoneinfo import ZoneInfo

from counterfoil.bookkeeping.dates import invoice_day
from counterfoil.bookkeeping.figures import Figures
from counterfoil.bookkeeping.money import plain
from counterfoil.bookkeeping.names import given
from counterfoil.errors import shorten
from counterfoil.pleo.models import ExportItem

__all__ = ["details", "link", "narration", "payee", "template_problem"]


_WEB_ADDRESS = re.compile(r"https?://[!-~]+")
_RATE = Context(prec=8)
"""Exchange rates are kept to eight significant digits."""


def _vendor(item: ExportItem) -> str | None:
    return item.vendor.name if item.vendor else None


def _supplier(item: ExportItem) -> str | None:
    return item.supplier.name if item.supplier else None


def _user(item: ExportItem) -> str | None:
    return item.user.name if item.user else None


def _team(item: ExportItem) -> str | None:
    return item.team.name if item.team else None


def _invoice_number(item: ExportItem) -> str | None:
    invoice = item.additional_information.invoice_information
    return invoice.invoice_number if invoice else None


_FIELDS: Mapping[str, Callable[[ExportItem], str | None]] = {
    "supplier": _supplier,
    "vendor": _vendor,
    "user": _user,
    "team": _team,
    "note": lambda item: item.note,
    "type": lambda item: item.type,
    "invoice_number": _invoice_number,
    "reconciliation_id": lambda item: item.additional_information.reconciliation_id,
}
"""What a template may name."""


@lru_cache(maxsize=64)
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    """Split a template into literal texts, each with the field after it; raises ValueError."""
    pieces = []
    for literal, name, spec, conversion in Formatter().parse(template):
        if name is not None and (name not in _FIELDS or spec or conversion):
            raise ValueError(f'unknown field "{{{name}}}"; there are {", ".join(_FIELDS)}')
        pieces.append((literal, name))
    return tuple(pieces)


def template_problem(template: str) -> str | None:
    """Say what is wrong with a template, in one sentence with its key; None if nothing is."""
    try:
        _pieces(template)
    except ValueError as error:
        return f"[connection] description: {error}."
    return None


def payee(item: ExportItem) -> str:
    """Return whom the money went to or came from: vendor, else supplier, else the employee."""
    if "reimbursement" in item.type:
        return given(_user(item)) or ""
    return given(_vendor(item)) or given(_supplier(item)) or ""


def narration(item: ExportItem, template: str, limit: int | None = None) -> str:
    """Fill the template, without the gaps of fields that are empty.

    Where it is longer than ``limit`` characters, the user's name becomes initials, as Pleo advises;
    what is still too long is cut and marked with an ellipsis. Raises ValueError for a wrong
    template.
    """
    text = _filled(item, template, short=False)
    if limit is None or len(text) <= limit:
        return text
    return shorten(_filled(item, template, short=True), limit)


def _filled(item: ExportItem, template: str, *, short: bool) -> str:
    """Fill the fields; an empty one takes the signs before it and its brackets along."""
    text = closing = ""
    for literal, name in _pieces(template):
        before = literal.removeprefix(closing)
        value = given(_FIELDS[name](item)) if name else ""
        closing = ""
        if value is None:
            closing = _CLOSING.get(before[-1:], "")
            before = before.rstrip() if any(map(str.isalnum, before)) else ""
        elif short and name == "user":
            value = _initials(value)
        text += (before if text else before.lstrip(_BETWEEN)) + (value or "")
    return text.strip()


_CLOSING = {"(": ")", "[": "]"}
_BETWEEN = " ,;:/|-"
"""Signs that stand between two fields, and so not before the first."""


def _initials(name: str) -> str:
    return "".join(f"{part[0]}." for part in name.split())


def link(item: ExportItem) -> str | None:
    """Return Pleo's web page of the item, if it gives one."""
    for url in ((item.links or {}).get("web") or {}).values():
        if isinstance(url, str) and _WEB_ADDRESS.fullmatch(url):
            return url
    return None


def details(item: ExportItem, figures: Figures, zone: ZoneInfo) -> dict[str, str]:
    """Return the further texts to keep with an entry, by name; what is empty is left out."""
    return {name: text for name, text in _details(item, figures, zone) if text}


def _details(
    item: ExportItem, figures: Figures, zone: ZoneInfo
) -> Iterator[tuple[str, str | None]]:
    yield "type", item.type
    yield "sub_type", item.sub_type
    yield from _people(item)
    yield from _information(item, zone)
    yield from _foreign(figures)


def _people(item: ExportItem) -> Iterator[tuple[str, str | None]]:
    yield "supplier", given(_supplier(item))
    yield "supplier_tax_id", given(item.supplier.tax_identifier) if item.supplier else None
    yield "vendor", given(_vendor(item))
    yield "vendor_tax_id", given(item.vendor.tax_registration_number) if item.vendor else None
    yield "user", given(_user(item))
    yield "user_code", given(item.user.code) if item.user else None
    yield "team", given(_team(item))
    yield "team_code", given(item.team.code) if item.team else None
    yield "note", given(item.note)


def _information(item: ExportItem, zone: ZoneInfo) -> Iterator[tuple[str, str | None]]:
    information = item.additional_information
    yield "reconciliation_id", given(information.reconciliation_id)
    yield "reconciled_entries", _list(information.reconciled_entries)
    yield "attendees", _list(information.attendees)
    if item.service_period is not None:
        period = item.service_period
        yield "service_period", f"{period.from_.date()}/{period.to.date()}"
    invoice = information.invoice_information
    if invoice is not None:
        yield "invoice_number", given(invoice.invoice_number)
        yield "invoice_status", given(invoice.status)
        paid = invoice.payment_date
        yield "invoice_paid_on", invoice_day(paid, zone).isoformat() if paid else None


def _list(texts: Sequence[str | None] | None) -> str:
    return ", ".join(text for text in map(given, texts or ()) if text)


def _foreign(figures: Figures) -> Iterator[tuple[str, str | None]]:
    """Keep what the supplier charged, and the rate: units of the wallet's currency for one."""
    supplied = figures.supplied
    if supplied is None or not supplied[0]:
        return
    amount, currency = supplied
    yield "supplier_amount", f"{amount} {currency}"
    yield "supplier_rate", plain(_RATE.divide(figures.total, amount))

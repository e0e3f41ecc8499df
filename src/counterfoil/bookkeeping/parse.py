"""From one payload, as parsed from JSON, to an ``ExportItem``; or one failure naming every field.

Bodies are parsed with ``parse_float=Decimal``, so that no amount ever passes through a float.
Whether the figures make sense is left to ``plan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from counterfoil.bookkeeping.names import quoted
from counterfoil.errors import REASON_LIMIT, InvalidItem
from counterfoil.pleo.models import ExportItem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["parse_item"]

_OPENING = "Pleo's data of this item cannot be used: "
_REMEDY = " Correct the expense in Pleo, then export again."
_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "finite_number": "must be a finite number",
    "timezone_aware": "must have a time zone",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "is_instance_of": "must be a list",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "sequence_str": "must be a list",
}
"""What pydantic's error types mean to somebody who reads JSON; the others speak for themselves."""

_KINDS = {
    "NoneType": "null",
    "str": "this text",
    "bool": "true or false",
    "int": "a number",
    "Decimal": "a number",
    "list": "a list",
    "dict": "an object",
}
"""What Python calls a JSON value, in words."""


def parse_item(raw: Mapping[str, object]) -> ExportItem:
    """Validate one payload; raises InvalidItem naming each wrong field and what it must be."""
    try:
        return ExportItem.model_validate(raw)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidItem:
    details = error.errors(include_url=False, include_input=False)
    return InvalidItem(_listed([f"{_path(each['loc'])} {_what(each)}" for each in details]))


def _listed(problems: list[str]) -> str:
    """Join problems into one reason that fits, saying how many did not."""
    room = REASON_LIMIT - len(_OPENING) - len(_REMEDY) - len("; and 1000 more.")
    kept: list[str] = []
    for problem in (quoted(each, 160) for each in problems):
        if sum(len(each) + 2 for each in kept) + len(problem) > room:
            break
        kept.append(problem)
    more = len(problems) - len(kept)
    return f"{_OPENING}{'; '.join(kept)}{f'; and {more} more' if more else ''}.{_REMEDY}"


def _path(location: Iterable[int | str]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{quoted(step)}" if path else quoted(step)
    return path or "the item"


def _what(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        words = detail["msg"].removeprefix("Value error, ").replace(" is needed", "")
        wanted, _, kind = words.partition(", not ")
        return f"must be {wanted}, not {_KINDS.get(kind, kind)}"
    return _WORDS.get(detail["type"]) or f"is wrong: {detail['msg'][:1].lower()}{detail['msg'][1:]}"

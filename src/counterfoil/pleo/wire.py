"""From bytes to values or to one named error: what an HTTP answer of Pleo's means.

JSON numbers with a fraction become ``Decimal``; NaN and Infinity are refused. When a request is
repeated is decided in ``retry``, what is asked in ``client``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from counterfoil.errors import shorten
from counterfoil.pleo.errors import (
    MissingContraAccounts,
    PleoBadRequest,
    PleoConflict,
    PleoError,
    PleoForbidden,
    PleoMalformed,
    PleoNotFound,
    PleoRateLimited,
    PleoTooLarge,
    PleoUnanswered,
    PleoUnauthenticated,
    PleoUnprocessable,
)

__all__ = ["Answer", "Json", "error_of", "parse_json", "read_as", "read_json"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | Decimal | bool | None"
"""A JSON value as we hold it: numbers are int or Decimal, never float."""

Shape = TypeVar("Shape", bound=BaseModel)

_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escaped UTF-16 surrogate: one without its other half cannot be stored or sent on."""

_DIGITS = 1000
"""More digits than any amount has; Python refuses to read integers of over 4,300."""

_UNCLEAR = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}

_BY_STATUS: Mapping[int, tuple[type[PleoError], str]] = {
    401: (PleoUnauthenticated, "check the API key or connect Pleo again"),
    403: (PleoForbidden, "give the key its scopes and this company in Pleo"),
    404: (PleoNotFound, "it is gone, or belongs to another company"),
    409: (PleoConflict, "wait until the running export ends"),
    413: (PleoTooLarge, "send less at once"),
    422: (PleoUnprocessable, "the job's state does not allow it"),
    429: (PleoRateLimited, "wait before asking again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer read whole: the operation it answers, status, body, and what headers said."""

    operation: str
    status: int
    body: bytes
    retry_after: float | None = None
    date: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether Pleo did what was asked."""
        return HTTPStatus(200) <= self.status < HTTPStatus(300)


def parse_json(answer: Answer) -> Json:
    """Parse a body; raises PleoMalformed (torn) when it is not JSON."""
    try:
        return read_json(answer.body)
    except ValueError as error:
        raise PleoMalformed(
            f"Pleo's answer to {answer.operation} is not JSON ({error}).",
            status=answer.status,
            torn=True,
        ) from error


def read_json(body: bytes) -> Json:
    """Read JSON as Pleo writes it, fractions as Decimal; raises ValueError.

    NaN and Infinity, which are no JSON, become texts, so that their row alone fails.
    """
    try:
        value: Json = json.loads(body, parse_float=_decimal, parse_int=_integer, parse_constant=str)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return _mended(value) if _HALF_PAIR.search(body) else value


def _decimal(text: str) -> Decimal | str:
    """Read a fraction exactly; one beyond all bounds stays text, so that its row alone fails."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _integer(text: str) -> int | str:
    """Read an integer; one beyond all bounds stays text, so that its row alone fails."""
    return int(text) if len(text) <= _DIGITS else text


def _mended(value: Json) -> Json:
    """Replace halves of surrogate pairs by U+FFFD in all texts of a value."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_mended(element) for element in value]
        case dict():
            return {str(_mended(key)): _mended(element) for key, element in value.items()}
    return value


def read_as(shape: type[Shape], value: Json, operation: str) -> Shape:
    """Read a JSON value as a model; raises PleoMalformed naming the fields that do not fit."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'value'}: {fault['msg']}"
            for fault in error.errors()[:3]
        )
        raise PleoMalformed(
            f"Pleo's answer to {operation} does not fit {shape.__name__} ({faults})."
        ) from error


def error_of(answer: Answer) -> PleoError:
    """Make the one error that an answer without success means."""
    kind, said = _exception_info(answer)
    words = f"{kind} {said}".strip() or "without a reason"
    what = f"{answer.operation}: Pleo answered {answer.status} ({shorten(words, 300)})"
    cause, remedy = _cause(answer.status, kind)
    if cause is PleoForbidden and " /v3/" in answer.operation:
        remedy = f"{remedy}; this needs {_scope(answer.operation)}"
    text = f"{what}; {remedy}." if remedy else f"{what}."
    return cause(
        text, status=answer.status, type=kind, message=said, retry_after=answer.retry_after
    )


def _scope(operation: str) -> str:
    """Name the scope that an operation needs. Source: Pleo's developer pages, "Scopes"."""
    method, _, path = operation.partition(" ")
    if method != "GET":
        return "export-jobs:write"
    return "export-items:read" if path.startswith("/v3/export-items") else "export-jobs:read"


def _cause(status: int, kind: str) -> tuple[type[PleoError], str]:
    """Choose the error class and the remedy of a status."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _UNCLEAR:
        return PleoUnanswered, "Pleo has trouble; it may or may not have taken effect"
    if status < HTTPStatus.BAD_REQUEST:
        return PleoBadRequest, "check [pleo] base_url; redirects are not followed"
    if kind.upper() == "MISSING_CONTRA_ACCOUNTS":
        return MissingContraAccounts, "map the contra accounts in Pleo's accounting settings"
    return PleoBadRequest, ""


def _exception_info(answer: Answer) -> tuple[str, str]:
    """Read Pleo's type and message, or OAuth's error; both empty where the body holds none."""
    try:
        value = parse_json(answer)
    except PleoMalformed:
        return "", ""
    if not isinstance(value, dict):
        return "", ""
    kind = value.get("type", value.get("error"))
    said = value.get("message", value.get("error_description"))
    return kind if isinstance(kind, str) else "", said if isinstance(said, str) else ""

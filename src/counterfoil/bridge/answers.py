"""What the old wire answers: JSON with exact amounts, and errors with a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import simplejson
from starlette.responses import Response

from counterfoil.bridge.expense import OldJson
from counterfoil.bridge.query import Paging

__all__ = ["answer", "paged", "refusal"]


def answer(
    value: OldJson, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer JSON; amounts keep every digit, and pass through no float."""
    text = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "backslashreplace")
    return Response(body, status, headers, "application/json; charset=utf-8")


def paged(
    name: str, rows: Sequence[OldJson], total: int, paging: Paging, headers: Mapping[str, str]
) -> Response:
    """Answer a page of a list under its name, with the old API's ``pageInfo``."""
    page_info: OldJson = {"pageInfo": paging.info(total)}
    return answer({name: list(rows), "metadata": page_info}, headers=headers)


def refusal(
    status: int, message: str, details: Mapping[str, OldJson] | None = None, **headers: str
) -> Response:
    """Answer that something was not done, and why."""
    body: dict[str, OldJson] = {
        "statusCode": int(status),
        "error": HTTPStatus(status).phrase,
        "message": message,
        **(details or {}),
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(body, status, named)

"""Answers as Pleo writes them: JSON with its content type, errors as ``{type, message}``."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from starlette.responses import Response

from counterfoil.sandbox.apierrors import ApiError
from counterfoil.sandbox.model import Item, encode

__all__ = ["JSON_TYPE", "paged", "refuse", "reply"]

JSON_TYPE = "application/json;charset=UTF-8"


def reply(body: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(encode(body), status, headers={"Content-Type": JSON_TYPE})


def paged(rows: Sequence[bytes], info: Item) -> Response:
    """Join rows that are JSON already into a page."""
    body = b'{"data":[%s],"pagination":%s}' % (b",".join(rows), encode(info))
    return Response(body, headers={"Content-Type": JSON_TYPE})


def refuse(error: ApiError) -> Response:
    """Answer with an error's body; 401 says how to come in."""
    answer = reply({"type": error.kind, "message": error.message}, error.status)
    if error.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Pleo"'
    return answer

"""Tryton's JSON: decimals, days, moments and bytes travel as objects with a ``__class__``.

Source: Tryton 8.0, ``trytond/protocols/jsonrpc.py``. Floats are never sent, and none is made of
what comes.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import simplejson

__all__ = ["Row", "Value", "dumps", "loads", "unzipped"]

Value: TypeAlias = Any
"""What a field may hold."""
Row: TypeAlias = Mapping[str, Any]
"""A record's fields by name."""

MOMENT = ("year", "month", "day", "hour", "minute", "second", "microsecond")
GZIP = b"\x1f\x8b"


def dumps(value: Value) -> bytes:
    """Write a value as Tryton reads it."""
    text: str = simplejson.dumps(
        # Without an encoding, bytes are left to us.
        value,
        default=_encoded,
        use_decimal=False,
        ensure_ascii=False,
        encoding=None,
    )
    return text.encode("utf-8", "surrogatepass")


def loads(body: bytes) -> Value:
    """Read what Tryton wrote; raises ValueError."""
    return simplejson.loads(body.decode("utf-8"), use_decimal=True, object_hook=_decoded)


def unzipped(body: bytes) -> bytes:
    """Unpack a body that is packed, whatever its header says; raises ValueError.

    Tryton calls every longer answer gzip, also one that it did not pack.
    """
    if not body.startswith(GZIP):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error


def _encoded(value: object) -> Mapping[str, object]:
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case date():
            day = {"year": value.year, "month": value.month, "day": value.day}
            return {"__class__": "date", **day}
        case bytes():
            return {"__class__": "bytes", "base64": base64.b64encode(value).decode("ascii")}
    message = f"{type(value).__name__} is not sent to Tryton"
    raise TypeError(message)


def _decoded(told: dict[str, Any]) -> Value:
    match told.get("__class__"):
        case "Decimal":
            return Decimal(told["decimal"])
        case "date":
            return date(told["year"], told["month"], told["day"])
        case "datetime":
            year, month, day, hour, minute, second, micro = (int(told[name]) for name in MOMENT)
            return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
        case "bytes":
            return base64.b64decode(told["base64"])
    return told

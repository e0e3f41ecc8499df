"""Reads a request's body within limits of length and time; what is beyond is not read whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Refused", "read_body"]


class Refused(Exception):
    """A request that is not taken: the answer's status and headers, and what the log says."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        """Take all three."""
        super().__init__(why)
        self.status = status
        self.why = why
        self.headers = headers


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """Read a body of so many bytes at most; raises Refused where it is longer, late or broken."""
    announced = request.headers.get("Content-Length", "0")
    if not announced.isdecimal() or int(announced[:20]) > limit:
        raise _too_long(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > limit:
                    raise _too_long(limit)
    except TimeoutError:
        why = f"its body was not there within {seconds:.0f} seconds"
        raise Refused(408, why, Connection="close") from None
    except ClientDisconnect:
        raise Refused(400, "its sender hung up in the middle") from None
    return bytes(body)


def _too_long(limit: int) -> Refused:
    return Refused(413, f"it is longer than {limit} bytes", Connection="close")

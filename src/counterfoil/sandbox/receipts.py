"""Receipts behind URLs that need no credential and die 24 hours after their item was fetched.

A URL's token says which receipt and until when, and is signed; nothing is kept per URL.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from counterfoil.sandbox.apierrors import ApiError, not_found
from counterfoil.sandbox.model import Receipt
from counterfoil.sandbox.state import State

__all__ = ["LIFETIME", "find_receipt", "url_expired", "url_maker"]

LIFETIME = timedelta(hours=24)
_SIGNATURE = 16


def url_maker(state: State, base_url: str) -> Callable[[str, int], str]:
    """Return what makes a receipt's URL for an item fetched now."""
    expires = int((state.clock.now() + LIFETIME).timestamp())

    def url_of(entry_id: str, index: int) -> str:
        note = f"{entry_id}.{index}.{expires}".encode("ascii")
        token = base64.urlsafe_b64encode(_sign(state, note) + note).decode("ascii")
        return f"{base_url}files/{token.rstrip('=')}"

    return url_of


def find_receipt(state: State, token: str) -> Receipt:
    """Return the receipt of a token; raises 404 for an unknown one, 403 for one that is over."""
    entry_id, index, expires = _read(state, token)
    if state.clock.now().timestamp() >= expires:
        raise url_expired()
    try:
        return state.entry(entry_id).receipts[index]
    except LookupError as error:
        raise not_found("Receipt") from error


def url_expired() -> ApiError:
    """Return the answer for a URL whose time is over."""
    return ApiError(403, "URL_EXPIRED", "The URL of this receipt has expired.")


def _read(state: State, token: str) -> tuple[str, int, float]:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise not_found("Receipt") from error
    signature, note = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(state, note)):
        raise not_found("Receipt")
    entry_id, index, expires = note.decode("ascii").split(".")
    return entry_id, int(index), float(expires)


def _sign(state: State, note: bytes) -> bytes:
    return hmac.digest(state.signing_key, note, sha256)[:_SIGNATURE]

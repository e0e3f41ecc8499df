"""An independent signer of webhooks: HMAC by hand, nothing of ours and no library's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from itertools import count

__all__ = ["SECRET", "about_job", "headers_for", "secret_of"]

_NUMBERS = count(1)


def secret_of(key: bytes) -> str:
    """Write a secret as Pleo shows it."""
    return "whsec_" + base64.b64encode(key).decode()


SECRET = secret_of(b"a key of twenty four bytes")


def headers_for(
    body: bytes,
    *,
    secret: str = SECRET,
    id: str | None = None,
    at: float | None = None,
) -> dict[str, str]:
    """Sign a body as Standard Webhooks says: HMAC-SHA256 over ``id.timestamp.body``."""
    id = id or f"msg_{next(_NUMBERS)}"
    timestamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
        "Content-Type": "application/json",
    }


def about_job(
    company_id: str,
    *,
    event: str = "v1.export-job.created",
    wrapped: bool = False,
    **data: object,
) -> bytes:
    """Write a delivery's body, in the newer shape or ``wrapped`` in the other one."""
    job: dict[str, object] = {"id": "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"}
    payload: dict[str, object] = {
        "data": {"companyId": company_id} | job | data,
        "eventId": "a257a31e-e8a6-4c36-a98d-451250e5b5c4",
        "eventType": event,
    }
    return json.dumps({"webhook-id": "msg_1", "payload": payload} if wrapped else payload).encode()

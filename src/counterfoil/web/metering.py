"""``/metrics``: what this process measures, for Prometheus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from counterfoil.runner.metrics import CONTENT_TYPE
from counterfoil.web.answers import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from counterfoil.runner.metrics import Metrics

__all__ = ["metrics_routes"]


def metrics_routes(metrics: Metrics, token: str | None, access: str) -> Sequence[Route]:
    """Return the route as ``[serve] metrics`` says: open, with the bearer token, or none."""

    async def show(request: Request) -> Response:
        if access == "token" and (no := refusal(request, token)) is not None:
            return no
        return Response(await asyncio.to_thread(metrics.text), media_type=CONTENT_TYPE)

    return () if access == "off" else (Route("/metrics", show),)

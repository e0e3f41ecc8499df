"""The service's web application: put together from routes, each of which its own module makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette

from counterfoil.errors import CounterfoilError
from counterfoil.web.answers import refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

__all__ = ["create_app"]


def create_app(*routes: BaseRoute) -> Starlette:
    """Return the ASGI application with these routes."""
    return Starlette(routes=routes, exception_handlers={CounterfoilError: _unavailable})


async def _unavailable(_: Request, error: Exception) -> Response:
    """Answer for what cannot be done now, such as while the register is away; try again."""
    return refused(503, str(error), **{"Retry-After": "5"})

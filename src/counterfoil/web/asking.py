"""``POST /connections/{name}/poll-now``: a person has a connection looked at now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import JSONResponse
from starlette.routing import Route

from counterfoil.web.answers import refusal, refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from counterfoil.register import Register

__all__ = ["Wake", "asking_route"]

Wake: TypeAlias = Callable[[str], Awaitable[bool]]
"""Tells whoever drains a connection, given by name, that its flag "look again" is set; False where
there is none of this name.

The flag is durable, so a call that fails delays the look and loses nothing.
"""


def asking_route(
    companies: Mapping[str, str], register: Register, wake: Wake, token: str | None
) -> Route:
    """Return the route; ``companies`` gives each connection's company, ``token`` opens it."""

    async def poll_now(request: Request) -> JSONResponse:
        """Answer 202: the work is done afterwards."""
        if (closed := refusal(request, token)) is not None:
            return closed
        name = request.path_params["name"]
        if name not in companies:
            return refused(404, f"There is no connection {name}; GET /connections lists them")
        await asyncio.to_thread(_flag, register, name, companies[name])
        await wake(name)
        return JSONResponse({"status": "accepted"}, 202)

    return Route("/connections/{name}/poll-now", poll_now, methods=["POST"])


def _flag(register: Register, name: str, company: str) -> None:
    """Set the company's flag; one that is not configured is known once the connection was used."""
    if not company and (bound := register.connections.bound(name)) is not None:
        company = bound.company_id
    if company:
        register.wakeups.look(company)

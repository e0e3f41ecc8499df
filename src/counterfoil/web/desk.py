"""How the service is: does it answer, can it work, how are the connections.

``/healthz`` and ``/readyz`` are open, and tell names of connections to nobody. ``/connections``
needs the bearer token of ``[serve] token``; without one configured it is closed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from counterfoil.runner.serving import State
from counterfoil.web.answers import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from counterfoil.runner.serving import ConnectionState, Serving

__all__ = ["desk_routes", "health_route"]


def health_route() -> Route:
    """Return the route that says that the process answers."""
    return Route("/healthz", _health)


def desk_routes(service: Serving, token: str | None) -> Sequence[Route]:
    """Return the routes that show this service; ``token`` opens what is not public."""
    desk = _Desk(service, token)
    return (Route("/readyz", desk.ready), Route("/connections", desk.connections))


async def _health(request: Request) -> JSONResponse:
    del request
    return JSONResponse({"status": "ok"})


class _Desk:
    """Answers for one service."""

    def __init__(self, service: Serving, token: str | None) -> None:
        self._service = service
        self._token = token

    async def ready(self, request: Request) -> JSONResponse:
        """Say whether it works; 503 while it starts or stops, or all connections are broken."""
        del request
        states = Counter(str(each.state) for each in await self._states())
        able = sum(states.values()) - states[State.BROKEN] - states[State.STARTING]
        works = able > 0 and not self._service.stopping
        body = {"status": "ready" if works else "not ready", "connections": dict(states)}
        return JSONResponse(body, 200 if works else 503)

    async def connections(self, request: Request) -> JSONResponse:
        """Say how every connection is."""
        if (refused := refusal(request, self._token)) is not None:
            return refused
        return JSONResponse({"data": [_shown(each) for each in await self._states()]})

    async def _states(self) -> Sequence[ConnectionState]:
        """Read how they are in a thread: it may stand in the register."""
        return await asyncio.to_thread(lambda: list(self._service.states.values()))


def _shown(state: ConnectionState) -> dict[str, Any]:
    looked_at = state.looked_at
    return {
        "name": state.connection.name,
        "companyId": state.connection.company_id,
        "state": str(state.state),
        "error": state.error,
        "failing": state.failing,
        "lookedAt": looked_at.isoformat(timespec="seconds") if looked_at else None,
        "foreignJobs": list(state.foreign),
    }

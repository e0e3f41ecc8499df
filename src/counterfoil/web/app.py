"""The service's endpoints: is it alive, can it work, how are the connections, look at one now.

``/healthz`` and ``/readyz`` are open, and tell names of connections to nobody. The others need the
bearer token of ``[serve] token``; without one configured they are closed.
"""

from __future__ import annotations

from collections import Counter
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from counterfoil.runner.serving import State

if TYPE_CHECKING:
    from starlette.requests import Request

    from counterfoil.runner.serving import ConnectionState, Service

__all__ = ["create_app"]


def create_app(service: Service, token: str | None) -> Starlette:
    """Return the ASGI application that shows this service; ``token`` opens what is not public."""
    desk = _Desk(service, token)
    return Starlette(
        routes=[
            Route("/healthz", desk.health),
            Route("/readyz", desk.ready),
            Route("/connections", desk.connections),
            Route("/connections/{name}/poll-now", desk.poll_now, methods=["POST"]),
        ]
    )


class _Desk:
    """Answers for one service."""

    def __init__(self, service: Service, token: str | None) -> None:
        self._service = service
        self._token = token

    async def health(self, request: Request) -> JSONResponse:
        """Say that the process answers."""
        del request
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> JSONResponse:
        """Say whether it works; 503 while it starts or stops, or all connections are paused."""
        del request
        states = Counter(str(each.state) for each in self._service.states.values())
        able = sum(states.values()) - states[State.PAUSED] - states[State.STARTING]
        works = able > 0 and not self._service.stopping
        body = {"status": "ready" if works else "not ready", "connections": dict(states)}
        return JSONResponse(body, 200 if works else 503)

    async def connections(self, request: Request) -> JSONResponse:
        """Say how every connection is."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return JSONResponse({"data": [_shown(each) for each in self._service.states.values()]})

    async def poll_now(self, request: Request) -> JSONResponse:
        """Have a connection looked at now; 202, as the work is done afterwards."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        name = request.path_params["name"]
        if not self._service.look(name):
            return _error(404, f"There is no connection {name}; GET /connections lists them")
        return JSONResponse({"status": "accepted"}, 202)

    def _refusal(self, request: Request) -> JSONResponse | None:
        if self._token is None:
            return _error(403, 'This is closed: configure [serve] token = "env:…" to open it')
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = scheme.lower() == "bearer" and compare_digest(given.encode(), self._token.encode())
        return None if right else _error(401, "The bearer token is missing or wrong")


def _error(status: int, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004 -- HTTP's own
    return JSONResponse({"error": message}, status, headers)


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

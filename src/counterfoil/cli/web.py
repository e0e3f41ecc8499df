"""How commands serve HTTP: uvicorn, which leaves the signals to them."""

from __future__ import annotations

from contextlib import nullcontext

import uvicorn
from starlette.types import ASGIApp

__all__ = ["QuietServer", "server_for"]


class QuietServer(uvicorn.Server):
    """Leaves the signals to the command."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        """Catch none."""
        return nullcontext()


def server_for(app: ASGIApp) -> QuietServer:
    """Return a server for an application, which logs no requests: URLs may hold what is secret."""
    return QuietServer(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )

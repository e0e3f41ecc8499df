"""``counterfoil serve``: keep every connection's exports done, until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import nullcontext
from typing import Annotated, Final

import typer
import uvicorn
from starlette.applications import Starlette

from counterfoil.cli.lines import complain, say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, ConnectionOption, load_config
from counterfoil.config import Config
from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError
from counterfoil.register import Register
from counterfoil.runner.serving import Service
from counterfoil.web.app import create_app
from counterfoil.web.asking import asking_route
from counterfoil.web.desk import desk_routes, health_route
from counterfoil.web.webhooks import webhook_route

__all__ = ["serve"]

LEAVE_SECONDS: Final = 30.0
"""How long it takes at most to leave; what is cut off then, the next run finds."""


def serve(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Instead of [serve] port; 0: any.")
    ] = None,
) -> None:
    """Book the expenses of every export job as it comes, until told to stop."""
    loaded = load_config(config, connection)
    set_up_logs()
    listener = _listen(loaded.serve.host, loaded.serve.port if port is None else port)
    with listener, loaded.open_register() as register:
        chosen = [each for each in loaded.connections if connection in {None, each.name}]
        asyncio.run(
            _serve(
                loaded,
                listener,
                register,
                Service(
                    chosen,
                    register,
                    every=loaded.serve.poll.total_seconds(),
                    at_once=loaded.serve.at_once,
                ),
            )
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        with effect("serve.listen", f"{host}:{port}"):
            return socket.create_server((host, port))
    except OSError as error:
        raise CounterfoilError(
            f"Cannot listen on {host}, port {port} ({error.strerror}): set [serve] port, or --port"
        ) from error


async def _serve(
    config: Config, listener: socket.socket, register: Register, service: Service
) -> None:
    server = _Server(_settings(_app(config, register, service)))
    _listen_to_signals(service)
    host, port = listener.getsockname()[:2]
    say(f"Serving {len(service.states)} connections; http://{host}:{port}/connections shows them")
    web = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await service.run()
    finally:
        server.should_exit = True
        await web


def _app(config: Config, register: Register, service: Service) -> Starlette:
    """Put together what this process answers on HTTP."""
    token = config.serve.token.reveal() if config.serve.token else None
    companies = {name: each.connection.company_id for name, each in service.states.items()}

    async def wake(name: str) -> None:
        service.look(name)

    return create_app(
        health_route(),
        *desk_routes(service, token),
        asking_route(companies, register, wake, token),
        webhook_route(register, wake),
    )


class _Server(uvicorn.Server):
    """Leaves the signals to us."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


def _settings(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _listen_to_signals(service: Service) -> None:
    loop = asyncio.get_running_loop()

    def told() -> None:
        if service.stopping:
            _leave("Leaving at once")
        complain("Stopping when the items at hand are reported; once more, and it leaves at once")
        service.stop()
        loop.call_later(LEAVE_SECONDS, _leave, "The items at hand take too long: leaving")

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told)


def _leave(why: str) -> None:
    """End as a killed process does: whatever is under way, the next run finds."""
    complain(why)
    os._exit(1)

"""``counterfoil worker``: drain companies beside other workers, on this machine or on others."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from counterfoil.cli.lines import say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, load_config
from counterfoil.cli.stopping import stopping_in_loop
from counterfoil.config import Config
from counterfoil.register import Register
from counterfoil.runner.around import around
from counterfoil.runner.serving import doing
from counterfoil.telemetry import hearing

if TYPE_CHECKING:
    from counterfoil.runner.working import Worker

__all__ = ["worker"]


def worker(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    at_once: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Companies beside each other, instead of [serve] at_once."
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Answer /metrics and /healthz here; 0: any port."),
    ] = None,
) -> None:
    """Book what comes beside other workers, over one register on PostgreSQL, until told to stop."""
    from counterfoil.runner.working import Worker

    loaded = load_config(config)
    set_up_logs(loaded.log, service=True)
    with loaded.open_register() as register, around(loaded, register):
        many = loaded.serve.at_once if at_once is None else at_once
        service = Worker(loaded, loaded.connections, register, at_once=many)
        if metrics_port is None:
            asyncio.run(_work(service, many))
        else:
            _work_and_answer(loaded, register, service, many, metrics_port)


async def _work(service: Worker, at_once: int, measured: str = "") -> None:
    stopping_in_loop(service)
    say(f"Working for {len(service.states)} connections, {at_once} at once{measured}")
    await service.run()


def _work_and_answer(
    config: Config, register: Register, service: Worker, at_once: int, port: int
) -> None:
    """Work, and answer what a worker is asked: does it live, what has it measured."""
    from counterfoil.cli.web import answering, listen
    from counterfoil.runner.metrics import Metrics
    from counterfoil.web.app import create_app
    from counterfoil.web.desk import health_route
    from counterfoil.web.metering import metrics_routes

    metrics = Metrics(register, lambda: doing(service))
    token = config.serve.token.reveal() if config.serve.token else None
    app = create_app(health_route(), *metrics_routes(metrics, token, config.serve.metrics))

    async def both(listener: socket.socket) -> None:
        host, at = listener.getsockname()[:2]
        async with answering(app, listener):
            await _work(service, at_once, f"; http://{host}:{at}/metrics measures it")

    with listen(config.serve.host, port) as listener, hearing(metrics.hear):
        asyncio.run(both(listener))

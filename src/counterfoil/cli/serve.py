"""``counterfoil serve``: keep every connection's exports done, until told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer
from starlette.applications import Starlette
from starlette.routing import Route

from counterfoil.cli.lines import counted, say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, ConnectionOption, load_config
from counterfoil.cli.stopping import stopping_in_loop
from counterfoil.cli.web import answering, listen
from counterfoil.config import Config, Connection
from counterfoil.errors import CounterfoilError
from counterfoil.register import Register
from counterfoil.runner.around import around
from counterfoil.runner.authorising import Authoriser
from counterfoil.runner.housekeeping import keeping_house
from counterfoil.runner.metrics import Metrics
from counterfoil.runner.serving import Service, Serving, doing
from counterfoil.telemetry import hearing
from counterfoil.web.app import create_app
from counterfoil.web.asking import asking_route
from counterfoil.web.consent import consent_routes
from counterfoil.web.desk import desk_routes, health_route
from counterfoil.web.metering import metrics_routes
from counterfoil.web.webhooks import webhook_route

if TYPE_CHECKING:
    from counterfoil.runner.working import Dispatcher

__all__ = ["serve"]

NAMED: Final = 5
"""So many connections are named where there may be thousands."""


def serve(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Instead of [serve] port; 0: any.")
    ] = None,
    no_work: Annotated[
        bool,
        typer.Option("--no-work", help="Leave the work to counterfoil worker (on PostgreSQL)."),
    ] = False,
) -> None:
    """Book the expenses of every export job as it comes, until told to stop."""
    loaded = load_config(config, connection)
    set_up_logs(loaded.log, service=True)
    listener = listen(loaded.serve.host, loaded.serve.port if port is None else port)
    with listener, loaded.open_register() as register:
        chosen = [each for each in loaded.connections if connection in {None, each.name}]
        service = (_dispatcher if no_work else _embedded)(loaded, chosen, register)
        metrics = Metrics(register, lambda: doing(service))
        with (
            hearing(metrics.hear),
            around(loaded, register),
            keeping_house(register, loaded.keep_items),
        ):
            app = _app(loaded, register, service, metrics)
            tell = partial(_tell_of_polling, loaded, service, register)
            asyncio.run(_serve(app, listener, service, tell))


def _embedded(config: Config, connections: Sequence[Connection], register: Register) -> Service:
    return Service(
        connections,
        register,
        every=config.serve.poll.total_seconds(),
        at_once=config.serve.at_once,
    )


def _dispatcher(
    config: Config, connections: Sequence[Connection], register: Register
) -> Dispatcher:
    # Loads psycopg and procrastinate.
    from counterfoil.runner.working import Dispatcher

    return Dispatcher(config, connections, register)


async def _serve(
    app: Starlette, listener: socket.socket, service: Serving, tell: Callable[[], None]
) -> None:
    stopping_in_loop(service)
    host, port = listener.getsockname()[:2]
    served = counted(service.states, "connection", "connections")
    say(f"Serving {served}; http://{host}:{port}/connections shows what they do")
    async with answering(app, listener):
        tell()
        await service.run()


def _tell_of_polling(config: Config, service: Serving, register: Register) -> None:
    """Say which connections Pleo does not call: their jobs are found by polling alone."""
    called = register.subscriptions.called()
    polled = [
        name
        for name, each in service.states.items()
        if name not in called and each.connection.bridge is None
    ]
    if polled:
        minutes = config.serve.poll.total_seconds() / 60
        named = ", ".join(polled[:NAMED]) + (", …" if len(polled) > NAMED else "")
        say(
            f"{counted(polled, 'connection has', 'connections have')} no webhook subscription "
            f"({named}): jobs are found by polling alone, every {minutes:g} minutes; "
            "counterfoil webhooks subscribe makes one"
        )


def _app(config: Config, register: Register, service: Serving, metrics: Metrics) -> Starlette:
    """Put together what this process answers on HTTP."""
    token = config.serve.token.reveal() if config.serve.token else None
    companies = {name: each.connection.company_id for name, each in service.states.items()}

    async def wake(name: str) -> bool:
        return service.look(name)

    return create_app(
        health_route(),
        *desk_routes(service, token),
        *metrics_routes(metrics, token, config.serve.metrics),
        asking_route(companies, register, wake, token),
        webhook_route(register, wake),
        *_consent_pages(service, register),
    )


def _consent_pages(service: Serving, register: Register) -> Sequence[Route]:
    """Return the pages to consent on, where a connection connects by OAuth."""
    connections = {name: each.connection for name, each in service.states.items()}
    oauth = next((each.oauth for each in connections.values() if each.oauth), None)
    if oauth is None:
        return ()

    def done(outcome: str | CounterfoilError) -> None:
        if isinstance(outcome, str):
            service.look(outcome)

    authoriser = Authoriser(connections, register)
    return consent_routes(authoriser, oauth.auth_url, oauth.redirect_uri, done)

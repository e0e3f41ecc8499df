"""``counterfoil webhooks``: have Pleo call us, and see whether it does."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.groups import command_group
from counterfoil.cli.lines import complain, say, show_json
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.plan import the_connection
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config, Connection
from counterfoil.config.addresses import secret_at
from counterfoil.config.mistakes import Mistake
from counterfoil.config.surroundings import Surroundings
from counterfoil.errors import ConfigurationError
from counterfoil.runner import overlooking, subscribing
from counterfoil.runner.overlooking import Checked, Standing
from counterfoil.runner.subscribing import Extras

__all__ = ["app"]

app = command_group("Have Pleo say at once when there is something to export.")

BasicOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--basic-auth",
        metavar="REFERENCE",
        help="Where USER:PASSWORD is, env:NAME or file:PATH, that Pleo sends with each webhook.",
    ),
]
HeaderOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="NAME=REFERENCE",
        help="A header that Pleo sends with each webhook; its value is at env:NAME or file:PATH.",
    ),
]

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
TAKEN = re.compile(r"webhook-.*|content-.*|host|authorization|transfer-encoding", re.IGNORECASE)


@app.command("subscribe")
def subscribe(
    *,
    connection: ConnectionOption = None,
    basic_auth: BasicOption = None,
    header: HeaderOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make a webhook subscription at Pleo, for a connection."""
    loaded = load_config(config, connection)
    chosen = the_connection(loaded, connection)
    extras = _extras(basic_auth, header, loaded)
    url = _public_url(loaded)
    with loaded.open_register() as register:
        made, is_new = asyncio.run(subscribing.subscribe(chosen, register, url, extras))
    if is_new:
        say(f"{chosen.name}: Pleo calls {url} from now on (subscription {made.subscription_id})")
    else:
        say(
            f"{chosen.name} has subscription {made.subscription_id} already, and it is active; "
            f"counterfoil webhooks verify --connection {chosen.name} tries it"
        )


@app.command("list")
def list_subscriptions(
    *,
    connection: ConnectionOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the subscriptions at Pleo: ours, and others that the credentials may see."""
    loaded = load_config(config, connection)
    with existing_register(loaded) as register:
        rows: list[Standing] = []
        for each in _chosen(loaded, connection):
            found = overlooking.standing(each, register, loaded.serve.public_url)
            rows += asyncio.run(found)
    if as_json:
        show_json(rows)
    elif not rows:
        say("There are no webhook subscriptions; counterfoil webhooks subscribe makes one")
    else:
        columns = ("connection", "subscription", "status", "url", "last delivery", "remark")
        show_table(columns, [_cells(row) for row in rows])


@app.command("verify")
def verify(
    *,
    connection: ConnectionOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Look at each subscription at Pleo, and deliver a trial to its URL as Pleo would."""
    loaded = load_config(config, connection)
    checked: list[Checked] = []
    without: list[str] = []
    with loaded.open_register() as register:
        for each in _chosen(loaded, connection):
            found = asyncio.run(overlooking.verify(each, register, loaded.serve.public_url))
            checked += found
            without += [] if found else [each.name]
    if as_json:
        show_json(checked)
    else:
        for row in checked:
            for line in row.problems or ["it is active, and a trial arrived"]:
                say(f"{row.connection}: subscription {row.subscription_id}: {line}")
    for name in without:
        complain(f"{name}: has no webhook subscription; counterfoil webhooks subscribe makes one")
    if without or any(row.problems for row in checked):
        raise typer.Exit(ExitCode.NOT_DONE)


@app.command("rotate")
def rotate(
    *,
    connection: ConnectionOption = None,
    basic_auth: BasicOption = None,
    header: HeaderOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Replace a subscription by one with a new URL and secret; both work until it delivered."""
    loaded = load_config(config, connection)
    chosen = the_connection(loaded, connection)
    extras = _extras(basic_auth, header, loaded) if basic_auth or header else None
    url = _public_url(loaded)
    with loaded.open_register() as register:
        made = asyncio.run(subscribing.rotate(chosen, register, url, extras))
    say(
        f"{chosen.name}: subscription {made.subscription_id} replaces {made.replaces}, which is "
        "removed when the new one has delivered: after the next export"
    )


@app.command("remove")
def remove(
    *,
    connection: ConnectionOption = None,
    subscription: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this one, which may be unknown to us.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Remove a connection's subscriptions at Pleo; its jobs are found by polling then."""
    loaded = load_config(config, connection)
    chosen = the_connection(loaded, connection)
    with loaded.open_register() as register:
        removed = asyncio.run(subscribing.remove(chosen, register, subscription))
    for each in removed:
        say(f"{chosen.name}: subscription {each} is removed")
    if not removed:
        say(f"{chosen.name} has no webhook subscription of ours")


def _chosen(config: Config, name: str | None) -> Sequence[Connection]:
    return [each for each in config.connections if name in {None, each.name}]


def _cells(row: Standing) -> Sequence[str]:
    heard = f"{row.heard_at:%F %T}Z" if row.heard_at else ""
    return (row.connection, row.subscription_id, row.status, row.url, heard, row.remark)


def _public_url(config: Config) -> str:
    if config.serve.public_url is None:
        raise ConfigurationError(
            "serve.public_url: is missing, and Pleo must know where to call; "
            '[serve] public_url = "https://counterfoil.example.com" would be right'
        )
    return config.serve.public_url


def _extras(basic: str | None, headers: Sequence[str] | None, config: Config) -> Extras:
    """Read what Pleo is to send with each webhook; raises ConfigurationError."""
    pair = None if basic is None else _referred("--basic-auth", basic, config)
    if pair is not None and not all(pair.partition(":")):
        raise ConfigurationError(f"--basic-auth: what {basic} refers to is not USER:PASSWORD")
    return Extras(pair, dict(_header(each, config) for each in headers or ()))


def _header(given: str, config: Config) -> tuple[str, str]:
    name, _, reference = given.partition("=")
    if not HEADER.fullmatch(name) or TAKEN.fullmatch(name):
        raise ConfigurationError(
            f'--header: "{name}" is no header of yours to set; X-Gateway-Key=env:GATEWAY_KEY '
            "would be right"
        )
    return name, _referred("--header", reference, config)


def _referred(option: str, reference: str, config: Config) -> str:
    if not reference.startswith(("env:", "file:")):
        raise ConfigurationError(
            f"{option}: is not a reference, and secrets do not belong on a command line; "
            "write env:NAME (an environment variable) or file:PATH"
        )
    around = Surroundings(folder=config.path.parent, environ=os.environ, systems={})
    try:
        return secret_at(reference, around)
    except Mistake as mistake:
        raise ConfigurationError(f"{option}: {mistake}") from None

"""``counterfoil connections add|set-key|pause|resume|remove``: what the register keeps of them."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from counterfoil.cli.lines import complain, say
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    added_in,
    load_all,
    load_config,
    load_file,
    with_companies,
)
from counterfoil.cli.plan import the_connection
from counterfoil.config import KEPT, Added, Config, Connection
from counterfoil.errors import ConfigurationError, CounterfoilError
from counterfoil.register import Register
from counterfoil.register.added import CONSENT, WEBHOOKS
from counterfoil.register.locks import company_lock
from counterfoil.runner import authorising, subscribing
from counterfoil.runner.setting_up import replace_key

__all__ = ["NameArgument", "YesOption", "add", "agreed", "pause", "remove", "resume", "set_key"]

NameArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="The connection's name.")
]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def agreed(what: str, refusal: str, *, yes: bool) -> None:
    """Ask a person on a terminal; raises ConfigurationError elsewhere, and Abort on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(refusal)
    typer.confirm(what, abort=True, err=True)


def add(
    name: NameArgument,
    *,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="TOML: the keys of one [[connection]]."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One key, such as accounts.wallet=1800."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of the one that the register has.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Add a connection in the register, checked as the configuration file is."""
    table = _table(name, from_file, settings or [])
    alone = load_file(config)
    if any(each.name == name for each in alone.connections):
        raise ConfigurationError(
            f"{name} is in {config} already; change it there, or choose another name"
        )
    with alone.open_register() as register:
        known = register.added.all()
        if name in known and not replace:
            raise ConfigurationError(f"{name}: the register has it already; --replace changes it")
        loaded = load_all(config, register, Added({**known, name: table}), name)
        _refuse_taken(loaded, register, name)
        register.added.put(name, table, now=datetime.now(UTC))
    key = the_connection(loaded, name).api_key
    say(f"{name} is in the register now")
    if key is not None and key.reference == KEPT:
        say(f"Its API key comes next: counterfoil connections set-key {name}")
    else:
        say(f"Try it: counterfoil connections test {name}")


def _refuse_taken(config: Config, register: Register, name: str) -> None:
    """Ask Pleo whose the key is, where there is one; raises ConfigurationError for another's."""
    chosen = the_connection(config, name)
    kept = chosen.api_key is None or chosen.api_key.reference == KEPT  # set-key, authorise ask
    if not kept:
        chosen = the_connection(with_companies(config, register, name, strict=False), name)
    if chosen.broken:
        raise ConfigurationError(chosen.broken)
    if not kept and not chosen.company_id:
        complain(f"{name}: Pleo could not be asked for its company; connections test does again")


def _table(name: str, from_file: Path | None, settings: Sequence[str]) -> dict[str, object]:
    table = _read(from_file) if from_file else {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(f"--set {key}: write KEY=VALUE, such as timezone=Europe/Paris")
        _put(table, key.strip().split("."), _value(value))
    if table.setdefault("name", name) != name:
        raise ConfigurationError(
            f"name: is {table['name']} there and {name} here; keep one of them"
        )
    return table


def _read(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--from {path}: cannot be read ({error})") from None
    tables = document.get("connection", [document])
    if not isinstance(tables, list) or len(tables) != 1:
        raise ConfigurationError(f"--from {path}: write the keys of one connection, and no more")
    return dict(tables[0])


def _value(text: str) -> object:
    """Read a value as TOML; what is none is a text, so that quotes may be left out."""
    if text.strip().replace(".", "").isdigit():
        return text.strip()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _put(table: dict[str, object], path: Sequence[str], value: object) -> None:
    for step in path[:-1]:
        inner = table.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {'.'.join(path)}: {step} is no table")
        table = inner
    table[path[-1]] = value


def set_key(name: NameArgument, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Store a connection's API key, sealed, in place of the one it has; it is typed or piped in."""
    loaded = load_config(config, name, secrets=False)
    chosen = the_connection(loaded, name)
    with loaded.open_register() as register:
        _refuse_key_elsewhere(chosen, register, config)
        _ = register.seal.prefix
        key = _typed_key()
        changed = asyncio.run(replace_key(chosen, register, key))
        _mark_kept(name, register)
    say(f"{name}: the key is stored, sealed, for company {changed.company_id}")


def _refuse_key_elsewhere(connection: Connection, register: Register, path: Path) -> None:
    key, name = connection.api_key, connection.name
    if (key is None or key.reference != KEPT) and name not in register.added.all():
        where = "connects by OAuth" if key is None else f"takes its key from {key.reference}"
        raise ConfigurationError(
            f"connections set-key: {name} {where}. To keep its key in the register, write "
            f'api_key = "{KEPT}" under its [[connection]] in {path}; to replace one in a file, '
            "write the new key there: it is used as soon as Pleo refuses the old one"
        )


def _typed_key() -> str:
    key = typer.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else None
    return (sys.stdin.readline() if key is None else str(key)).strip()


def _mark_kept(name: str, register: Register) -> None:
    """Let a connection of the register say that its key is kept there."""
    table = register.added.all().get(name)
    if table is not None and table.get("api_key") != KEPT:
        register.added.put(name, {**table, "api_key": KEPT}, now=datetime.now(UTC))


def pause(
    name: NameArgument,
    *,
    why: Annotated[str | None, typer.Option("--why", help="For whoever sees it later.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Look for no more jobs of a connection, in any process, until it is resumed."""
    with load_config(config, name, secrets=False).open_register() as register:
        register.pauses.pause(name, why, now=datetime.now(UTC))
    say(f"{name} is paused; a job under way is finished. counterfoil connections resume {name}")


def resume(name: NameArgument, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Go on with a connection that was paused."""
    with load_config(config, name, secrets=False).open_register() as register:
        was_paused = register.pauses.resume(name)
    say(f"{name} goes on" if was_paused else f"{name} was not paused")


def remove(
    name: NameArgument,
    *,
    yes: YesOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where Pleo cannot be told that its consent ends.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Forget a connection: says what the register erases, and asks. What was booked stays."""
    alone = load_file(config)
    with alone.open_register() as register:
        traces = register.added.traces(name)
        if not traces:
            raise ConfigurationError(f"connections remove: the register knows nothing of {name}")
        told = f"{', '.join(traces)}. Jobs, items and what was booked stay"
        agreed(
            f"Erase of {name}: {told}. Go on?",
            f"connections remove: give --yes to erase of {name}: {told}",
            yes=yes,
        )
        chosen = _connection(config, name, register)
        with register.locks.hold(company_lock(_company_of(chosen, name, register))):
            _take_back(chosen, name, register, force=force)
            register.added.erase(name)
    say(f"Erased of {name}: {told}")
    if any(each.name == name for each in alone.connections):
        say(f"{config} still has it: remove its [[connection]] there, too")


def _connection(path: Path, name: str, register: Register) -> Connection | None:
    """Read the connection if it can be read: a mistake must not keep one from going."""
    try:
        loaded = load_all(path, register, added_in(register), secrets=False)
    except ConfigurationError as error:
        complain(f"The configuration has mistakes, so that Pleo is told nothing: {error}")
        return None
    return next((each for each in loaded.connections if each.name == name), None)


def _company_of(chosen: Connection | None, name: str, register: Register) -> str:
    """Return the company that nobody may work on meanwhile, as far as anybody knows it."""
    if chosen is not None and chosen.company_id:
        return chosen.company_id
    bound = {each.name: each.company_id for each in register.connections.all()}
    told = register.installations.all().get(name)
    return bound.get(name) or (told.company_id if told else None) or ""


def _take_back(chosen: Connection | None, name: str, register: Register, *, force: bool) -> None:
    """Take back what Pleo has of a connection; what it cannot be told now is kept, or told of."""
    left = _left_at_pleo(name, register)
    reason = "the configuration does not say how to reach it"
    if left and chosen is not None:
        try:
            asyncio.run(_tell_pleo(chosen, register))
        except CounterfoilError as error:
            reason = str(error)
        left = _left_at_pleo(name, register)
    if CONSENT in left and not force:
        raise CounterfoilError(
            f"{name}: nothing is erased, for its consent lives on at Pleo: {reason}. Run it again "
            "when Pleo can be told, or give --force and remove the integration in Pleo"
        )
    if left:
        complain(f"{name}: Pleo may have {' and '.join(left)} still, end that there: {reason}")


def _left_at_pleo(name: str, register: Register) -> list[str]:
    return [each for each in register.added.traces(name) if each in {CONSENT, WEBHOOKS}]


async def _tell_pleo(connection: Connection, register: Register) -> None:
    """Remove a connection's webhooks at Pleo, and revoke its consent."""
    if register.subscriptions.calls(connection.name):
        await subscribing.remove(connection, register, None)
    if connection.oauth is not None and register.authorisations.get(connection.name) is not None:
        say(await authorising.disconnect(connection, register))

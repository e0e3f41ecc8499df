"""Options that several commands share, and loading the configuration they name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from counterfoil.cli.trouble import existing_register
from counterfoil.config import Added, Config, Connection, load
from counterfoil.config.crosschecks import company_problems
from counterfoil.errors import ConfigurationError, CounterfoilError
from counterfoil.register import Register

__all__ = [
    "DEFAULT_CONFIG",
    "ConfigOption",
    "ConnectionOption",
    "JsonOption",
    "added_in",
    "load_all",
    "load_config",
    "load_file",
    "load_to_examine",
    "with_companies",
]

DEFAULT_CONFIG = Path("counterfoil.toml")

ConfigOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        envvar="COUNTERFOIL_CONFIG",
        help="The configuration file.",
        metavar="FILE",
    ),
]
ConnectionOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--connection", metavar="NAME", help="Only this connection."),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON, for machines, and nothing else.")
]


def load_file(path: Path) -> Config:
    """Load what the configuration file says, whatever the register adds to it; no secrets."""
    return load(path, os.environ, secrets=False, added=None)


def load_config(path: Path, connection: str | None = None, *, secrets: bool = True) -> Config:
    """Load the configuration with the register's connections; raises ConfigurationError.

    So it does for a connection that is in neither, and where a secret is missing that is needed:
    one that all share, or those of every connection that is worked for. Commands that never talk
    to Pleo load it without ``secrets``; the others ask Pleo for a company that nobody has told yet,
    which may raise PleoError.
    """
    alone = _told_whole(path, None) if secrets else load_file(path)
    with existing_register(alone) as register:
        config = load_all(path, register, added_in(register), connection, secrets=secrets)
        if secrets:
            config = with_companies(config, register, connection)
    return _having(config, path, connection)


def load_to_examine(path: Path, connection: str | None) -> Config:
    """Load the configuration as far as it can be: each connection says what it lacks.

    Raises ConfigurationError for mistakes in what the file says.
    """
    from counterfoil.runner.examining.machine import examine_register

    whole = partial(load, path, os.environ, secrets=False, register_key=False)
    alone = whole(added=None)
    with examine_register(alone) as (register, _):
        added = None if alone.seal.lacking else added_in(register)
        config = _checked(whole(added=added), register)
        config = with_companies(config, register, connection, strict=False)
    return _having(config, path, connection)


def _having(config: Config, path: Path, connection: str | None) -> Config:
    names = [each.name for each in config.connections]
    if connection is not None and connection not in names:
        raise ConfigurationError(
            f'--connection: "{connection}" is not in {path}; it has {", ".join(names)}'
        )
    return config


def load_all(
    path: Path,
    register: Register | None,
    added: Added,
    only: str | None = None,
    *,
    secrets: bool = True,
) -> Config:
    """Load the file and what is added to it, each connection for the company that Pleo told."""
    if not secrets:
        return _checked(load(path, os.environ, secrets=False, added=added), register)
    config = _told_whole(path, added)
    chosen = [each for each in config.connections if only in {None, each.name}]
    if config.lacking or (chosen and all(each.lacking for each in chosen)):
        config = load(path, os.environ, added=added)  # raises, with the key of each mistake
    return _checked(config, register)


def _told_whole(path: Path, added: Added | None) -> Config:
    """Load without secrets; other mistakes are told together with the secrets that are missing."""
    try:
        return load(path, os.environ, secrets=False, added=added)
    except ConfigurationError:
        load(path, os.environ, added=added)
        raise


def _checked(config: Config, register: Register | None) -> Config:
    from counterfoil.runner.setting_up import with_known_company

    known = [with_known_company(each, register) for each in config.connections]
    return _without_twins(config, known)


def _without_twins(config: Config, connections: Sequence[Connection]) -> Config:
    """Return the configuration with these connections; the second of one company is broken."""
    firsts: dict[tuple[str, str], Connection] = {}
    kept = []
    for each in connections:
        first = firsts.setdefault((each.company_id, each.base_url), each)
        problem = next(company_problems([first, each]), None) if first is not each else None
        kept.append(replace(each, company_id="", broken=problem) if problem else each)
    return replace(config, connections=tuple(kept))


def added_in(register: Register | None) -> Added:
    """Say what the register adds to the configuration file."""
    return Added() if register is None else Added(register.added.all())


def with_companies(
    config: Config, register: Register | None, only: str | None, *, strict: bool = True
) -> Config:
    """Ask Pleo for the companies that are not known yet; who has another's is broken, alone.

    With ``strict``, that is raised where nothing else is worked for, and so is other trouble with
    Pleo.
    """
    alone = strict and (only is not None or len(config.connections) == 1)

    async def asked(connection: Connection) -> Connection:
        if only not in {None, connection.name} or connection.company_id or connection.broken:
            return connection
        try:
            return await _with_company(connection, register, config.connections, strict=strict)
        except CounterfoilError:
            if alone:
                raise
            return connection  # it is broken, the others are not: whoever works for it says so

    async def ask() -> list[Connection]:
        return [await asked(each) for each in config.connections]

    if all(each.company_id for each in config.connections):
        return config
    found = _without_twins(config, asyncio.run(ask()))
    broken = [each.broken for each in found.connections if each.name == only and each.broken]
    if strict and broken:
        raise ConfigurationError(*broken)
    return found


async def _with_company(
    connection: Connection, register: Register | None, others: Sequence[Connection], *, strict: bool
) -> Connection:
    from counterfoil.runner.setting_up import CompanyTaken, CompanyUnknown, with_company

    try:
        return await with_company(connection, register, others)
    except (CompanyTaken, CompanyUnknown) as error:
        if strict and (len(others) == 1 or isinstance(error, CompanyUnknown)):
            raise
        return replace(connection, broken=str(error))

"""Options that several commands share, and loading the configuration they name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
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
    "load_beside",
    "load_config",
    "load_file",
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


def load_file(path: Path, *, secrets: bool = True) -> Config:
    """Load what the configuration file says, whatever the register adds to it."""
    return load(path, os.environ, secrets=secrets, added=None)


def load_config(path: Path, connection: str | None = None, *, secrets: bool = True) -> Config:
    """Load the configuration with the register's connections; raises ConfigurationError.

    So it does for a connection that is in neither. Commands that never talk to Pleo load it without
    ``secrets``; the others ask Pleo for a company that nobody has told yet, which may raise
    PleoError.
    """
    with existing_register(load_file(path, secrets=secrets)) as register:
        return load_beside(register, path, connection, secrets=secrets)


def load_beside(
    register: Register | None, path: Path, connection: str | None, *, secrets: bool = True
) -> Config:
    """Do the same beside a register that is open already; None: there is none, or it is broken."""
    config = load_all(path, register, added_in(register), secrets=secrets)
    if secrets and any(_needs_company(each, connection) for each in config.connections):
        config = _with_companies(config, register, connection)
    names = [each.name for each in config.connections]
    if connection is not None and connection not in names:
        raise ConfigurationError(
            f'--connection: "{connection}" is not in {path}; it has {", ".join(names)}'
        )
    return config


def load_all(
    path: Path, register: Register | None, added: Added, *, secrets: bool = True
) -> Config:
    """Load the file and what is added to it, each connection for the company that Pleo told."""
    from counterfoil.runner.setting_up import with_known_company

    config = load(path, os.environ, secrets=secrets, added=added)
    return _checked(config, [with_known_company(each, register) for each in config.connections])


def _checked(config: Config, connections: Sequence[Connection]) -> Config:
    """Return the configuration with these connections; raises ConfigurationError for twins."""
    if problems := tuple(company_problems(connections)):
        raise ConfigurationError(*problems)
    return replace(config, connections=tuple(connections))


def added_in(register: Register | None) -> Added:
    """Say what the register adds to the configuration file."""
    return Added() if register is None else Added(register.added.all())


def _needs_company(connection: Connection, only: str | None) -> bool:
    return not connection.company_id and only in {None, connection.name}


def _with_companies(config: Config, register: Register | None, only: str | None) -> Config:
    """Ask Pleo for the companies that are not known yet."""
    from counterfoil.runner.setting_up import CompanyTaken, with_company

    async def asked(connection: Connection) -> Connection:
        if not _needs_company(connection, only):
            return connection
        try:
            return await with_company(connection, register, config.connections)
        except CompanyTaken:
            raise  # its expenses would be booked in another company's books
        except CounterfoilError:
            if only is not None or len(config.connections) == 1:
                raise
            return connection  # it is broken, the others are not: whoever works for it says so

    async def ask() -> list[Connection]:
        return [await asked(each) for each in config.connections]

    return _checked(config, asyncio.run(ask()))

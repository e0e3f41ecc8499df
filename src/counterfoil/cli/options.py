"""Options that several commands share, and loading the configuration they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from counterfoil.config import Config, load
from counterfoil.errors import ConfigurationError

__all__ = [
    "DEFAULT_CONFIG",
    "ConfigOption",
    "ConnectionOption",
    "JsonOption",
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
    return load(path, os.environ, secrets=secrets)


def load_config(path: Path, connection: str | None = None, *, secrets: bool = True) -> Config:
    """Load the configuration; raises ConfigurationError, also for a connection it does not have.

    Commands that never talk to Pleo load it without ``secrets``.
    """
    config = load_file(path, secrets=secrets)
    names = [each.name for each in config.connections]
    if connection is not None and connection not in names:
        raise ConfigurationError(
            f'--connection: "{connection}" is not in {path}; it has {", ".join(names)}'
        )
    return config

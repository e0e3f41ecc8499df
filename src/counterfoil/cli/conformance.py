"""``counterfoil conformance``: does an adapter keep the contract? Runs the kit, a pytest suite.

The kit runs in a process of its own, on pytest, which is not installed with Counterfoil.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError

__all__ = ["conformance"]

KIT = "counterfoil.systems.conformance"
ENDS = {0: ExitCode.DONE, 4: ExitCode.USAGE, 5: ExitCode.USAGE}
"""What pytest's exit codes mean: all passed; wrong usage, or no test chosen. Others: not done."""


def conformance(
    book: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:CLASS", help="The class that makes a fresh book of your system."
        ),
    ],
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- [PYTEST OPTIONS]", help="Further options, for pytest."),
    ] = None,
) -> None:
    """Run the conformance kit on an adapter; what it does not declare is skipped by name."""
    if find_spec("pytest") is None:
        raise ConfigurationError(
            "The conformance kit runs on pytest, which is not installed: pip install pytest"
        )
    with effect("conformance.run", book):
        done = subprocess.run(_command(book, options or ()), check=False, env=_environment())  # noqa: S603 -- our own program
    raise typer.Exit(ENDS.get(done.returncode, ExitCode.NOT_DONE))


def _command(book: str, options: Sequence[str]) -> list[str]:
    """Start pytest on the kit alone: with no configuration, and nothing kept in this folder."""
    own = ["-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider", "-p", f"{KIT}.plugin"]
    shown = ["--no-header", "-q", "-ra", "--tb=short"]
    chosen = ["--book", book, "--pyargs", f"{KIT}.chosen"]
    return [sys.executable, "-m", "pytest", *own, *shown, *options, *chosen]


def _environment() -> dict[str, str]:
    """Leave out whatever plugins are installed, so that a run is the same everywhere."""
    return os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

"""``counterfoil init``: ask, try, write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.init.desk import Desk
from counterfoil.cli.init.given import read_given
from counterfoil.cli.init.interview import interview
from counterfoil.cli.init.state import State
from counterfoil.cli.init.writing import secret_files, write_files
from counterfoil.cli.lines import complain, say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption
from counterfoil.cli.screen import styled
from counterfoil.config.surroundings import InstalledSystems, Surroundings
from counterfoil.errors import ConfigurationError

__all__ = ["init"]


def init(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    answers: Annotated[
        Path | None, typer.Option("--answers", metavar="FILE", help="Answers, as TOML.")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One answer.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are there, without asking.")
    ] = False,
) -> None:
    """Ask what a person can answer, try each answer, and write the configuration."""
    set_up_logs()
    path = config.absolute()
    beforehand = read_given(answers, given or ())
    desk = Desk(beforehand)
    state = State(_around(path), beforehand)
    try:
        _may_replace([path], desk, force=force)
        _greet(path, desk)
        interview(state, desk)
        beforehand.refuse_strangers()
        _may_replace(list(secret_files(state, path.parent)), desk, force=force)
    except typer.Abort:
        complain("", "Nothing was written.")
        raise typer.Exit(ExitCode.NOT_DONE) from None
    write_files(path, state)
    _show_the_way(path, config, state)


def _around(path: Path) -> Surroundings:
    return Surroundings(folder=path.parent, environ=os.environ, systems=InstalledSystems())


def _may_replace(paths: list[Path], desk: Desk, *, force: bool) -> None:
    """Ask before a file is replaced; raises ConfigurationError where the answer is not yes."""
    for path in paths:
        if path.exists() and not force and not desk.confirm(f"{path} exists. Replace it?"):
            raise ConfigurationError(
                f"{path} exists and is left as it is: move it away, or give --force, or another "
                "--config"
            )


def _greet(path: Path, desk: Desk) -> None:
    if desk.asks:
        styled(f"A few questions, and {_shown(path)} is written.", "bold")
        say("Enter takes what is in [brackets], < goes one question back, Ctrl+C ends it.")


def _show_the_way(path: Path, config: Path, state: State) -> None:
    chosen = "" if config == DEFAULT_CONFIG else f" --config {config}"
    styled(f"{_shown(path)} is written.", "green")
    for place in secret_files(state, path.parent):
        say(f"{_shown(place)} holds a secret, for you alone to read.")
    say()
    say("What to do next:")
    for meaning, command in (
        ("is everything in place?", "doctor"),
        ("what would be booked?", "plan"),
        ("book what waits in Pleo", "run --once"),
    ):
        say(f"  {f'counterfoil {command}{chosen}':<40} {meaning}")


def _shown(path: Path) -> str:
    """Return a path as people write it from where they are."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)

"""The command line itself: help, usage, configuration, exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from counterfoil import __version__
from counterfoil.cli.app import COMMANDS
from counterfoil.effects import Effect, observe
from tests.acme import Acme, CommandLine


class Seen:
    """Sees every effect."""

    def __init__(self) -> None:
        """Have seen none."""
        self.effects: list[Effect] = []

    def before(self, effect: Effect, /) -> None:
        self.effects.append(effect)

    def after(self, effect: Effect, /) -> None:
        pass


def files(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_version_is_told(counterfoil: CommandLine) -> None:
    assert counterfoil("--version").out == f"counterfoil {__version__}\n"


def test_help_names_every_command_in_a_line(counterfoil: CommandLine) -> None:
    said = counterfoil("--help")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.partition("Commands:\n")[2].splitlines()] == list(
        COMMANDS
    )


@pytest.mark.parametrize("command", ["demo", "doctor", "run", "jobs", "items"])
def test_every_command_says_what_it_does(counterfoil: CommandLine, command: str) -> None:
    said = counterfoil(command, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: counterfoil {command} ")


def test_help_imports_no_heavy_parts() -> None:
    heavy = ("httpx", "pydantic", "rich", "sqlalchemy", "starlette")
    script = f"import sys, counterfoil.cli; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [("book",), ("run", "--twice"), ("run", "--config"), ("items", "--job"), ("--once", "run")],
)
def test_wrong_usage_exits_with_2(counterfoil: CommandLine, arguments: tuple[str, ...]) -> None:
    said = counterfoil(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "Error: " in said.err


def test_run_wants_once(counterfoil: CommandLine, acme: Acme) -> None:
    del acme
    said = counterfoil("run")
    assert said.code == 2
    assert "--once" in said.err


@pytest.mark.parametrize("command", ["doctor", "run --once", "jobs", "items"])
def test_a_wrong_configuration_is_told_whole_and_touches_nothing(
    counterfoil: CommandLine, acme: Acme, command: str
) -> None:
    acme.replace('system = "beancount"', 'system = "beancont"')
    acme.replace('wallet = "1800"', "wallet = 1800")
    before, requests, seen = files(acme.folder), len(acme.state.events), Seen()
    with observe(seen):
        said = counterfoil(*command.split())
    assert (said.code, said.out) == (2, "")
    heading, system, wallet = said.err.splitlines()
    assert heading == "The configuration has 2 mistakes:"
    assert system.startswith('  connection[acme].system: "beancont" is not ')
    assert wallet.startswith("  connection[acme].accounts.wallet: is a number")
    assert (seen.effects, files(acme.folder), len(acme.state.events)) == ([], before, requests)


def test_a_missing_configuration_is_told(counterfoil: CommandLine, here: Path) -> None:
    said = counterfoil("run", "--once")
    assert said.code == 2
    assert said.err.startswith(f"{here / 'counterfoil.toml'}: does not exist")


def test_the_environment_names_the_configuration(
    counterfoil: CommandLine, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_CONFIG", "elsewhere.toml")
    assert counterfoil("jobs").err.startswith(f"{here / 'elsewhere.toml'}: does not exist")


@pytest.mark.parametrize("command", ["doctor", "run --once", "jobs", "items"])
def test_a_connection_that_is_not_configured_is_told(
    counterfoil: CommandLine, acme: Acme, command: str
) -> None:
    del acme
    said = counterfoil(*command.split(), "--connection", "globex")
    assert said.code == 2
    assert said.err == '--connection: "globex" is not in counterfoil.toml; it has acme\n'


def test_an_unknown_log_level_is_told(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    del acme
    monkeypatch.setenv("COUNTERFOIL_LOG", "loud")
    said = counterfoil("doctor")
    assert said.code == 2
    assert said.err.startswith('COUNTERFOIL_LOG: is "loud"; one of debug, info, ')

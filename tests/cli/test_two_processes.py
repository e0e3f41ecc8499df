"""A Pleo in one process, an export in another, as a developer's two terminals have them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterfoil.sandbox import demo_config_toml
from tests.acme import CommandLine

pytestmark = pytest.mark.slow


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """Serve a sandbox on a free port in a process of its own; give its address."""
    command = [sys.executable, "-m", "counterfoil", "sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()


def test_what_the_sandbox_serves_is_booked_once(
    shell: CommandLine, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_API_KEY", "sandbox-key")
    with sandbox("--items", "12") as url:
        (here / "counterfoil.toml").write_text(demo_config_toml(url))
        assert shell("sandbox", "books", "books").code == 0
        assert shell("doctor").code == 0
        assert "completed, 12 of 12 items booked" in shell("run", "--once").out
        assert shell("run", "--once").out == "acme: nothing to export\n"


def test_the_sandbox_says_what_it_takes(counterfoil: CommandLine) -> None:
    said = counterfoil("sandbox", "--help")
    assert said.code == 0
    assert said.out.startswith("Usage: counterfoil sandbox ")


def test_a_sandbox_command_without_a_sandbox_is_told(counterfoil: CommandLine) -> None:
    said = counterfoil("sandbox", "log", "--url", "http://127.0.0.1:1")
    assert said.code == 1
    assert said.err.startswith("No sandbox answers at http://127.0.0.1:1 ")

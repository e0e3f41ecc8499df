"""What the stories about the commands share: a company in a local Pleo, books, a command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from counterfoil.cli import main
from counterfoil.sandbox import Company, SandboxServer, State
from tests.logs import plain_logs

LEDGER = """\
2020-01-01 open Assets:Pleo:Wallet
  code: "1800"
2020-01-01 open Assets:Pleo:Contra
  code: "1899"
2020-01-01 open Liabilities:Payable
  code: "2000"
2020-01-01 open Liabilities:Employees
  code: "2900"
2020-01-01 open Expenses:Travel
  code: "6100"
"""

CONFIGURATION = """\
[pleo]
base_url = "{url}"
api_key = "env:PLEO_API_KEY"

[register]
url = "sqlite:///counterfoil.db"

[[connection]]
name = "acme"
company_id = "{company_id}"
system = "beancount"

[connection.options]
ledger = "main.beancount"

[connection.accounts]
wallet = "1800"
out_of_pocket = "2900"
contra = "1899"
payable = "2000"
"""


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


class CommandLine(Protocol):
    """Runs a command in the folder of the story."""

    def __call__(self, *arguments: str) -> Said:
        """Run ``counterfoil`` with these arguments."""


@dataclass(frozen=True)
class Acme:
    """A company in a local Pleo, with its books and a configuration in a folder."""

    company: Company
    folder: Path

    @property
    def state(self) -> State:
        """The local Pleo's state."""
        return self.company.state

    @property
    def ledger(self) -> Path:
        """The main ledger file."""
        return self.folder / "main.beancount"

    def export(self, *items: str, hours_ago: float = 0) -> str:
        """Click Export for these expenses, or all; returns the job's id."""
        age = timedelta(hours=hours_ago)
        return self.state.queue_job(self.company.id, items or None, age=age)

    def replace(self, old: str, new: str) -> None:
        """Change the configuration."""
        path = self.folder / "counterfoil.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the story's own, without settings of the developer's."""
    monkeypatch.chdir(tmp_path)
    for name in ("COUNTERFOIL_CONFIG", "COUNTERFOIL_LOG", "PLEO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def counterfoil(here: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    """Run commands in this process."""
    del here

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    yield run
    plain_logs()


@pytest.fixture
def shell(here: Path) -> CommandLine:
    """Run commands in processes of their own."""

    def run(*arguments: str) -> Said:
        command = [sys.executable, "-m", "counterfoil", *arguments]
        ended = subprocess.run(
            command, cwd=here, env=dict(os.environ), capture_output=True, text=True, check=False
        )
        return Said(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def acme(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    """Serve a company without expenses yet, and write its ledger and configuration."""
    company = State().add_company()
    monkeypatch.setenv("PLEO_API_KEY", company.api_key)
    (here / "main.beancount").write_text(LEDGER)
    with SandboxServer(company.state) as server:
        text = CONFIGURATION.format(url=server.url, company_id=company.id)
        (here / "counterfoil.toml").write_text(text)
        yield Acme(company, here)

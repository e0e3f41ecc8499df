"""What the stories about comparing share: a company in a local Pleo, a ledger, a command line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli import main
from counterfoil.effects import Effect, observe
from counterfoil.sandbox import Company, SandboxServer, State

LEDGER = "".join(
    f'2020-01-01 open {name}\n  code: "{code}"\n'
    for name, code in [
        ("Assets:Wallet", "1800"),
        ("Liabilities:Employees", "2900"),
        ("Assets:Contra", "1899"),
        ("Liabilities:Payable", "2000"),
        ("Expenses:Travel", "6100"),
        ("Expenses:Meals", "6300"),
        ("Equity:Bank", "1000"),
    ]
)
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
options.ledger = "main.beancount"
accounts = {{ wallet = "1800", out_of_pocket = "2900", contra = "1899", payable = "2000" }}
"""
DAY = datetime(2026, 3, 5, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process died: nobody catches it."""


class KilledBefore:
    """Kills the process before the nth effect of a name."""

    def __init__(self, name: str, nth: int = 1) -> None:
        self.name, self.left = name, nth

    def before(self, effect: Effect) -> None:
        self.left -= effect.name == self.name
        if effect.name == self.name and not self.left:
            raise Killed

    def after(self, effect: Effect) -> None:
        """Let it have happened."""


@dataclass(frozen=True)
class Report:
    """What ``reconcile --json`` says of the one connection, and how the command ended."""

    code: int
    connection: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """How many items have each verdict that any has."""
        verdicts: dict[str, int] = self.connection["verdicts"]
        return {verdict: count for verdict, count in verdicts.items() if count}

    @property
    def finding(self) -> dict[str, Any]:
        """The one item that is listed."""
        (finding,) = self.connection["findings"]
        return dict(finding)

    def total(self, account: str) -> dict[str, str]:
        """Return the sums of an account."""
        (total,) = [each for each in self.connection["totals"] if each["account"] == account]
        return dict(total)


@dataclass(frozen=True)
class Office:
    """A company that exports expenses, and what people do to its books."""

    folder: Path
    company: Company

    @property
    def state(self) -> State:
        """The local Pleo's state."""
        return self.company.state

    @property
    def month(self) -> Path:
        """The file with the entries of March 2026."""
        return self.folder / "counterfoil" / "2026-03.beancount"

    @property
    def main(self) -> Path:
        """The main ledger."""
        return self.folder / "main.beancount"

    def spend(self, value: int = 1200, *, days: int = 0, **fields: Any) -> str:  # noqa: ANN401 -- build_item's own
        """Queue an expense, so many days after the first; return its id."""
        day = DAY + timedelta(days=days)
        return self.company.add_item(None, value=value, date=day, **fields)

    def click_export(self, *entries: str) -> str:
        """Click Export for these expenses, or all that are queued; return the job's id."""
        return self.state.queue_job(self.company.id, entries or None)

    def export(self, *entries: str) -> str:
        """Click Export, and run to the end; return the job's id."""
        job = self.click_export(*entries)
        self.do("run", "--once")
        return job

    def die(self, effect: str, nth: int = 1) -> None:
        """Run, and be killed before the nth effect of this name."""
        told = io.StringIO()
        with (
            redirect_stdout(told),
            redirect_stderr(told),
            observe(KilledBefore(effect, nth)),
            pytest.raises(Killed),
        ):
            main(["run", "--once"])

    def do(self, *arguments: str, code: int = 0) -> str:
        """Run a command that ends with this exit code; return what it prints."""
        told = io.StringIO()
        with redirect_stdout(told), redirect_stderr(told), pytest.raises(SystemExit) as ended:
            main(arguments)
        assert (ended.value.code or 0) == code, told.getvalue()
        return told.getvalue()

    def reconcile(self, *arguments: str) -> Report:
        """Reconcile, for machines."""
        told = io.StringIO()
        with redirect_stdout(told), pytest.raises(SystemExit) as ended:
            main(["reconcile", "--json", *arguments])
        (connection,) = json.loads(told.getvalue())
        return Report(int(ended.value.code or 0), connection)

    def edit(self, old: str, new: str) -> None:
        """Change a text in March's entries by hand."""
        text = self.month.read_text()
        assert old in text
        self.month.write_text(text.replace(old, new))

    def entry(self, entry_id: str) -> str:
        """Return an entry's lines as they stand in March's file."""
        blocks = re.split(r"\n(?=\d{4}-)", self.month.read_text())
        (block,) = [block for block in blocks if f'pleo_entry: "{entry_id}"' in block]
        return block

    def by_hand(self, text: str) -> None:
        """Write into the main ledger by hand."""
        with self.main.open("a") as file:
            file.write(text)

    def lose_register(self) -> None:
        """Delete the register, as a lost disk does."""
        for file in self.folder.glob("counterfoil.db*"):
            if file.is_file():
                file.unlink()


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Set up an office whose expenses fall into March 2026."""
    company = State().add_company()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLEO_API_KEY", company.api_key)
    monkeypatch.delenv("COUNTERFOIL_CONFIG", raising=False)
    monkeypatch.delenv("COUNTERFOIL_LOG", raising=False)
    (tmp_path / "main.beancount").write_text(LEDGER)
    with SandboxServer(company.state) as server:
        text = CONFIGURATION.format(url=server.url, company_id=company.id)
        (tmp_path / "counterfoil.toml").write_text(text)
        yield Office(tmp_path, company)

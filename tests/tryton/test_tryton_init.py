"""``counterfoil init`` asks for Tryton's own options, and tries them in a real Tryton."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from counterfoil.cli import main
from counterfoil.sandbox import SandboxServer, State
from tests.tryton.tryton_company import SERVICE
from tests.tryton.tryton_server import Database

pytestmark = pytest.mark.slow

ACCOUNTS = {"wallet": "1800", "out_of_pocket": "2900", "contra": "1899", "payable": "2000"}


def test_tryton_is_entered_and_its_chart_is_held_against_the_answers(
    tmp_path: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    company = State().add_company()
    monkeypatch.setenv("PLEO_API_KEY", company.api_key)
    (tmp_path / "tryton.key").write_text(SERVICE[1])
    path = tmp_path / "counterfoil.toml"
    with SandboxServer(company.state) as server:
        answers = {
            "pleo": server.url,
            "api_key": "env:PLEO_API_KEY",
            "system": "tryton",
            "options.url": database.url,
            "options.database": database.name,
            "options.user": SERVICE[0],
            "options.password": "file:tryton.key",
            **{f"accounts.{role}": code for role, code in ACCOUNTS.items()},
            "currencies": "GBP",
            "timezone": "Europe/London",
        }

        def init(**changed: str) -> tuple[object, str]:
            told = {**answers, **{key.replace("__", "."): each for key, each in changed.items()}}
            given = [word for key, value in told.items() for word in ("--set", f"{key}={value}")]
            with pytest.raises(SystemExit) as ended:
                main(["init", "--config", str(path), *given])
            return ended.value.code, capsys.readouterr().err

        assert "has no company 7; there is" in init(options__company="7")[1]
        assert 'the books have no account "1801x"' in init(accounts__wallet="1801x")[1]
        assert init() == (0, "")
        (connection,) = tomllib.loads(path.read_text())["connection"]
    assert connection["accounts"] == ACCOUNTS
    assert connection["options"]["company"] == 1

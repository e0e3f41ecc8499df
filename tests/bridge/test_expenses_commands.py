"""``counterfoil expenses``: what it says, what it refuses, and how ``run`` keeps out of the way."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.cli import main
from counterfoil.sandbox import Company, SandboxServer, State
from tests.bridge.conftest import CONFIGURATION, TOKEN, Acme
from tests.logs import plain_logs


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """Serve a company, and work in a folder with its configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERFOIL_CONFIG", raising=False)
    made = State(seed=1).add_company()
    monkeypatch.setenv("PLEO_API_KEY", made.api_key)
    monkeypatch.setenv("OLD_PLEO_TOKEN", TOKEN)
    with SandboxServer(made.state) as server:
        text = CONFIGURATION.format(url=server.url, company_id=made.id)
        Path("counterfoil.toml").write_text(text)
        yield made
    plain_logs()


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_run_leaves_a_bridged_company_alone(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    company.add_item()
    job = company.state.queue_job(company.id)
    assert run("run", "--once") == 1
    assert "expenses bridge" in capsys.readouterr().out
    assert company.state.job(job).status == "pending"


def test_without_a_bridge_in_the_configuration_it_does_not_start(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    del company
    path = Path("counterfoil.toml")
    text = path.read_text().partition("[connection.bridge]")[0]
    path.write_text(text)
    assert run("expenses", "bridge") == 2
    assert "[connection.bridge]" in capsys.readouterr().err
    path.write_text(
        text.replace('"expenses-bridge"', '"beancount"\noptions = { ledger = "main.beancount" }')
    )
    assert run("expenses", "bridge") == 2
    assert "connection[acme].bridge: is missing" in capsys.readouterr().err


def test_a_token_that_is_not_set_is_a_mistake(
    company: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del company
    monkeypatch.delenv("OLD_PLEO_TOKEN")
    assert run("expenses", "bridge") == 2
    assert "OLD_PLEO_TOKEN is not set" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    del company
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("expenses", "bridge", "--port", str(port)) == 1
    assert f"port {port}" in capsys.readouterr().err


def test_check_prints_json_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "client.js").write_text("fetch('https://openapi.pleo.io/v1/expenses')\n")
    assert run("expenses", "check", str(tmp_path), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [use["old"] for use in report["uses"]] == ["GET /v1/expenses", "https://openapi.pleo.io"]
    assert report["uses"][0]["places"] == [
        {"file": "client.js", "line": 1, "text": "fetch('https://openapi.pleo.io/v1/expenses')"}
    ]


def test_check_shows_a_table_or_that_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "client.js"
    source.write_text("fetch('https://openapi.pleo.io/v1/expenses'); x = expense.amountOriginal\n")
    assert run("expenses", "check", str(source)) == 0
    said = capsys.readouterr().out
    assert "field\tamountOriginal\tno equivalent\tclient.js:1" in said
    assert "1 without equivalent" in said
    source.write_text("nothing\n")
    assert run("expenses", "check", str(source)) == 0
    assert "uses nothing" in capsys.readouterr().out


def test_check_prints_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "client.js").write_text("fetch('https://openapi.pleo.io/v1/expenses')\n")
    assert run("expenses", "check", str(tmp_path), "--markdown") == 0
    assert capsys.readouterr().out.startswith("# What `")


def test_check_refuses_what_is_not_there_and_two_forms_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("expenses", "check", str(tmp_path / "nowhere")) == 2
    assert run("expenses", "check", str(tmp_path), "--json", "--markdown") == 2
    said = capsys.readouterr().err
    assert "does not exist" in said
    assert "do not go together" in said


async def test_again_lets_an_exported_expense_through_once_more(
    acme: Acme, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = acme.items(1)
    async with acme.bridge() as old:
        acme.export()
        await old.queued()
        await old.exported(one)
    folder = acme.connection.folder
    config = folder / "counterfoil.toml"
    config.write_text(config.read_text().replace("counterfoil.db", "register.db"))
    monkeypatch.chdir(folder)
    assert run("expenses", "again", one, "nobody") == 1
    said = capsys.readouterr()
    assert f"{one} is shown again" in said.out
    assert "nobody: no export job" in said.err
    acme.pass_time(seconds=2)
    async with acme.bridge() as old:
        again = acme.export(one)
        assert await old.queued() == [one]
        await old.exported(one)
        assert acme.job(again) == "completed"
        third = acme.export(one)
        assert await old.queued() == []
        assert acme.job(third) == "completed"

"""``counterfoil doctor``: whether an export would work, and what to do where it would not."""

from __future__ import annotations

import json
import socket

import pytest

from counterfoil.register.sealing import new_key
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def test_all_is_well(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    acme.export()
    said = counterfoil("doctor")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == f"✓ configuration: {acme.folder / 'counterfoil.toml'}"
    checks = [line.split(": ")[:2] for line in lines[1:-1]]
    assert checks == [
        ["✓ register", f"{acme.folder / 'counterfoil.db'} is not there yet"],
        *(["✓ acme", name] for name in ("Pleo", "scopes", "company", "jobs", "clock")),
        *(["✓ acme", name] for name in ("books", "settings", "accounts")),
        ["! acme", "tax codes"],
        *(["✓ acme", name] for name in ("vendors", "periods", "attachments")),
    ]
    assert "✓ acme: jobs: 1 open export job" in lines
    assert lines[-1] == "An export would work."


def test_it_changes_nothing(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    job = acme.export()
    ledger = acme.ledger.read_bytes()
    counterfoil("doctor")
    assert acme.state.job(job).status == "pending"
    assert acme.ledger.read_bytes() == ledger
    assert not (acme.folder / "counterfoil.db").exists()


def test_a_key_that_pleo_refuses_is_told(counterfoil: CommandLine, acme: Acme) -> None:
    acme.state.revoke_key(acme.company.api_key)
    said = counterfoil("doctor")
    assert said.code == 1
    assert "✗ acme: Pleo: " in said.out
    assert "✓ acme: books: " in said.out
    assert said.out.endswith("An export would fail for acme.\n")


def test_a_pleo_that_does_not_answer_is_told(counterfoil: CommandLine, acme: Acme) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    text = (acme.folder / "counterfoil.toml").read_text()
    address = text.partition('base_url = "')[2].partition('"')[0]
    acme.replace(address, f"http://127.0.0.1:{port}")
    said = counterfoil("doctor")
    assert said.code == 1
    assert "✗ acme: Pleo: " in said.out


@pytest.mark.parametrize("ledger", [None, '2020-01-01 open Assets:Broken\n  code: "\n'])
def test_a_ledger_that_cannot_be_read_is_told(
    counterfoil: CommandLine, acme: Acme, ledger: str | None
) -> None:
    acme.ledger.unlink()
    if ledger is not None:
        acme.ledger.write_text(ledger)
    said = counterfoil("doctor")
    assert said.code == 1
    assert "✗ acme: books: " in said.out
    assert "main.beancount" in said.out


def test_with_json_each_finding_is_an_object(counterfoil: CommandLine, acme: Acme) -> None:
    acme.replace('wallet = "1800"', 'wallet = "1801"')
    findings = json.loads(counterfoil("doctor", "--json").out)
    assert findings[0] == {
        "check": "register",
        "verdict": "right",
        "passed": True,
        "message": f"{acme.folder / 'counterfoil.db'} is not there yet: the first run makes it",
        "connection": None,
        "failure_type": None,
    }
    (wrong,) = [finding for finding in findings if not finding["passed"]]
    assert (wrong["connection"], wrong["check"], wrong["failure_type"]) == (
        "acme",
        "settings",
        "invalid_configuration",
    )


@pytest.fixture
def lacking(acme: Acme) -> Acme:
    """Add a second connection, whose key is not there."""
    beta = acme.state.add_company("Beta")
    path = acme.folder / "counterfoil.toml"
    text = path.read_text()
    section = text[text.index("[[connection]]") :].replace(acme.company.id, beta.id)
    section = section.replace('"acme"', '"beta"\napi_key = "env:BETA_KEY"').replace("main.", "b.")
    (acme.folder / "b.beancount").write_bytes(acme.ledger.read_bytes())
    path.write_text(text + section)
    return acme


def test_a_missing_secret_breaks_its_own_connection_alone(
    counterfoil: CommandLine, lacking: Acme
) -> None:
    found = json.loads(counterfoil("doctor", "--json").out)
    (wrong,) = [each for each in found if not each["passed"]]
    assert (wrong["connection"], wrong["check"]) == ("beta", "secrets")
    assert "BETA_KEY is not set; set it to the secret" in wrong["message"]
    assert ("acme", "jobs") in [(each["connection"], each["check"]) for each in found]
    assert counterfoil("doctor").code == 1
    lacking.company.add_item()
    lacking.export()
    said = counterfoil("run", "--once")
    assert (said.code, "completed, 1 of 1" in said.out) == (1, True)
    assert "BETA_KEY is not set" in said.out
    assert counterfoil("run", "--once", "--connection", "acme").code == 0
    alone = counterfoil("run", "--once", "--connection", "beta")
    assert (alone.code, "connection[beta].api_key: the environment" in alone.err) == (2, True)


@pytest.mark.parametrize("key", [None, "garbage", "open"])
def test_a_register_key_that_will_not_do_is_a_finding(
    counterfoil: CommandLine, acme: Acme, key: str | None
) -> None:
    acme.replace("[register]", '[register]\nkey = "file:r.key"')
    if key is not None:
        (acme.folder / "r.key").write_text(new_key() if key == "open" else key)
        (acme.folder / "r.key").chmod(0o644 if key == "open" else 0o600)
    said = counterfoil("doctor", "--json")
    found = json.loads(said.out)
    assert said.code == 1
    assert [each["check"] for each in found if not each["passed"]] == ["register"]
    assert ("acme", "jobs") in [(each["connection"], each["check"]) for each in found]
    assert counterfoil("run", "--once").code == 2


def test_with_json_mistakes_are_findings_too(counterfoil: CommandLine, acme: Acme) -> None:
    acme.replace("wallet", "walet")
    said = counterfoil("doctor", "--json")
    (found,) = json.loads(said.out)
    assert (said.code, found["check"], found["passed"]) == (2, "configuration", False)
    assert "connection[acme].accounts.walet" in found["message"]

"""Connections that live in the register, keys that are kept there, and who is paused."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime

import pytest

from counterfoil.config import load
from counterfoil.effects import Effect, observe
from counterfoil.register.sealing import new_key
from counterfoil.runner.serving import ConnectionState, State, drained
from counterfoil.sandbox import Company
from counterfoil.sandbox.model import SCOPES
from tests.acme import LEDGER, Acme, CommandLine

pytestmark = pytest.mark.slow

BETA = (
    "--set=system=beancount",
    "--set=options.ledger=beta/main.beancount",
    "--set=accounts.wallet=1800",
    "--set=accounts.out_of_pocket=2900",
    "--set=accounts.contra=1899",
    "--set=accounts.payable=2000",
    "--set=api_key=env:BETA_KEY",
    "--set=periods.closed_through=2020-12-31",
)


@pytest.fixture
def beta(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> Company:
    """Give a second company in the same Pleo, with a key and books of its own."""
    company = acme.state.add_company("Beta")
    monkeypatch.setenv("BETA_KEY", company.api_key)
    (acme.folder / "beta").mkdir()
    (acme.folder / "beta/main.beancount").write_text(LEDGER)
    return company


def queue(company: Company) -> None:
    company.add_item()
    company.state.queue_job(company.id)


def test_a_connection_of_the_register_works_beside_the_file(
    counterfoil: CommandLine, acme: Acme, beta: Company
) -> None:
    """It is checked as the file is, its company comes from its key; removed, it is gone."""
    said = counterfoil("connections", "add", "beta", *BETA, "--set=accounts.walet=1")
    assert (said.code, "connection[beta].accounts.walet" in said.err) == (2, True)
    assert counterfoil("connections", "add", "beta", *BETA).code == 0
    assert "has it already" in counterfoil("connections", "add", "beta", *BETA).err
    assert counterfoil("connections", "test", "beta").code == 0
    queue(acme.company)
    queue(beta)
    run = counterfoil("run", "--once")
    assert run.out.count("completed, 1 of 1 items booked") == 2
    listed = json.loads(counterfoil("connections", "list", "--json").out)
    assert [(each["name"], each["where"], each["company_id"]) for each in listed] == [
        ("acme", "file", acme.company.id),
        ("beta", "register", beta.id),
    ]
    shown = counterfoil("connections", "show", "beta").out
    assert "2020-12-31" in shown
    written = {"timezone", "posting.mode", "periods.closed", "signs.negative", "booking"}
    assert written <= json.loads(counterfoil("connections", "show", "beta", "--json").out).keys()
    assert "API key, env:BETA_KEY" in shown
    assert beta.api_key not in shown

    assert counterfoil("connections", "pause", "beta", "--why", "audit").code == 0
    queue(beta)
    paused = counterfoil("run", "--once", "--connection", "beta")
    assert (paused.code, "UTC (audit); counterfoil connections resume beta" in paused.out) == (
        0,
        True,
    )
    assert "goes on" in counterfoil("connections", "resume", "beta").out
    assert "completed, 1 of 1" in counterfoil("run", "--once", "--connection", "beta").out

    refused = counterfoil("connections", "remove", "beta")
    assert (refused.code, "its settings" in refused.err) == (2, True)
    assert "what was booked stay" in counterfoil("connections", "remove", "beta", "--yes").out
    assert '"beta" is not in' in counterfoil("run", "--once", "--connection", "beta").err
    assert len(counterfoil("jobs").out.splitlines()) == 4


def test_file_and_register_that_disagree_are_refused(
    counterfoil: CommandLine, acme: Acme, beta: Company
) -> None:
    """So are two connections with one company."""
    counterfoil("connections", "add", "beta", *BETA)
    text = (acme.folder / "counterfoil.toml").read_text()
    section = text.partition("[[connection]]")[2]
    (acme.folder / "counterfoil.toml").write_text(
        f"{text}\n[[connection]]{section}".replace('"acme"', '"beta"')
        .replace('"beta"', '"acme"', 1)
        .replace(acme.company.id, beta.id)
        .replace(beta.id, acme.company.id, 1)
    )
    said = counterfoil("plan", "--connection", "acme")
    assert said.code == 2
    assert "connection[beta]: the register has it with other settings (api_key, company_id" in (
        said.err
    )
    assert counterfoil("connections", "remove", "beta", "--yes").code == 0
    acme.replace(beta.id, acme.company.id)
    same = counterfoil("plan", "--connection", "acme")
    assert (same.code, "connection acme exports this company already" in same.err) == (2, True)


@pytest.mark.usefixtures("acme")
def test_a_key_of_another_company_is_told_of(
    counterfoil: CommandLine, beta: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_API_KEY", beta.api_key)
    said = counterfoil("connections", "test", "acme")
    assert (said.code, "or it is for another company" in said.out) == (1, True)


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("export-jobs:read", "pending"),
        ("export-jobs:write", "pending"),
        ("export-items:read", "failed"),
    ],
)
def test_a_scope_that_a_key_lacks_is_named(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch, scope: str, status: str
) -> None:
    """By the test of its connection, and by a run, which goes as far as the key lets it."""
    acme.company.add_item()
    job = acme.export()
    weak = acme.state.add_key(acme.company.id, scopes=SCOPES - {scope})
    monkeypatch.setenv("PLEO_API_KEY", weak)
    tried = counterfoil("connections", "test", "acme")
    assert (tried.code, scope in tried.out) == (1, True)
    said = counterfoil("run", "--once")
    assert (said.code, scope in said.out) == (1, True)
    assert acme.state.job(job).status == status


def test_the_company_may_be_left_to_the_key(counterfoil: CommandLine, acme: Acme) -> None:
    """It is asked once and kept; where Pleo does not tell it, the configuration must."""
    acme.replace(f'company_id = "{acme.company.id}"\n', "")
    unknown = counterfoil("connections", "list")
    assert "its company is not known yet: counterfoil connections test acme" in unknown.out
    queue(acme.company)
    assert "completed, 1 of 1" in counterfoil("run", "--once").out
    assert acme.company.id in counterfoil("connections", "list").out
    acme.replace("env:PLEO_API_KEY", "file:other.key")
    (acme.folder / "other.key").write_text(acme.state.add_key(None))
    (acme.folder / "counterfoil.db").unlink()
    said = counterfoil("run", "--once")
    assert (said.code, "Pleo does not tell whose the credential is" in said.err) == (2, True)


def test_a_key_for_a_company_of_the_files_is_refused_and_not_kept(
    counterfoil: CommandLine, acme: Acme, beta: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its expenses would be booked in the other's books; the right key mends it."""
    counterfoil("connections", "add", "beta", *BETA)
    monkeypatch.setenv("BETA_KEY", acme.company.api_key)
    queue(acme.company)
    found = json.loads(counterfoil("doctor", "--json").out)
    wrong = [each for each in found if not each["passed"]]
    assert [(each["connection"], each["check"]) for each in wrong] == [("beta", "company")]
    said = counterfoil("run", "--once")
    assert (said.code, "which connection acme exports already" in said.out) == (1, True)
    assert said.out.count("completed, 1 of 1 items booked") == 1
    monkeypatch.setenv("BETA_KEY", beta.api_key)
    queue(beta)
    said = counterfoil("run", "--once")
    assert said.out.count("completed, 1 of 1 items booked") == 1
    monkeypatch.setenv("BETA_KEY", acme.company.api_key)
    said = counterfoil("run", "--once", "--connection", "beta")
    assert (said.code, "which connection acme exports already" in said.err) == (2, True)
    assert counterfoil("connections", "list").code == 0


def test_a_key_of_a_company_that_is_taken_is_not_added(
    counterfoil: CommandLine, acme: Acme, beta: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_KEY", acme.company.api_key)
    said = counterfoil("connections", "add", "beta", *BETA)
    assert (said.code, "which connection acme exports already" in said.err) == (2, True)
    assert "connections remove acme" not in said.err
    assert counterfoil("doctor").code == 0
    monkeypatch.setenv("BETA_KEY", beta.api_key)
    assert counterfoil("connections", "add", "beta", *BETA).code == 0


@pytest.mark.usefixtures("beta")
def test_a_name_that_the_file_has_is_not_added(counterfoil: CommandLine, acme: Acme) -> None:
    """Nor is it advised to forget what the register keeps of it."""
    said = counterfoil("connections", "add", "acme", *BETA)
    assert said.code == 2
    assert said.err.splitlines()[-1].endswith(
        "acme is in counterfoil.toml already; change it there, or choose another name"
    )
    assert "remove" not in said.err
    assert acme.ledger.exists()


def test_removing_a_connection_removes_its_webhooks_at_pleo(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the register had is gone; the file's section is left to the person."""
    monkeypatch.setenv("COUNTERFOIL_KEY", new_key())
    acme.replace("[register]", '[serve]\npublic_url = "https://books.example.com"\n\n[register]')
    assert counterfoil("webhooks", "subscribe").code == 0
    assert len(acme.state.hooks) == 1
    said = counterfoil("connections", "remove", "acme", "--yes")
    assert "Erased of acme: its webhook subscription. Jobs" in said.out
    assert "remove its [[connection]] there, too" in said.out
    assert acme.state.hooks == {}
    assert "knows nothing of acme" in counterfoil("connections", "remove", "acme", "--yes").err


def test_whoever_serves_says_who_is_held(counterfoil: CommandLine, acme: Acme) -> None:
    """A person's pause is no trouble: the service stays ready, and looks again when it is due."""
    counterfoil("connections", "pause", "acme", "--why", "audit")
    loaded = load(acme.folder / "counterfoil.toml", os.environ)
    (connection,) = loaded.connections
    with loaded.open_register() as register:
        state = ConnectionState(connection)
        state.note(drained(connection, register, bool), datetime.now(UTC))
    assert (state.state, state.broken, state.pause(300)) == (State.PAUSED, 0, 300)
    assert "(audit); counterfoil connections resume acme" in (state.error or "")


class Piped(io.StringIO):
    """Not a terminal."""


def test_a_key_is_kept_sealed_and_replaced(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never without an encryption key; a key that will not do leaves the old one as it is."""

    def set_key(key: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", Piped(f"{key}\n"))
        said = counterfoil("connections", "set-key", "acme")
        assert key not in said.out + said.err
        return said.code, said.out + said.err

    assert 'write api_key = "register"' in set_key(acme.company.api_key)[1]
    acme.replace('name = "acme"', 'name = "acme"\napi_key = "register"')
    assert "counterfoil connections set-key acme takes one" in counterfoil("run", "--once").out
    code, told = set_key(acme.company.api_key)
    assert (code, "counterfoil secrets new-key makes one" in told) == (2, True)
    monkeypatch.setenv("COUNTERFOIL_KEY", new_key())
    assert set_key(acme.company.api_key)[0] == 0
    assert acme.company.api_key.encode() not in (acme.folder / "counterfoil.db").read_bytes()
    queue(acme.company)
    assert "completed, 1 of 1" in counterfoil("run", "--once").out
    weak = acme.state.add_key(acme.company.id, scopes=["export-jobs:read"])
    code, told = set_key(weak)
    assert (code, "lacks export-jobs:write and export-items:read" in told) == (1, True)
    acme.state.revoke_key(acme.company.api_key)
    assert counterfoil("run", "--once").code == 1
    assert set_key(acme.state.add_key(acme.company.id))[0] == 0
    assert counterfoil("run", "--once").code == 0


class Replacing:
    """Revokes the key in the middle of a job, and puts another in its file."""

    def __init__(self, acme: Acme) -> None:
        self.acme = acme

    def before(self, effect: Effect) -> None:
        if effect.name == "pleo.list_export_items":
            new = self.acme.state.add_key(self.acme.company.id)
            (self.acme.folder / "pleo.key").write_text(new)
            self.acme.state.revoke_key(self.acme.company.api_key)

    def after(self, effect: Effect) -> None:
        pass


def test_a_key_revoked_in_the_middle_of_a_job_is_replaced_without_a_stop(
    counterfoil: CommandLine, acme: Acme
) -> None:
    acme.replace("env:PLEO_API_KEY", "file:pleo.key")
    (acme.folder / "pleo.key").write_text(acme.company.api_key)
    queue(acme.company)
    with observe(Replacing(acme)):
        said = counterfoil("run", "--once")
    assert (said.code, "completed, 1 of 1" in said.out) == (0, True)

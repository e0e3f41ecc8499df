"""TLS is always verified: a server of a private authority is trusted where it is configured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterfoil.cli import main
from counterfoil.config import load
from counterfoil.errors import ConfigurationError
from counterfoil.pleo.errors import PleoUnanswered
from counterfoil.pleo.retry import Retries
from counterfoil.runner.credentials import pleo_for
from counterfoil.sandbox import Company, Receipt, State
from counterfoil.sandbox.app import create_app
from counterfoil.systems.contract import BooksNotReady
from counterfoil.systems.tryton.exchange import Exchange
from tests.acme import CONFIGURATION, LEDGER
from tests.pleo.serving import served
from tests.security.authority import Authority, make_authority

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Guarded:
    """A company in a Pleo behind a certificate of a private authority, and its books."""

    company: Company
    url: str
    authority: Authority
    folder: Path

    def configure(self, ca_file: str | None) -> Path:
        text = CONFIGURATION.format(url=self.url, company_id=self.company.id)
        if ca_file is not None:
            text = text.replace("[pleo]", f'[pleo]\nca_file = "{ca_file}"')
        path = self.folder / "counterfoil.toml"
        path.write_text(text)
        return path


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    company = State().add_company()
    company.add_item(receipts=[Receipt(b"%PDF-1.4 of Acme")])
    company.state.queue_job(company.id)
    monkeypatch.setenv("PLEO_API_KEY", company.api_key)
    (tmp_path / "main.beancount").write_text(LEDGER)
    authority = make_authority(tmp_path)
    with served(create_app(company.state), (authority.certificate, authority.key)) as url:
        yield Guarded(company, url, authority, tmp_path)


def run(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(["run", "--once", "--config", str(path)])
    return capsys.readouterr().out


async def test_an_unknown_authority_is_not_trusted(guarded: Guarded) -> None:
    (connection,) = load(guarded.configure(None), {"PLEO_API_KEY": "a-key"}).connections
    async with pleo_for(connection, None, retries=Retries(attempts=1)) as pleo:
        with pytest.raises(PleoUnanswered, match="certificate verify failed"):
            await pleo.list_jobs(["pending"])
    assert [entry for entry in guarded.company.state.events if entry.kind == "request"] == []


def test_a_configured_authority_is_trusted_by_pleos_calls_and_receipts(
    guarded: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "completed, 1 of 1 items booked" in run(guarded.configure("ca.pem"), capsys)
    assert len(list((guarded.folder / "documents").rglob("*.*"))) == 1


def test_init_takes_the_authority_and_writes_it(
    guarded: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    path = guarded.configure(None)
    path.unlink()
    accounts = {"wallet": "1800", "out_of_pocket": "2900", "contra": "1899", "payable": "2000"}
    answers = {
        "pleo": guarded.url,
        "api_key": "env:PLEO_API_KEY",
        "system": "beancount",
        "options.ledger": "main.beancount",
        "currencies": "GBP",
        "timezone": "Europe/London",
        **{f"accounts.{role}": code for role, code in accounts.items()},
        "ca_file": "ca.pem",
    }
    given = [word for key, value in answers.items() for word in ("--set", f"{key}={value}")]
    with pytest.raises(SystemExit) as ended:
        main(["init", "--config", str(path), *given])
    assert (ended.value.code, capsys.readouterr().err) == (0, "")
    (connection,) = load(path, {"PLEO_API_KEY": "a-key"}).connections
    assert connection.ca_file == guarded.authority.ca


async def test_tryton_is_trusted_in_the_same_way(guarded: Guarded) -> None:
    async with Exchange(guarded.url, ca_file=guarded.authority.ca) as exchange:
        assert (await exchange.send("read", "/v3/export-jobs")).status in {401, 405}
    async with Exchange(guarded.url) as exchange:
        with pytest.raises(BooksNotReady, match="certificate verify failed"):
            await exchange.send("read", "/v3/export-jobs")
    with pytest.raises(BooksNotReady, match=r"ca_file: .*server\.key cannot be used"):
        await Exchange(guarded.url, ca_file=guarded.authority.key).__aenter__()


@pytest.mark.parametrize(
    ("file", "why"),
    [("absent.pem", "No such file or directory"), ("main.beancount", "no certificate is in it")],
)
def test_a_file_without_certificates_is_told(guarded: Guarded, file: str, why: str) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"^pleo\.ca_file: .*{file} cannot be used \({why}"
    ):
        load(guarded.configure(file), {"PLEO_API_KEY": "a-key"})

"""``counterfoil init`` where nobody can be asked: answers given beforehand, and what is written."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from counterfoil.bookkeeping.chart import Chart, ChartAccount
from counterfoil.cli.init.accounts import check_account
from counterfoil.cli.init.books import examine
from counterfoil.cli.init.given import Given
from counterfoil.cli.init.questions import Answer, Wrong
from counterfoil.cli.init.state import State
from counterfoil.config import load
from counterfoil.config.surroundings import Surroundings
from counterfoil.systems.contract import AccountingSystem, SystemKind
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow

ACCOUNTS = {"wallet": "1800", "out_of_pocket": "2900", "contra": "1899", "payable": "2000"}


@pytest.fixture
def answers(acme: Acme) -> dict[str, str]:
    """Give right answers for a company whose key says nothing of it, and no configuration yet."""
    url = tomllib.loads((acme.folder / "counterfoil.toml").read_text())["pleo"]["base_url"]
    (acme.folder / "counterfoil.toml").unlink()
    return {
        "pleo": url,
        "api_key": "env:PLEO_API_KEY",
        "company_id": acme.company.id,
        "system": "beancount",
        "name": "acme",
        "options.ledger": "main.beancount",
        "currencies": "EUR",
        **{f"accounts.{role}": code for role, code in ACCOUNTS.items()},
        "timezone": "Europe/Copenhagen",
    }


def flags(answers: dict[str, str]) -> list[str]:
    return [word for key, value in answers.items() for word in ("--set", f"{key}={value}")]


def test_what_is_written_is_a_configuration_that_the_doctor_accepts(
    counterfoil: CommandLine, acme: Acme, answers: dict[str, str]
) -> None:
    acme.company.add_item()
    job = acme.export()
    said = counterfoil("init", *flags(answers))
    assert (said.code, said.err) == (0, "")
    assert "counterfoil run --once" in said.out
    text = (acme.folder / "counterfoil.toml").read_text()
    assert len(text.splitlines()) < 40
    assert re.search(r'api_key = "env:PLEO_API_KEY" +# a reference, never the key itself', text)
    assert re.search(r'wallet = "1800" +# Assets:Pleo:Wallet', text)
    connection = tomllib.loads(text)["connection"][0]
    assert (connection["accounts"], connection["posting"]) == (ACCOUNTS, {"mode": "draft"})
    assert counterfoil("doctor").out.endswith("An export would work.\n")
    assert counterfoil("run", "--once").code == 0
    assert acme.state.job(job).status == "completed"


def test_answers_may_come_from_a_file_and_flags_come_first(
    counterfoil: CommandLine, acme: Acme, answers: dict[str, str]
) -> None:
    lines = [f'{key} = "{value}"' for key, value in answers.items()]
    (acme.folder / "answers.toml").write_text("\n".join([*lines, 'posting = "draft"']))
    assert counterfoil("init", "--answers", "answers.toml", "--set", "posting=final").code == 0
    assert 'mode = "final"' in (acme.folder / "counterfoil.toml").read_text()


def test_all_that_is_missing_is_named_at_once(counterfoil: CommandLine, here: Path) -> None:
    said = counterfoil("init", "--set", "system=beancount", "--set", "accounts.wallet.EUR=1800")
    assert said.code == 2
    assert said.err == (
        "init: there is no terminal to ask on, and no answer for pleo, api_key, timezone, "
        "options.ledger, currencies, accounts.out_of_pocket, accounts.contra, accounts.payable; "
        "give them with --set KEY=VALUE or --answers FILE\n"
    )
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("pleo", "http://pleo.example.com", "pleo: It would send the API key unencrypted"),
        ("api_key", "sandbox-key", "api_key: It can be given beforehand only as env:NAME or"),
        ("api_key", "env:NO_SUCH", "api_key: This cannot be used: the environment variable NO_"),
        ("company_id", "acme", "company_id: It is not a UUID; Pleo's id of the company"),
        ("system", "beancoun", 'system: "beancoun" is not an accounting system'),
        ("options.ledger", "other.beancount", "There is no ledger at "),
        ("options.leger", "x", "options.leger: is not asked here; did you mean options.ledger?"),
        ("currencies", "EUR, EURO", "currencies: EURO is no currency of ISO 4217"),
        ("accounts.wallet", "1801", 'accounts.wallet: the books have no account "1801"'),
        ("timezone", "Europe/Copenhaven", 'did you mean "Europe/Copenhagen"?'),
        ("posting", "maybe", "posting: It is draft or final"),
    ],
)
def test_an_answer_that_does_not_hold_is_told_and_nothing_is_written(
    counterfoil: CommandLine,
    acme: Acme,
    answers: dict[str, str],
    key: str,
    value: str,
    told: str,
) -> None:
    said = counterfoil("init", *flags({**answers, key: value}))
    assert said.code in {1, 2}
    assert told in said.err
    assert "sandbox-key" not in said.err
    assert not (acme.folder / "counterfoil.toml").exists()


def account(code: str, *currencies: str, closed: date | None = None) -> ChartAccount:
    return ChartAccount(
        id=f"id-{code}", code=code, name=f"Account {code}", closed=closed,
        currencies=frozenset(currencies), active=code != "2020",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("1890", r"^1890 \(Account 1890\) is closed since 2021-01-01\.$"),
        ("2010", r"^2010 \(Account 2010\) takes only USD, and not EUR\.$"),
        ("2020", r"^2020 \(Account 2020\) is inactive in the books\.$"),
        ("18", r'have no account "18"; .*\n  1890         Account 1890$'),
    ],
)
def test_an_account_that_cannot_serve_is_told(code: str, told: str) -> None:
    old, dollars = account("1890", closed=date(2021, 1, 1)), account("2010", "USD")
    blocked = account("2020")
    chart = Chart(accounts={each.id: each for each in (old, dollars, blocked)})
    with pytest.raises(Wrong, match=told):
        check_account(chart, code, ["EUR"])


def test_a_key_that_pleo_refuses_is_told(
    counterfoil: CommandLine, acme: Acme, answers: dict[str, str]
) -> None:
    acme.state.revoke_key(acme.company.api_key)
    said = counterfoil("init", *flags(answers))
    assert said.code == 2
    assert "api_key: GET /v1/installations/me: Pleo answered 401" in said.err


def test_the_company_is_the_one_that_pleo_says(
    counterfoil: CommandLine, acme: Acme, answers: dict[str, str]
) -> None:
    acme.company.installation = {"resource": f"urn:pleo:company:{acme.company.id}"}
    other = {**answers, "company_id": "99abc3d4-e567-890e-1234-abc56e78fabc"}
    assert "the key is for company" in counterfoil("init", *flags(other)).err
    del answers["company_id"]
    assert counterfoil("init", *flags(answers)).code == 0
    assert acme.company.id in (acme.folder / "counterfoil.toml").read_text()


def test_a_file_that_is_there_is_left_alone_until_it_is_forced(
    counterfoil: CommandLine, acme: Acme, answers: dict[str, str]
) -> None:
    path = acme.folder / "counterfoil.toml"
    path.write_text("mine")
    said = counterfoil("init", *flags(answers))
    assert (said.code, path.read_text()) == (2, "mine")
    assert "exists and is left as it is" in said.err
    assert counterfoil("init", "--force", *flags(answers)).code == 0
    assert path.read_text() != "mine"


def test_each_currency_may_have_its_own_account(
    counterfoil: CommandLine, acme: Acme, answers: dict[str, str]
) -> None:
    with acme.ledger.open("a") as ledger:
        ledger.write('2020-01-01 open Assets:Pleo:Wallet:DKK DKK\n  code: "1801"\n')
    del answers["accounts.wallet"]
    each = {"accounts.wallet.EUR": "1800", "accounts.wallet.DKK": "1801"}
    assert (
        counterfoil("init", *flags({**answers, "currencies": '["EUR", "dkk"]', **each})).code == 0
    )
    text = (acme.folder / "counterfoil.toml").read_text()
    assert 'wallet = { EUR = "1800", DKK = "1801" }\n' in text


ADAPTER = """
from pathlib import Path
from pydantic import BaseModel, Field
from counterfoil.systems.contract import SystemKind
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryBooks, MemoryLedger

class Options(BaseModel):
    book: str = Field(description="Which book.", examples=["main"])
    years: list[int] = []
    token: str = Field(description="The token.", json_schema_extra={"format": "password"})
    host: str | None = None

def _open(options, folder):
    assert options.token.startswith("env:"), "a reference"
    return MemoryBooks(MemoryLedger(chart_of("1800", "1899", "2000", "2900")))

KIND = SystemKind(name="lantern", options=Options, open=_open)
"""


def test_an_adapter_of_somebody_elses_is_asked_for_its_own_options(
    counterfoil: CommandLine,
    acme: Acme,
    answers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _install(acme.folder / "site", monkeypatch)
    own = {"system": "lantern", "options.book": "main", "options.token": "env:PLEO_API_KEY"}
    del answers["options.ledger"]
    told = counterfoil("init", *flags({**answers, "system": "lantern"}))
    assert "no answer for options.book, options.token" in told.err
    said = counterfoil("init", *flags({**answers, **own, "options.years": "[2025, 2026]"}))
    assert (said.code, said.err) == (0, "")
    (connection,) = load(acme.folder / "counterfoil.toml", {"PLEO_API_KEY": "a"}).connections
    assert connection.options.model_dump() == {
        "book": "main",
        "years": [2025, 2026],
        "token": "env:PLEO_API_KEY",
        "host": None,
    }


def _install(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = site / "lantern-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lantern\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[counterfoil.systems]\nlantern = lantern:KIND\n")
    (site / "lantern.py").write_text(ADAPTER)
    monkeypatch.syspath_prepend(site)


class Guarded(BaseModel):
    """Options with a secret."""

    token: Annotated[str, Field(json_schema_extra={"format": "password"})]


def test_a_secret_that_was_typed_is_tried_before_it_is_in_any_file(tmp_path: Path) -> None:
    tried: list[str] = []

    def open_books(options: BaseModel, folder: Path) -> AccountingSystem:
        del folder
        (token,) = options.model_dump().values()
        tried.append(os.environ[str(token).removeprefix("env:")])
        return MemoryBooks(MemoryLedger(chart_of("1800")))

    kind = SystemKind(name="guarded", options=Guarded, open=open_books)
    around = Surroundings(folder=tmp_path, environ={}, systems={"guarded": kind})
    state = State(around, Given({}))
    state.take("system", Answer(value="guarded", text="guarded"))
    state.take("options.token", Answer(value="file:token.key", secret="typed-token"))
    before = dict(os.environ)
    assert list(examine(state).accounts) == ["account-1800"]
    assert tried == ["typed-token"]
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []
    assert "typed-token" not in repr(state)

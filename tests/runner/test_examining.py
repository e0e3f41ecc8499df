"""What the doctor looks at: each check passes, and tells when what it is about is broken."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ChartTax, ChartVendor, ClosedSpan
from counterfoil.config import Config, load
from counterfoil.errors import JobFailureType
from counterfoil.register import Seal
from counterfoil.register.sealing import new_key
from counterfoil.runner.examining import Finding, Verdict, examine
from counterfoil.runner.once import run_once
from counterfoil.sandbox import Company, State
from counterfoil.sandbox.app import create_app
from counterfoil.systems.contract import Problem
from counterfoil.testing.kind import memory_kind
from counterfoil.testing.memory import ALL_CAPABLE, MemoryLedger
from tests.pleo.serving import served

CONFIGURATION = """\
[pleo]
base_url = "{url}"
api_key = "file:pleo.key"

[[connection]]
name = "acme"
company_id = "{company_id}"
system = "memory"

[connection.accounts]
wallet = {{ EUR = "1800" }}
out_of_pocket = "2900"
contra = "1899"
payable = "2000"
"""


def account(code: str) -> ChartAccount:
    return ChartAccount(id=code, code=code)


def chart() -> Chart:
    return Chart(
        accounts={code: account(code) for code in ("1800", "2900", "1899", "2000", "2201")},
        taxes={"VAT": ChartTax(code="VAT", ingoing_account="2201")},
        vendors=(ChartVendor(id="V001"),),
    )


@dataclass
class Desk:
    """A company in a Pleo, books in memory, and a configuration, each to be broken."""

    company: Company
    ledger: MemoryLedger
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent

    def config(self) -> Config:
        return load(self.path, {}, {"memory": memory_kind(self.ledger)})

    def replace(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    async def examined(self, config: Config | None = None) -> list[Finding]:
        config = config or self.config()
        return await examine(config, config.connections)

    async def told(self, config: Config | None = None) -> list[tuple[str, str, Verdict]]:
        """Give what is not right: check, message, verdict."""
        return [
            (each.check, each.message, each.verdict)
            for each in await self.examined(config)
            if each.verdict is not Verdict.RIGHT
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    company = State().add_company()
    key = tmp_path / "pleo.key"
    key.touch(mode=0o600)
    key.write_text(company.api_key)
    with served(create_app(company.state), dated=False) as url:
        path = tmp_path / "counterfoil.toml"
        path.write_text(CONFIGURATION.format(url=url, company_id=company.id))
        yield Desk(company, MemoryLedger(chart()), path)


async def test_all_is_right_and_nothing_is_changed(desk: Desk) -> None:
    company = desk.company
    company.add_item()
    job = company.state.queue_job(company.id)
    before = company.state.job(job).as_json()
    findings = await desk.examined()
    assert [(each.check, each.verdict) for each in findings] == [
        (check, Verdict.RIGHT)
        for check in (
            *("secrets", "register", "Pleo", "scopes", "company", "jobs", "clock"),
            *("books", "settings", "accounts", "tax codes", "vendors", "periods", "attachments"),
        )
    ]
    assert {each.connection for each in findings} == {None, "acme"}
    assert company.state.job(job).as_json() == before
    assert company.installation is None
    assert sorted(path.name for path in desk.folder.iterdir()) == ["counterfoil.toml", "pleo.key"]
    assert {call for call, _ in desk.ledger.calls} == {"ready", "chart"}


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE, "books reachable"),
        (JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE, "books credentials"),
        (JobFailureType.AUTHORIZATION_FAILURE, "books permission"),
        (JobFailureType.INVALID_CONFIGURATION, "books"),
    ],
)
async def test_books_that_are_not_ready_are_told_with_what_pleo_would_be(
    desk: Desk, kind: JobFailureType, check: str
) -> None:
    desk.ledger.problems = [Problem(message="Mend it.", failure_type=kind)]
    (finding,) = [each for each in await desk.examined() if not each.passed]
    assert (finding.check, finding.message, finding.failure_type) == (check, "Mend it.", kind)


async def test_books_that_break_while_they_are_read_are_told(desk: Desk) -> None:
    desk.ledger.interrupt("chart")
    told = await desk.told()
    assert told == [("books reachable", "the books do not answer", Verdict.WRONG)]


def close(desk: Desk, **changes: object) -> None:
    accounts = dict(desk.ledger.chart.accounts)
    accounts["1800"] = replace(accounts["1800"], **changes)  # type: ignore[arg-type]
    desk.ledger.chart = replace(desk.ledger.chart, accounts=accounts)


async def test_an_account_that_the_books_do_not_have_is_told(desk: Desk) -> None:
    desk.replace('"2900"', '"2901"')
    ((check, message, verdict),) = await desk.told()
    assert (check, verdict) == ("settings", Verdict.WRONG)
    assert '[connection.accounts] out_of_pocket: the books have no account "2901"' in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"closed": date(2021, 1, 1)}, r"1800.* is closed from 2021-01-01 on: open it"),
        ({"currencies": frozenset({"DKK"})}, r"1800.* takes DKK, not EUR: let it take EUR"),
    ],
)
async def test_an_account_that_takes_no_posting_is_told(
    desk: Desk, changes: dict[str, object], message: str
) -> None:
    close(desk, **changes)
    (finding,) = [each for each in await desk.examined() if each.verdict is not Verdict.RIGHT]
    assert (finding.check, finding.verdict) == ("accounts", Verdict.WRONG)
    with pytest.raises(ValueError, match=message):
        raise ValueError(finding.message)


def no_payable(desk: Desk) -> None:
    desk.replace('payable = "2000"\n', "")


def no_payable_and_no_vendors(desk: Desk) -> None:
    no_payable(desk)
    desk.ledger.chart = replace(desk.ledger.chart, vendors=())


def no_taxes(desk: Desk) -> None:
    desk.ledger.chart = replace(desk.ledger.chart, taxes={})


def a_tax_without_its_account(desk: Desk) -> None:
    lost = ChartTax(code="VAT", ingoing_account="2209")
    desk.ledger.chart = replace(desk.ledger.chart, taxes={"VAT": lost})


def a_closed_day(desk: Desk) -> None:
    closed = ClosedSpan(first=None, last=date(2999, 12, 31))
    desk.ledger.chart = replace(desk.ledger.chart, closed=(closed,))


def no_attachments(desk: Desk) -> None:
    desk.ledger.capabilities = replace(ALL_CAPABLE, attachments=None)


def advice(desk: Desk) -> None:
    desk.ledger.capabilities = replace(ALL_CAPABLE, advice="Install the module.")


def an_open_key(desk: Desk) -> None:
    (desk.folder / "pleo.key").chmod(0o644)


@pytest.mark.parametrize(
    ("break_it", "check", "message"),
    [
        (no_payable, "accounts", "has no payable: an expense that needs it fails"),
        (no_payable_and_no_vendors, "vendors", "expenses under accounts payable fail"),
        (no_taxes, "tax codes", "the books have none"),
        (a_tax_without_its_account, "tax codes", "VAT goes to 2209, which takes nothing"),
        (a_closed_day, "periods", 'set [connection.periods] closed = "next_open"'),
        (no_attachments, "attachments", "receipts are required, and these books take none"),
        (advice, "advice", "Install the module."),
        (an_open_key, "secrets", "pleo.key: chmod 600 "),
    ],
)
async def test_what_harms_single_expenses_or_secrets_is_a_warning(
    desk: Desk, break_it: Callable[[Desk], None], check: str, message: str
) -> None:
    break_it(desk)
    told = {name: (text, verdict) for name, text, verdict in await desk.told()}
    assert message in told[check][0]
    assert {verdict for _, verdict in told.values()} == {Verdict.WARNING}


async def test_what_is_allowed_for_is_no_warning(desk: Desk) -> None:
    no_attachments(desk)
    a_closed_day(desk)
    desk.replace(
        '"memory"\n', '"memory"\nreceipts.policy = "best_effort"\nperiods.closed = "next_open"\n'
    )
    assert await desk.told() == []


async def test_scopes_that_a_key_lacks_are_named(desk: Desk) -> None:
    company = desk.company
    key = company.state.add_key(company.id, scopes=["export-jobs:read"])
    (desk.folder / "pleo.key").write_text(key)
    told = await desk.told()
    lacks = "the key lacks export-jobs:write, export-items:read: give it these scopes in Pleo"
    assert told == [("scopes", lacks, Verdict.WRONG)]


async def test_a_key_of_another_company_is_told(desk: Desk) -> None:
    other = desk.company.state.add_company("Globex")
    (desk.folder / "pleo.key").write_text(other.api_key)
    other.installation = {"resource": f"urn:pleo:company:{other.id}"}
    scopes, whose = await desk.told()
    assert "or it is for another company" in scopes[1]
    mine = f"the key is of company {other.id}; set company_id to it"
    assert whose == ("company", mine, Verdict.WRONG)


async def test_a_clock_that_is_off_is_told(desk: Desk) -> None:
    desk.company.state.clock.advance(timedelta(minutes=10))
    ((check, message, verdict),) = await desk.told()
    assert (check, verdict) == ("clock", Verdict.WRONG)
    assert "seconds behind Pleo's" in message


async def test_a_paused_connection_is_told(desk: Desk) -> None:
    with desk.config().open_register() as register:
        register.pauses.pause("acme", "moving house", now=datetime(2026, 3, 1, tzinfo=UTC))
    ((check, message, verdict),) = await desk.told()
    assert (check, verdict) == ("pause", Verdict.WARNING)
    assert "paused since 2026-03-01 00:00 UTC (moving house); counterfoil conn" in message


async def test_each_file_with_a_secret_is_looked_at(desk: Desk) -> None:
    desk.replace(
        'api_key = "file:pleo.key"\n',
        """\

[notify]
url = "file:notify.url"
token = "file:notify.token"

[pleo.oauth]
client_id = "us"
client_secret = "file:client.secret"
redirect_uri = "http://127.0.0.1:8892/oauth/callback"
""",
    )
    names = ("client.secret", "notify.token", "notify.url")
    for name in names:
        (desk.folder / name).write_text("https://example.com/secret")
        (desk.folder / name).chmod(0o644)
    told = [message for check, message, _ in await desk.told() if check == "secrets"]
    assert [message.rpartition(" ")[2] for message in told] == [
        str(desk.folder / name) for name in names
    ]


async def test_whether_items_are_sealed_is_told(desk: Desk) -> None:
    config = desk.config()
    for seal, words in ((Seal(), "kept in the clear"), (Seal([new_key()]), "kept sealed")):
        with replace(config, seal=seal).open_register():
            pass
        findings = await desk.examined(replace(config, seal=seal))
        assert words in next(each.message for each in findings if each.check == "register")


async def test_a_register_of_an_older_schema_is_told_and_left_as_it_is(desk: Desk) -> None:
    desk.config().open_register().__exit__(None, None, None)
    assert await desk.told() == []
    database = sqlite3.connect(desk.folder / "counterfoil.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    ((check, message, verdict),) = await desk.told()
    assert (check, verdict) == ("register", Verdict.WARNING)
    assert "has schema 0001" in message
    assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    ((check, message, verdict),) = await desk.told()
    assert (check, verdict) == ("register", Verdict.WRONG)
    assert "a newer Counterfoil works with it" in message


async def test_a_register_that_was_sealed_is_told_where_the_key_is_missing(desk: Desk) -> None:
    config = desk.config()
    with replace(config, seal=Seal([new_key()])).open_register():
        pass
    ((check, message, verdict),) = await desk.told(config)
    assert (check, verdict) == ("register", Verdict.WRONG)
    assert "there is no encryption key: put the right one in COUNTERFOIL_KEY" in message


async def test_a_connection_that_was_bound_to_other_books_is_told(desk: Desk) -> None:
    desk.company.add_item(account="2201", currency="EUR")
    desk.company.state.queue_job(desk.company.id)
    await run_once(desk.config())
    desk.ledger.name = "other books"
    told = await desk.told()
    assert [(check, verdict) for check, _, verdict in told] == [("binding", Verdict.WRONG)]

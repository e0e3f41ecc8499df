"""Settings that do not fit the books fail the job, before any item is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.bookkeeping.chart import Chart, ChartAccount
from counterfoil.bookkeeping.settings import Accounts, Settings
from counterfoil.bookkeeping.validate import settings_problems
from tests.book.books import CHART, SETTINGS, changed_chart


def with_accounts(**accounts: str | dict[str, str] | None) -> Settings:
    return replace(SETTINGS, accounts=replace(SETTINGS.accounts, **accounts))


def test_settings_that_fit_have_no_problems() -> None:
    assert settings_problems(CHART, SETTINGS) == []


def test_accounts_that_are_not_set_are_no_problem_yet() -> None:
    assert settings_problems(CHART, Settings(accounts=Accounts())) == []


@pytest.mark.parametrize("key", ["wallet", "out_of_pocket", "contra", "payable"])
def test_an_account_that_the_books_do_not_have_is_named_with_its_key(key: str) -> None:
    (problem,) = settings_problems(CHART, with_accounts(**{key: "9999"}))
    assert f"[connection.accounts] {key}" in problem
    assert "9999" in problem


def test_each_currencys_account_is_looked_up() -> None:
    settings = with_accounts(wallet={"GBP": "1800", "EUR": "9999", "eur": "1801"})
    assert [problem.split(":")[0] for problem in settings_problems(CHART, settings)] == [
        "[connection.accounts] wallet.EUR",
        "[connection.accounts] wallet",
    ]


def test_a_code_that_two_accounts_claim_is_named_with_both() -> None:
    double = ChartAccount(id="Assets:Other", code="1800")
    chart = Chart(accounts={**CHART.accounts, double.id: double})
    (problem,) = settings_problems(chart, SETTINGS)
    assert "Assets:Pleo:Wallet, Assets:Other" in problem


def test_an_inactive_account_is_named() -> None:
    chart = changed_chart(CHART, {"accounts": {"1800": {"active": False}}})
    (problem,) = settings_problems(chart, SETTINGS)
    assert "wallet" in problem
    assert "inactive" in problem


def test_codes_must_lead_to_accounts_of_the_books() -> None:
    settings = replace(SETTINGS, codes={"7000": "6300", "7100": "9999"})
    (problem,) = settings_problems(CHART, settings)
    assert problem.startswith('[connection.codes] "7100"')


@pytest.mark.parametrize("template", ["{supplier} {colour}", "{note", "{note!r}", "{0}"])
def test_a_template_may_only_name_what_there_is(template: str) -> None:
    (problem,) = settings_problems(CHART, replace(SETTINGS, description=template))
    assert problem.startswith("[connection] description: ")


def own_row(credit: str) -> Settings:
    part = {"part": "entry", "debit": "wallet", "credit": credit}
    return replace(SETTINGS, table_overrides=({"types": ["cashback"], "parts": [part]},))


def test_an_own_rows_account_must_be_in_the_books() -> None:
    assert settings_problems(CHART, own_row("account:8100")) == []
    (problem,) = settings_problems(CHART, own_row("account:9999"))
    assert problem.startswith("[[connection.booking]]")


def test_an_own_row_must_make_sense() -> None:
    (problem,) = settings_problems(CHART, own_row("wallet"))
    assert "two different sides" in problem

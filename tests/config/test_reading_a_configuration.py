"""A configuration file that is right: what the program gets out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from counterfoil.bookkeeping.settings import (
    Accounts,
    ClosedPeriods,
    NegativeTotals,
    PostingMode,
    Settings,
    UnmatchedVendor,
)
from counterfoil.config import Config, Connection, OnChange, ReceiptPolicy, Secret, load
from counterfoil.errors import ConfigurationError
from tests.config.conftest import ENVIRONMENT, KIND

DESIGNED = """\
[pleo]
base_url = "https://external.pleo.io"     # or environment = "production" | "staging"
api_key = "env:PLEO_API_KEY"              # a connection may have its own

[register]
url = "sqlite:///counterfoil.db"

[[connection]]
name = "acme"
company_id = "12abc3d4-e567-890e-1234-abc56e78fabc"
system = "beancount"
timezone = "Europe/Copenhagen"

[connection.options]
ledger = "books/main.beancount"

[connection.accounts]
wallet = "1800"
out_of_pocket = "2900"
contra = "1899"
payable = "2000"

[connection.posting]
mode = "draft"

[connection.periods]
closed = "fail"
"""

Loader = Callable[[str], Config]


def key_of(connection: Connection) -> Secret:
    assert connection.api_key is not None
    return connection.api_key


def only(config: Config) -> Connection:
    (connection,) = config.connections
    return connection


def test_the_documented_file_works_as_it_stands(load_text: Loader) -> None:
    connection = only(load_text(DESIGNED))
    assert (connection.name, connection.environment) == ("acme", "production")
    assert key_of(connection).reveal() == "key-from-environment"
    assert connection.settings.zone == ZoneInfo("Europe/Copenhagen")
    assert connection.settings.accounts.contra == "1899"
    assert connection.settings.posting is PostingMode.DRAFT


def test_relative_paths_start_at_the_files_own_folder(load_text: Loader, tmp_path: Path) -> None:
    config = load_text(DESIGNED)
    assert config.register_url == f"sqlite:///{tmp_path}/counterfoil.db"
    assert only(config).folder == tmp_path


def test_a_register_on_postgresql_is_named_with_its_password_elsewhere(
    load_with: Callable[[str, Mapping[str, str]], Config],
) -> None:
    urls = {
        "REGISTER": "postgresql://clerk:hunter2@pooler/counterfoil",
        "DIRECT": "postgres://clerk:hunter2@db/counterfoil",
    }
    text = DESIGNED.replace(
        'url = "sqlite:///counterfoil.db"',
        'url = "env:REGISTER"\ndirect_url = "env:DIRECT"\nkeep_items = "30 days"',
    )
    config = load_with(text, {**ENVIRONMENT, **urls})
    assert (config.register_url, config.register_direct_url) == tuple(urls.values())
    assert config.keep_items == timedelta(days=30)
    assert "hunter2" not in repr(config)


def test_what_is_left_out_has_a_careful_default(load_text: Loader) -> None:
    connection = only(load_text(minimal()))
    settings = connection.settings
    assert settings.zone == ZoneInfo("UTC")
    assert (settings.closed, settings.negative) == (ClosedPeriods.FAIL, NegativeTotals.FAIL)
    assert (connection.on_change, settings.posting) == (OnChange.FAIL, PostingMode.DRAFT)
    assert connection.receipts.policy is ReceiptPolicy.REQUIRE
    assert settings.description == Settings(accounts=Accounts()).description


def minimal(pleo: str = 'environment = "staging"', more: str = "") -> str:
    return f"""\
[pleo]
{pleo}
api_key = "env:PLEO_API_KEY"

[[connection]]
name = "acme"
company_id = "12abc3d4-e567-890e-1234-abc56e78fabc"
system = "beancount"
{more}
[connection.options]
ledger = "books/main.beancount"
"""


OPTIONAL = """\
unmatched_vendor = "fallback"
description = "{note}"
on_change = "keep"
accounts.wallet = { GBP = "1800", EUR = "1801" }
posting.mode = "final"
periods = { closed = "next_open", closed_through = 2025-12-31 }
signs.negative = "reverse"
receipts = { policy = "best_effort", hosts = ["Files.Example.com"] }
codes = { "6100" = "6105" }
"""


def test_every_optional_setting_reaches_the_connection(load_text: Loader) -> None:
    connection = only(load_text(minimal(more=OPTIONAL)))
    settings = connection.settings
    assert settings.unmatched_vendor is UnmatchedVendor.FALLBACK
    assert settings.description == "{note}"
    assert settings.accounts.wallet == {"GBP": "1800", "EUR": "1801"}
    assert settings.posting is PostingMode.FINAL
    assert settings.closed is ClosedPeriods.NEXT_OPEN
    assert settings.closed_through == date(2025, 12, 31)
    assert settings.negative is NegativeTotals.REVERSE
    assert settings.codes == {"6100": "6105"}
    assert connection.on_change is OnChange.KEEP
    assert connection.receipts.policy is ReceiptPolicy.BEST_EFFORT
    assert connection.receipts.hosts == ("files.example.com",)


@pytest.mark.parametrize(
    ("pleo", "address", "environment"),
    [
        ('environment = "production"', "https://external.pleo.io", "production"),
        ('environment = "staging"', "https://external.staging.pleo.io", "staging"),
        ('base_url = "https://external.pleo.io/"', "https://external.pleo.io", "production"),
        ('base_url = "http://127.0.0.1:8123"', "http://127.0.0.1:8123", "127.0.0.1"),
        ('base_url = "http://pleo:80/api"', "http://pleo:80/api", "pleo"),
    ],
)
def test_pleo_is_named_by_environment_or_address(
    load_text: Loader, pleo: str, address: str, environment: str
) -> None:
    connection = only(load_text(minimal(pleo)))
    assert (connection.base_url, connection.environment) == (address, environment)


def test_a_connection_may_have_a_key_of_its_own(load_text: Loader, tmp_path: Path) -> None:
    (tmp_path / "acme.key").write_text("key-from-file\n")
    connection = only(load_text(minimal(more='api_key = "file:acme.key"')))
    assert key_of(connection).reveal() == "key-from-file"


def test_a_secret_shows_itself_nowhere(load_text: Loader) -> None:
    config = load_text(DESIGNED)
    assert "key-from-environment" not in f"{config} {config!r} {only(config).api_key}"


def test_without_secrets_a_missing_one_is_told_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "counterfoil.toml").write_text(DESIGNED)
    key = key_of(only(load(tmp_path / "counterfoil.toml", {}, {"beancount": KIND}, secrets=False)))
    with pytest.raises(ConfigurationError, match="api_key: the environment variable PLEO_API_KEY"):
        key.reveal()


def test_without_secrets_one_that_is_there_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "counterfoil.toml").write_text(DESIGNED)
    environ = {"PLEO_API_KEY": "a-key"}
    config = load(tmp_path / "counterfoil.toml", environ, {"beancount": KIND}, secrets=False)
    assert key_of(only(config)).reveal() == "a-key"


def test_companies_may_share_books(load_text: Loader) -> None:
    first, _, second = minimal().partition("[[connection]]")
    other = second.replace("acme", "globex").replace("12abc3d4", "99abc3d4")
    assert len(load_text(f"{first}[[connection]]{second}[[connection]]{other}").connections) == 2


def test_the_environment_is_the_one_given(
    load_with: Callable[[str, Mapping[str, str]], Config],
) -> None:
    connection = only(load_with(DESIGNED, {"PLEO_API_KEY": "another-key"}))
    assert key_of(connection).reveal() == "another-key"


OAUTH = """
[pleo.oauth]
client_id = "us"
client_secret = "env:CLIENT_SECRET"
redirect_uri = "http://127.0.0.1:8892/oauth/callback"
"""


@pytest.mark.parametrize(
    ("pleo", "auth_url"),
    [
        ('environment = "production"', "https://auth.pleo.io"),
        ('environment = "staging"', "https://auth.staging.pleo.io"),
        ('base_url = "https://external.pleo.io"', "https://auth.pleo.io"),
        ('base_url = "http://127.0.0.1:8890"', "http://127.0.0.1:8890"),
    ],
)
def test_oauth_answers_where_each_pleo_has_it(
    load_with: Callable[[str, Mapping[str, str]], Config], pleo: str, auth_url: str
) -> None:
    text = DESIGNED[DESIGNED.index("[register]") :]
    settings = only(load_with(f"[pleo]\n{pleo}\n{OAUTH}\n{text}", {"CLIENT_SECRET": "hush"})).oauth
    assert settings is not None
    assert (settings.auth_url, settings.client_id) == (auth_url, "us")
    assert settings.client_secret.reveal() == "hush"
    assert "hush" not in repr(settings)


def test_a_connection_with_a_key_of_its_own_uses_it_instead_of_oauth(
    load_with: Callable[[str, Mapping[str, str]], Config],
) -> None:
    text = DESIGNED[DESIGNED.index("[register]") :].replace(
        'name = "acme"', 'name = "acme"\napi_key = "env:OWN"'
    )
    environ = {"CLIENT_SECRET": "hush", "OWN": "own-key"}
    found = only(load_with(f'[pleo]\nenvironment = "staging"\n{OAUTH}\n{text}', environ))
    assert (key_of(found).reveal(), found.oauth) == ("own-key", None)


@pytest.mark.parametrize("url", ["http://hooks.example.com/x", "https://hooks.example.com/x"])
def test_people_are_told_in_the_clear_on_private_hosts_alone(
    load_with: Callable[[str, Mapping[str, str]], Config], url: str
) -> None:
    environ = {"PLEO_API_KEY": "key", "HOOK": url}
    text = f'[notify]\nurl = "env:HOOK"\n\n{DESIGNED}'
    if url.startswith("https"):
        assert load_with(text, environ).notify is not None
        return
    with pytest.raises(ConfigurationError, match=r"notify\.url: .*http is for private hosts only"):
        load_with(text, environ)

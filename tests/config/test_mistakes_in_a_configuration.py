"""A configuration file that is wrong: every mistake is told, with its key and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from counterfoil.config import Config, load
from counterfoil.errors import ConfigurationError

RIGHT = """\
[pleo]
environment = "staging"
api_key = "env:PLEO_API_KEY"

[register]
url = "sqlite:///counterfoil.db"

[[connection]]
name = "acme"
company_id = "12abc3d4-e567-890e-1234-abc56e78fabc"
system = "beancount"
timezone = "Europe/Copenhagen"
options.ledger = "books/main.beancount"
accounts.wallet = "1800"
"""

URL_RIGHT = '"https://external.pleo.io" would be right'

Loader = Callable[[str], Config]


def problems(load_text: Loader, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text)
    return caught.value.problems


def changed(line: str) -> str:
    """Put a line in the place of the one that sets the same key, or at the end."""
    key = line.partition(" = ")[0]
    lines = RIGHT.splitlines()
    kept = [line if each.partition(" = ")[0] == key else each for each in lines]
    return "\n".join(kept if kept != lines else [*lines, line])


TABLE = """\
environment = "prod"
    pleo.environment: is "prod"; "production" or "staging" would be right
api_key = "sk_live_1234"
    pleo.api_key: is not a reference, and secrets do not belong in this file; write "env:NAME"
    (an environment variable) or "file:PATH"
api_key = 1234
    pleo.api_key: is not a reference, and secrets do not belong in this file; write "env:NAME"
    (an environment variable) or "file:PATH"
api_key = "env:MISSING"
    pleo.api_key: the environment variable MISSING is not set; set it to the secret
api_key = "env:EMPTY"
    pleo.api_key: the environment variable EMPTY is empty; set it to the secret
api_key = "env:$KEY"
    pleo.api_key: does not name an environment variable; "env:PLEO_API_KEY" would
api_key = "env:TWO_WORDS"
    pleo.api_key: the environment variable TWO_WORDS is not one word of plain letters; put the
    secret there, alone
url = "counterfoil.db"
    register.url: is of neither form, sqlite:///PATH or postgresql://USER@HOST/DATABASE;
    "sqlite:///counterfoil.db" would be right
url = "postgresql://clerk@db.example.com"
    register.url: does not name a database of PostgreSQL; "postgresql://USER@HOST/DATABASE"
    would be right
url = "postgresql://db.example.com:port/counterfoil"
    register.url: is not a URL; "postgresql://USER@HOST/DATABASE" would be right
url = "postgresql://clerk:hunter2@db.example.com/counterfoil"
    register.url: holds a password, and secrets do not belong in this file; put the whole URL in
    an environment variable and write "env:NAME"
url = "postgresql://clerk@db.example.com/counterfoil?password=hunter2"
    register.url: holds a password, and secrets do not belong in this file; put the whole URL in
    an environment variable and write "env:NAME"
url = "env:MISSING"
    register.url: the environment variable MISSING is not set; set it to the secret
name = "a/b"
    connection[a/b].name: is not a name; a short name of letters, digits, "-", "_" and "." would
    be right, such as "acme"
company_id = "12abc3d4"
    connection[acme].company_id: is not a UUID; Pleo's id of the company, such as
    12abc3d4-e567-890e-1234-abc56e78fabc, would be right
company_id = true
    connection[acme].company_id: is not a text; Pleo's id of the company, such as
    12abc3d4-e567-890e-1234-abc56e78fabc, would be right
company_id = ""
    connection[acme].company_id: is empty; Pleo's id of the company, such as
    12abc3d4-e567-890e-1234-abc56e78fabc, would be right
system = "beancont"
    connection[acme].system: "beancont" is not an accounting system that is installed; did you
    mean "beancount"? (installed: "beancount")
system = "sap"
    connection[acme].system: "sap" is not an accounting system that is installed; installed:
    "beancount"
timezone = "europe/kopenhagen"
    connection[acme].timezone: "europe/kopenhagen" is not a time zone; did you mean
    "Europe/Copenhagen"?
timezone = "../zone"
    connection[acme].timezone: "../zone" is not a time zone; "Europe/Copenhagen" would be one
options.ledger = 12
    connection[acme].options.ledger: is a number; write it as text, in quotes
options.page = "fava"
    connection[acme].options.page: does not have the right shape: Where it is shown, with https://
options.ledgr = "x"
    connection[acme].options.ledgr: is not a setting; did you mean "ledger"?
options.lines = "x"
    connection[acme].options.lines: input should be a valid integer, unable to parse string as
    an integer
accounts.wallet = 1800
    connection[acme].accounts.wallet: is a number; write it as text, in quotes
accounts.wallet = []
    connection[acme].accounts.wallet: is not a text; an account's code such as "1800", or { EUR
    = "1801", GBP = "1800" }, would be right
accounts.wallet = {}
    connection[acme].accounts.wallet: names no currency; an account's code such as "1800", or {
    EUR = "1801", GBP = "1800" }, would be right
accounts.wallet = { euro = "1801" }
    connection[acme].accounts.wallet.euro: is not a currency; an ISO 4217 code such as EUR is
accounts.wallet = { EUR = 1801 }
    connection[acme].accounts.wallet.EUR: is a number; write it as text, in quotes
accounts.walet = "1800"
    connection[acme].accounts.walet: is not a setting; did you mean "wallet"?
posting.mode = "posted"
    connection[acme].posting.mode: is "posted"; "draft" or "final" would be right
posting = "final"
    connection[acme].posting: is a text; a table of settings would be right
posting.closed = "fail"
    connection[acme].posting.closed: is not a setting here; it belongs in the table periods
accounts.on_change = "keep"
    connection[acme].accounts.on_change: is not a setting here; it belongs in the table above
periods.closed_through = "2025-12-31"
    connection[acme].periods.closed_through: is a text; a date without quotes (2025-12-31) would
    be right
signs.negative = false
    connection[acme].signs.negative: is true or false; "fail" or "reverse" would be right
receipts.policy = "always"
    connection[acme].receipts.policy: is "always"; "require" or "best_effort" would be right
receipts.hosts = "files.example.com"
    connection[acme].receipts.hosts: is a text; a list in square brackets would be right
receipts.hosts = ["a.example", "https://b.example/c"]
    connection[acme].receipts.hosts[2]: is not a host; a host such as "files.example.com",
    without https:// and path, would be right
codes = "6100"
    connection[acme].codes: is not a table; lines such as "6100" = "6105" would be right
codes.6100 = 6105
    connection[acme].codes.6100: is a number; write it as text, in quotes
booking = "x"
    connection[acme].booking: is not a list of tables; [[connection.booking]] above each would be
    right
description = "{supplier} {amount}"
    connection[acme].description: unknown field "{amount}"; there are supplier, vendor, user, team,
    note, type, invoice_number, reconciliation_id
on_change = "redo"
    connection[acme].on_change: is "redo"; "fail", "keep" or "amend" would be right
unmatched_vendor = "skip"
    connection[acme].unmatched_vendor: is "skip"; "fail" or "fallback" would be right
currency = "EUR"
    connection[acme].currency: is not a setting; known here: accounts, api_key, booking, bridge,
    codes, company_id, description, name, on_change, options, periods, posting, receipts, signs,
    system, timezone, unmatched_vendor
"""


def mistakes() -> list[tuple[str, str]]:
    """Read the table: a wrong line, and what is told of it, indented below."""
    rows = re.findall(r"^(\S.*)\n((?: {4}.*\n)+)", TABLE, re.MULTILINE)
    return [(line, " ".join(told.split())) for line, told in rows]


@pytest.mark.parametrize(("line", "told"), mistakes())
def test_a_mistake_is_told_with_its_key_and_the_remedy(
    load_text: Loader, line: str, told: str
) -> None:
    assert problems(load_text, changed(line)) == (told,)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('environment = "staging"', 'add environment = "production" (or "staging")'),
        ('api_key = "env:PLEO_API_KEY"', 'add api_key = "env:PLEO_API_KEY" to [pleo]'),
        ('name = "acme"', 'connection[1].name: is missing; add name = "acme"'),
        ('system = "beancount"', 'connection[acme].system: is missing; add system = "beancount"'),
        ('options.ledger = "books/main.beancount"', "connection[acme].options.ledger: is missing"),
    ],
)
def test_what_is_missing_is_told(load_text: Loader, line: str, told: str) -> None:
    (problem,) = problems(load_text, RIGHT.replace(f"{line}\n", ""))
    assert told in problem


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("http://external.pleo.io", "would send the API key unencrypted"),
        ("http://8.8.8.8", "would send the API key unencrypted"),
        ("external.pleo.io", "is not an address of the form https://HOST"),
        ("ftp://external.pleo.io", "is not an address of the form https://HOST"),
        ("https://", "is not an address of the form https://HOST"),
        ("https://host:port", "is not a URL"),
        ("https://key@external.pleo.io", "must name a host only"),
        ("https://external.pleo.io?x=1", "must name a host only"),
    ],
)
def test_an_address_that_is_unsafe_or_none_is_refused(
    load_text: Loader, address: str, wrong: str
) -> None:
    text = RIGHT.replace('environment = "staging"', f'base_url = "{address}"')
    (problem,) = problems(load_text, text)
    assert problem.startswith(f"pleo.base_url: {wrong}")
    assert problem.endswith(URL_RIGHT)


def test_own_booking_rows_are_checked_as_the_bookkeeping_checks_them(load_text: Loader) -> None:
    row = '{ types = ["fee"], parts = [{ part = "entry", debit = "lunch", credit = "wallet" }] }'
    (problem,) = problems(load_text, changed(f"booking = [{row}]"))
    assert problem.startswith('connection[acme].booking[1]: debit "lunch" must be one of lines')


def test_pleo_is_named_once(load_text: Loader) -> None:
    text = RIGHT.replace("[pleo]", '[pleo]\nbase_url = "https://external.pleo.io"')
    assert problems(load_text, text) == (
        "pleo.environment: stands beside base_url; keep one of the two",
    )


def test_every_mistake_is_told_at_once(load_text: Loader) -> None:
    text = RIGHT.replace("staging", "prod").replace("12abc3d4-", "").replace('"1800"', "1800")
    text = text.replace("Copenhagen", "Nowhere").replace("sqlite:", "mysql:") + "\nshadow = true"
    assert [problem.partition(":")[0] for problem in problems(load_text, text)] == [
        "pleo.environment",
        "register.url",
        "connection[acme].company_id",
        "connection[acme].timezone",
        "connection[acme].accounts.wallet",
        "connection[acme].shadow",
    ]


def test_a_plain_secret_is_not_repeated(load_text: Loader) -> None:
    told = problems(load_text, changed('api_key = "sk_live_1234"'))
    assert "sk_live_1234" not in "".join(told)


def test_two_connections_need_two_names(load_text: Loader) -> None:
    section = RIGHT.partition("[[connection]]")[2].replace("12abc3d4", "99abc3d4")
    assert problems(load_text, f"{RIGHT}[[connection]]{section}") == (
        'connection[2].name: "acme" is taken; give each connection its own name',
    )


def test_a_section_that_is_no_table_is_told(load_text: Loader) -> None:
    told = problems(load_text, "pleo = 1\nregistre = 2\nconnection = []")
    assert told == (
        "pleo: is not a section; a table under its name in square brackets would be right",
        "connection: is not a list of tables; one [[connection]] for each company would be right",
        'registre: is not a setting; did you mean "register"?',
    )


def test_a_connection_in_single_brackets_is_told(load_text: Loader) -> None:
    told = problems(load_text, RIGHT.replace("[[connection]]", "[connection]"))
    assert told == ("connection: is a single table; write [[connection]] with double brackets",)


def test_an_empty_file_is_told_what_it_needs(load_text: Loader) -> None:
    pleo, connection = problems(load_text, "")
    assert pleo.startswith('pleo: is missing; add [pleo] with environment = "production" and ')
    assert connection.startswith("connection: is missing; add [[connection]] with name, ")


def test_broken_toml_is_told_with_its_line(load_text: Loader, tmp_path: Path) -> None:
    (problem,) = problems(load_text, "[pleo]\nenvironment staging")
    assert problem.startswith(f"{tmp_path / 'counterfoil.toml'}: is not TOML: ")
    assert "line 2" in problem


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "counterfoil.toml"
    path.write_bytes('name = "Søren"'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match="is not UTF-8; save it as UTF-8"):
        load(path, {})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist; name the configuration file"):
        load(tmp_path / "absent.toml", {})


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "does not exist"),
        (b"", "is not one word of plain letters"),
        (b"two\nlines", "is not one word of plain letters"),
        (b"\xff", "cannot be read (not UTF-8)"),
    ],
)
def test_a_secret_file_that_holds_none_is_told(
    load_text: Loader, tmp_path: Path, content: bytes | None, wrong: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    (problem,) = problems(load_text, changed('api_key = "file:key"'))
    assert problem.startswith(f"pleo.api_key: the file {tmp_path / 'key'} {wrong}")


def test_the_register_is_a_file(load_text: Loader, tmp_path: Path) -> None:
    told = problems(load_text, changed('url = "sqlite:///."'))
    assert told == (f"register.url: {tmp_path} is a folder; name a file in it",)


DAYS_RIGHT = (
    'register.keep_items: is not a number of days; a number of days such as "400 days" would be '
    "right"
)


def with_register(*lines: str) -> str:
    return RIGHT.replace('url = "sqlite:///counterfoil.db"', "\n".join(lines))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ['direct_url = "postgresql://db.example.com/counterfoil"'],
            (
                "register.direct_url: stands beside a url that is a file; it belongs to a "
                "register on PostgreSQL, so remove it or let url name that"
            ),
        ),
        (
            ['url = "postgresql://pooler/counterfoil"', 'direct_url = "sqlite:///counterfoil.db"'],
            (
                "register.direct_url: does not name a database of PostgreSQL; "
                '"postgresql://USER@HOST/DATABASE" would be right'
            ),
        ),
        (
            ['keep_items = "13 months"'],
            DAYS_RIGHT,
        ),
        (
            ['keep_items = "0 days"'],
            DAYS_RIGHT,
        ),
        (["keep_items = 400"], "register.keep_items: is a number; write it as text, in quotes"),
    ],
)
def test_a_register_that_cannot_be_is_told(load_text: Loader, lines: list[str], told: str) -> None:
    assert problems(load_text, with_register(*lines)) == (told,)


def test_a_common_key_and_oauth_contradict_each_other(load_text: Loader) -> None:
    both = RIGHT.replace("[register]", '[pleo.oauth]\nredirect_uri = "http://x/y"\n\n[register]')
    found = problems(load_text, both)
    assert [each.partition(":")[0] for each in found] == [
        "pleo.oauth",
        "pleo.oauth.client_id",
        "pleo.oauth.client_secret",
        "pleo.oauth.redirect_uri",
    ]
    assert "keep one of the two" in found[0]
    assert "/oauth/callback" in found[3]

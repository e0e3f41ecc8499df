"""The accounting systems that a configuration may name are those installed, with their options."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.config import Config, load
from counterfoil.config.surroundings import InstalledSystems
from counterfoil.errors import ConfigurationError

HEAD = """\
[pleo]
environment = "staging"
api_key = "env:PLEO_API_KEY"
"""


def section(name: str, ledger: str, company: str = "12abc3d4") -> str:
    return f"""
[[connection]]
name = "{name}"
company_id = "{company}-e567-890e-1234-abc56e78fabc"
system = "beancount"
options.ledger = "{ledger}"
"""


def read(folder: Path, *sections: str) -> Config:
    path = folder / "counterfoil.toml"
    path.write_text(HEAD + "".join(sections))
    return load(path, {"PLEO_API_KEY": "key"})


def test_beancount_is_installed() -> None:
    assert InstalledSystems()["beancount"].name == "beancount"


def test_the_ledger_is_beside_the_configuration(tmp_path: Path) -> None:
    (connection,) = read(tmp_path, section("acme", "books/main.beancount")).connections
    assert connection.open_books().target.endswith(str(tmp_path / "books" / "main.beancount"))


def test_a_company_is_booked_in_one_book_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, section("acme", "main.beancount"), section("twin", "./main.beancount"))
    (problem,) = caught.value.problems
    assert problem.startswith("connection[twin].company_id: connection acme exports this ")


def test_two_companies_may_share_a_book(tmp_path: Path) -> None:
    config = read(tmp_path, section("a", "main.beancount"), section("b", "main.beancount", "0" * 8))
    assert [connection.name for connection in config.connections] == ["a", "b"]


def test_an_unknown_option_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"options\.file: is not a setting"):
        read(tmp_path, section("acme", "main.beancount"), 'options.file = "x"\n')

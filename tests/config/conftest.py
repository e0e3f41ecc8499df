"""What the stories about configurations share: a loader of texts, for books that stay shut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from counterfoil.config import Config, load
from counterfoil.systems.contract import AccountingSystem, SystemKind

ENVIRONMENT = {"PLEO_API_KEY": "key-from-environment", "EMPTY": " ", "TWO_WORDS": "not one"}


class LedgerOptions(BaseModel):
    """Options as an adapter declares them."""

    model_config = ConfigDict(extra="forbid")

    ledger: str = Field(description="The main ledger file.")
    page: str = Field("", pattern="^https://", description="Where it is shown, with https://")
    lines: int = 1


def stay_shut(options: BaseModel, folder: Path) -> AccountingSystem:
    raise AssertionError(f"reading a configuration opened the books: {options} in {folder}")


KIND = SystemKind(name="beancount", options=LedgerOptions, open=stay_shut)


@pytest.fixture
def load_with(tmp_path: Path) -> Callable[[str, Mapping[str, str]], Config]:
    """Give a loader of a configuration's text under an environment of its own."""

    def load_it(text: str, environ: Mapping[str, str]) -> Config:
        path = tmp_path / "counterfoil.toml"
        path.write_text(text, "utf-8")
        return load(path, environ, {"beancount": KIND})

    return load_it


@pytest.fixture
def load_text(load_with: Callable[[str, Mapping[str, str]], Config]) -> Callable[[str], Config]:
    """Give a loader of a configuration's text."""
    return lambda text: load_with(text, ENVIRONMENT)

"""Where the register's encryption keys come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.register.sealing import Seal, new_key
from tests.config.conftest import ENVIRONMENT
from tests.config.test_reading_a_configuration import DESIGNED

Loader = Callable[[str, Mapping[str, str]], Config]
KEY, OTHER = new_key(), new_key()


def with_key(line: str) -> str:
    return DESIGNED.replace("[register]", f"[register]\nkey = {line}")


def test_without_a_key_nothing_is_sealed(load_with: Loader) -> None:
    assert not load_with(DESIGNED, ENVIRONMENT).seal.has_key


def test_keys_come_from_the_environment(load_with: Loader) -> None:
    """From our own variable without a word, from another where it is named."""
    common = {**ENVIRONMENT, "COUNTERFOIL_KEY": f"{KEY}, {OTHER}\n"}
    own = {**ENVIRONMENT, "OWN": KEY}
    assert load_with(DESIGNED, common).seal.names == Seal([KEY, OTHER]).names
    assert load_with(with_key('"env:OWN"'), own).seal.names == Seal([KEY]).names


def test_a_file_of_keys_is_for_its_owner_alone(load_with: Loader, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n{OTHER}\n")
    for mode in (0o644, 0o640, 0o601):
        (tmp_path / "key").chmod(mode)
        with pytest.raises(ConfigurationError, match=rf"chmod 600 {tmp_path}/key"):
            load_with(with_key('"file:key"'), ENVIRONMENT)
    (tmp_path / "key").chmod(0o600)
    assert load_with(with_key('"file:key"'), ENVIRONMENT).seal.names == Seal([KEY, OTHER]).names


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_file_without_a_key_seals_nothing_and_is_told(
    load_with: Loader, tmp_path: Path, text: str
) -> None:
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_text(text)
    with pytest.raises(ConfigurationError, match=r"^register\.key: .*empty"):
        load_with(with_key('"file:key"'), ENVIRONMENT)


@pytest.mark.parametrize(
    ("line", "environ", "told"),
    [
        ('"hunter2"', {}, "is not a reference, and keys do not belong in this file"),
        ('"env:OWN"', {}, "the environment variable OWN is not set"),
        ('"env:OWN"', {"OWN": "hunter2"}, "env:OWN does not hold a key of 44 letters"),
        ('"env:OWN"', {"OWN": KEY, "COUNTERFOIL_KEY": OTHER}, "another key than COUNTERFOIL_KEY"),
        (None, {"COUNTERFOIL_KEY": "hunter2"}, "COUNTERFOIL_KEY does not hold a key"),
    ],
)
def test_a_key_that_is_none_is_told_and_not_shown(
    load_with: Loader, line: str | None, environ: Mapping[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^register\.key: .*{told}") as error:
        load_with(with_key(line) if line else DESIGNED, {**ENVIRONMENT, **environ})
    assert "hunter2" not in str(error.value)

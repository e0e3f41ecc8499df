"""Writes what was answered: a small commented counterfoil.toml, and secrets in files of their own.

Each file is whole or not there: it is written beside its place, checked and moved there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from counterfoil.cli.init.accounts import ROLES
from counterfoil.cli.init.state import State
from counterfoil.config import load
from counterfoil.config.addresses import ENVIRONMENTS
from counterfoil.effects import effect

__all__ = ["configuration", "secret_files", "write_files"]

PRIVATE = 0o600
USUAL = 0o644


def secret_files(state: State, folder: Path) -> dict[Path, str]:
    """Return the files that typed secrets are kept in."""
    return {
        folder / str(answer.value).removeprefix("file:"): f"{answer.secret}\n"
        for answer in state.answers.values()
        if answer.secret is not None
    }


def write_files(path: Path, state: State) -> None:
    """Write the secrets, then the configuration; raises ConfigurationError before the last step."""
    for place, secret in secret_files(state, path.parent).items():
        with _replacing(place, secret, PRIVATE):
            pass
    with _replacing(path, configuration(state), USUAL) as beside:
        load(beside, state.around.environ, state.around.systems)


@contextmanager
def _replacing(path: Path, text: str, mode: int) -> Iterator[Path]:
    """Write a text beside a file, and let it take the file's place if the block does not raise."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(beside, text, mode)
        yield beside
        with effect("init.replace", str(path)):
            beside.replace(path)
    except BaseException:
        with effect("init.discard", str(beside)):
            beside.unlink(missing_ok=True)
        raise


def _write(path: Path, text: str, mode: int) -> None:
    with effect("init.write", str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def configuration(state: State) -> str:
    """Put the answers into the words of a configuration file."""
    return "\n".join([*_head(state), "", *_connection(state)]) + "\n"


def _head(state: State) -> Iterator[str]:
    pleo = state.text("pleo")
    yield f"# Made by counterfoil init on {datetime.now(UTC).date()}; every key is explained in"
    yield "# docs/configuration.md. Check it after a change: counterfoil doctor"
    yield ""
    yield "[pleo]"
    yield _line("environment" if pleo in ENVIRONMENTS else "base_url", pleo)
    if "ca_file" in state:
        yield _line("ca_file", state.text("ca_file"))
    yield _line("api_key", state.answers["api_key"].value, "a reference, never the key itself")
    yield ""
    yield "[register]"
    yield _line("url", "sqlite:///counterfoil.db", "what was booked: keep it in your backup")


def _connection(state: State) -> Iterator[str]:
    yield "[[connection]]"
    for key in ("name", "company_id", "system", "timezone"):
        yield _line(key, state.text(key))
    yield from _table("options", state.options())
    if "bridge.token" in state:
        yield from _table("bridge", {"token": state.answers["bridge.token"].value})
    yield from _accounts(state)
    yield ""
    yield "[connection.posting]"
    yield _line("mode", state.text("posting"), "draft: a person looks at each entry; or final")


def _table(name: str, values: Mapping[str, object]) -> Iterator[str]:
    if values:
        yield from ("", f"[connection.{name}]")
        yield from (_line(key, value) for key, value in values.items())


def _accounts(state: State) -> Iterator[str]:
    if not any(key.startswith("accounts.") for key in state.answers):
        return
    yield ""
    yield "[connection.accounts]"
    for role in ROLES:
        one = state.answers.get(f"accounts.{role}")
        if one is not None and one.value is not None:
            yield _line(role, one.value, one.note)
            continue
        each = {
            currency: state.answers[f"accounts.{role}.{currency}"] for currency in state.currencies
        }
        yield _line(role, {currency: answer.value for currency, answer in each.items()})


def _line(key: str, value: object, note: str = "") -> str:
    line = f"{key} = {_toml(value)}"
    return f"{line:<34}  # {_printable(note)}" if note else line


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _toml(value: object) -> str:
    """Write a value as TOML: JSON's texts, numbers and lists are; tables are not."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value.items()))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _pairs(items: Iterable[tuple[str, object]]) -> Iterator[str]:
    for key, value in items:
        bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
        yield f"{key if bare else json.dumps(key)} = {_toml(value)}"

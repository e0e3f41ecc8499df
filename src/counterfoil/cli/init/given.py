"""Answers that were given beforehand: with ``--set KEY=VALUE``, or in a file of TOML.

The file has the questions' keys, dotted or as tables::

    pleo = "staging"
    api_key = "env:PLEO_API_KEY"
    accounts = { wallet = "1800", payable = "2000" }
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from counterfoil.config.mistakes import close_to
from counterfoil.errors import ConfigurationError

__all__ = ["Given", "read_given"]


class Given:
    """What was answered beforehand, by key; it remembers what was asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Take the answers as texts."""
        self._texts = dict(texts)
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        """Whether there is an answer for the key, or for the table that it is in."""
        return self._place(key) is not None

    def answers(self, key: str) -> bool:
        """Whether there is an answer for the key, or for each currency below it."""
        return key in self or any(each.startswith(f"{key}.") for each in self._texts)

    def take(self, key: str) -> str | None:
        """Return the answer; ``accounts.wallet`` also answers ``accounts.wallet.GBP``."""
        self._asked.add(key)
        place = self._place(key)
        return None if place is None else self._texts[place]

    def _place(self, key: str) -> str | None:
        table, _, currency = key.rpartition(".")
        of_all = table if table.count(".") and currency.isupper() else None
        return next((each for each in (key, of_all) if each in self._texts), None)

    def drop(self, key: str) -> None:
        """Forget an answer, so that a person is asked."""
        self._texts.pop(self._place(key) or key, None)

    def refuse_strangers(self) -> None:
        """Raise ConfigurationError for answers to what was never asked."""
        answered = {self._place(key) for key in self._asked}
        problems = [
            f"{key}: is not asked here; {_meant(key, sorted(self._asked))}"
            for key in self._texts
            if key not in answered
        ]
        if problems:
            raise ConfigurationError(*problems)


def _meant(key: str, asked: Sequence[str]) -> str:
    meant = close_to(key, asked)
    return f"did you mean {meant}?" if meant else f"what is asked: {', '.join(asked)}"


def read_given(file: Path | None, pairs: Sequence[str]) -> Given:
    """Read a file of answers and the pairs of ``--set``, which come first."""
    texts = {} if file is None else dict(_flat(_document(file)))
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign:
            raise ConfigurationError(f'--set: "{pair}" is not KEY=VALUE, such as pleo=staging')
        texts[key.strip()] = value.strip()
    return Given(texts)


def _document(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"--answers: {file} cannot be read as TOML: {error}") from error


def _flat(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{key}.")
        elif isinstance(value, list):
            yield key, ", ".join(map(str, value))
        else:
            yield key, str(value).lower() if isinstance(value, bool) else str(value)
